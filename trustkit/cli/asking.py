"""Asking the gate on behalf of another engine: the daemon's if one runs, else one of this process.

Programs that engines start ask so, and start lean: what judges here is loaded only without a daemon.
"""

from collections.abc import Mapping

from trustkit.cli import fips_floor
from trustkit.cli.client.wire import FIPS_HEADER, POLICY_HEADER, Connection
from trustkit.config import Config, load
from trustkit.engine.errors import DaemonUnreachableError
from trustkit.errors import ProtocolError, UsageError
from trustkit.model.facts import RequestFacts
from trustkit.model.values import NamedTuple

_OK = 200


class Answer(NamedTuple):
    """Whether it is allowed and why; and what was judged, by digests: of it, its configuration, its unpacked layers."""

    allowed: bool
    reason: str
    digest: str = ""
    config: str = ""
    layers: tuple[str, ...] = ()
    chain: str = ""


class Asker:
    """Asks one question after the other; in FIPS mode only of the daemon, for this process is not in it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Ask as this environment configures. Raises ConfigError."""
        self.config: Config = load(environment)
        self._fips = fips_floor.settings(environment)

    def ask(self, image: str, request: RequestFacts) -> Answer:
        """Return the answer about an image by digest; it is on record. Raises TrustkitError: nothing may go on."""
        try:
            connection = Connection(str(self.config.socket))
        except DaemonUnreachableError:
            if self._fips.mode != fips_floor.OFF:
                raise UsageError("in FIPS mode the daemon decides, and none answers") from None
            return _judged_here(self.config, image, request)
        policy = {POLICY_HEADER: named} if (named := self.config.text("trust.policy")) else {}
        demands = {**policy, FIPS_HEADER: fips_floor.expected_standing(self._fips)}
        try:
            answer = _asked(connection, image, request, demands)
        finally:
            connection.close()
        if answer.digest and not image.endswith(f"@{answer.digest}"):
            raise ProtocolError(f"the daemon answered for {answer.digest}")
        return answer


def _asked(connection: Connection, image: str, request: RequestFacts, demands: Mapping[str, str]) -> Answer:
    import json

    from trustkit.codec.strict_json import as_list, as_object, as_text, parse

    question: dict[str, object] = {"image": image, "engine": request.engine, "purpose": request.purpose}
    told = {name: value for name, value in request._asdict().items() if value != RequestFacts._field_defaults[name]}
    told = {name: value for name, value in told.items() if name not in {"actor", "engine", "purpose"}}
    if told:
        question["request"] = told
    connection.send("POST", "/trustkit/decisions", json.dumps(question).encode(), demands=demands)
    status = connection.head()
    content = connection.body()
    answer = as_object(parse(content, what="the daemon's answer", limit_bytes=len(content)), "the daemon's answer")
    if status != _OK:
        return Answer(False, as_text(answer.get("message"), "message"))
    names = ("verdict", "rule", "reason", "digest", "config", "chain")
    words = {name: as_text(answer.get(name), name) for name in names}
    layers = tuple(as_text(layer, "layer") for layer in as_list(answer.get("layers"), "layers"))
    reason = f"{words['reason']} (rule {words['rule']})"
    return Answer(words["verdict"] == "allow", reason, words["digest"], words["config"], layers, words["chain"])


def _judged_here(config: Config, image: str, request: RequestFacts) -> Answer:
    from trustkit.app import open_gate, open_log
    from trustkit.cli.words import actor
    from trustkit.codec.oci_manifest import parse_config
    from trustkit.fips.hashing import digest_of
    from trustkit.model.image import chain_id
    from trustkit.model.reference import ImageRef

    with open_log(config) as log:
        gate = open_gate(config, log=log)
        judgement, _ = gate.decide(ImageRef.parse(image), request._replace(actor=actor()))
    finding = judgement.decision.deciding
    judged, layers = judgement.image, parse_config(judgement.image.config_bytes).diff_ids
    return Answer(
        allowed=judgement.decision.allowed,
        reason=f"{finding.message} (rule {finding.rule})" if finding else "the policy reports only",
        digest=str(judged.digest),
        config=str(judged.config.digest),
        layers=tuple(map(str, layers)),
        chain=str(chain_id(layers, digest_of) or ""),
    )
