"""Recorded decisions, judged again by another policy: what it would have said then.

A record holds the facts of its decision, but not everything another policy could ask for: what attestations said, an
image's configuration if nobody looked, signatures by parties nobody trusted. Where the answer depends on that, it is
`unknown` and says why; it is never guessed.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from trustkit.audit.words import module_of
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import MalformedError, TrustkitError
from trustkit.model.audit import AuditRecord
from trustkit.model.crypto import ModuleStatus
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.digest import Digest
from trustkit.model.facts import Child, Facts, RequestFacts
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, CHILDREN, CONFIGURATION, PREDICATES, RUNNING, Policy, reads
from trustkit.policy.evaluate import evaluate
from trustkit.policy.recorded import About, Written, facts_of
from trustkit.policy.scope import matching

UNKNOWN = "unknown"
# How the record cuts long texts.
_CUT = re.compile(r"… \(\d+ characters\)\Z")
_UNTRUSTED = "verification.signer"


class Replayed(NamedTuple):
    """One recorded decision and the draft's: `after` is allow, deny or UNKNOWN, `reason` says why."""

    sequence: int
    image: str
    before: str
    before_rule: str
    after: str
    after_rule: str
    reason: str

    @property
    def flips(self) -> bool:
        """Whether the draft says the opposite."""
        return self.after not in (UNKNOWN, self.before)


def replay(record: AuditRecord, policy: Policy) -> Replayed | None:
    """Return what the policy says of a recorded decision; None for a record without a verdict on facts."""
    body = record.event.body
    if "accepted" not in body or body.get("verdict") not in (ALLOW, DENY):
        return None
    before, rule, image = (str(body.get(name, "")) for name in ("verdict", "rule", "name"))
    try:
        facts = _facts(body, record.event.at, record.event.subject)
    except TrustkitError as error:
        return Replayed(record.sequence, image, before, rule, UNKNOWN, "", f"the record cannot be replayed: {error}")
    decision = evaluate(policy, facts)
    finding = decision.deciding
    after, after_rule = decision.verdict, finding.rule if finding is not None else ""
    reason = finding.message if finding is not None else f"mode {decision.mode} reports only"
    doubt = _gap(body, policy, facts) or (_doubt(body, policy, facts) if after == DENY else "")
    if doubt:
        return Replayed(record.sequence, image, before, rule, UNKNOWN, after_rule, doubt)
    return Replayed(record.sequence, image, before, rule, after, after_rule, reason)


def _gap(body: Mapping[str, object], policy: Policy, facts: Facts) -> str:
    """Return what the policy looks at and the record does not hold, or nothing."""
    sections = matching(policy, facts)
    asked = reads(policy._replace(sections=sections))
    if as_object(body.get("omitted", {}), "omitted"):
        return "the record was too long and holds a part of the facts only"
    if any(_CUT.search(text) for text in _texts(body)):
        return "the record holds long texts in part only"
    if PREDICATES in asked and any(item.statement for item in facts.report.accepted):
        return "records do not hold what attestations say"
    if {CHILDREN, RUNNING} & asked and "children" not in body:
        return "whether the image is an index was not recorded then"
    if CONFIGURATION in asked and not body.get("configured"):
        return "the image's configuration was not looked at then"
    return ""


def _doubt(body: Mapping[str, object], policy: Policy, facts: Facts) -> str:
    """Return which evidence may have been there without the record showing it, or nothing."""
    if grants := _objects(body, "grants"):
        return f"break-glass grant {grants[0].get('id', '')} let it through then, and records hold no grants"
    sections = tuple(section._replace(break_glass=None) for section in matching(policy, facts))
    asked = reads(policy._replace(sections=sections))
    if ATTESTATIONS in asked and not any(item.statement for item in facts.report.accepted):
        return "whether there were attestations was not recorded"
    if {CHILDREN, RUNNING} & asked and facts.image.children and not _beyond_the_index(facts):
        return "signatures of the index's manifests were not looked for then"
    strangers = [item for item in _objects(body, "rejected") if str(item.get("code", "")).startswith(_UNTRUSTED)]
    if strangers and sections and any(rule.demands_evidence for section in sections for rule in section.rules):
        return "there were signatures by parties that nobody trusted then, and this policy may"
    return ""


def _child(digest: str, platform: str) -> Child:
    parts = (*platform.split("/"), "")
    return Child(Digest.parse(digest), Platform(*parts[:3]), nested=platform == "index")


def _beyond_the_index(facts: Facts) -> bool:
    return any(item.subject != facts.image.digest for item in facts.report.accepted)


def _facts(body: Mapping[str, object], at: datetime, subject: Digest | None) -> Facts:
    """Return the facts of a record. Raises MalformedError, ReferenceSyntaxError."""
    if subject is None:
        raise MalformedError("it names no image")
    crypto = as_object(body.get("crypto"), "crypto")
    accepted = _objects(body, "accepted")
    about = About(
        ref=ImageRef.parse(as_text(body.get("reference"), "reference")),
        digest=subject,
        request=_request(as_object(body.get("request"), "request")),
        crypto=_module(crypto, accepted),
        now=at,
        platform=_platform(as_text(body.get("platform"), "platform")),
        manifest=Digest.parse(as_text(body.get("manifest"), "manifest")),
        created=_time(body.get("created")),
        user=str(body.get("user", "")),
        labels=_pairs(body.get("labels")),
        size_bytes=_number(body.get("size_bytes")),
        layers=_number(body.get("layers")),
        history=tuple(map(str, as_list(body.get("history", []), "history"))),
        complete=body.get("complete") is True,
        children=tuple(_child(*pair) for pair in _pairs(body.get("children"))),
    )
    facts = facts_of(about, tuple(_written(item) for item in accepted))
    return facts._replace(revoked=str(body.get("revoked", "")))


def _module(crypto: Mapping[str, object], accepted: list[dict[str, object]]) -> ModuleStatus:
    """Return the module of a record, which says of each signature whether its algorithm was approved."""
    approved = {str(item.get("algorithm", "")) for item in accepted if item.get("approved") is True}
    return module_of(crypto)._replace(approved=tuple(sorted(approved)))


def _platform(text: str) -> Platform:
    """Return a platform; where no configuration was looked at, a record names none."""
    return Platform(*[*text.split("/"), "", ""][:3])


def _written(item: Mapping[str, object]) -> Written:
    words = {name: str(item.get(name, "")) for name in (
        "fingerprint", "trust_root", "subject", "issuer", "algorithm", "format", "claimed_name", "time_source", "log",
        "predicate_type",
    )}  # fmt: skip
    return Written(
        fingerprint=words["fingerprint"],
        trust_root=words["trust_root"],
        subject=words["subject"],
        issuer=words["issuer"],
        claims=_pairs(item.get("claims")),
        algorithm=words["algorithm"],
        key_bits=_number(item.get("key_bits")),
        format=words["format"],
        evidence=Digest.parse(as_text(item.get("evidence"), "evidence")),
        claimed_name=words["claimed_name"],
        annotations=_pairs(item.get("annotations")),
        signed_at=_time(item.get("signed_at")),
        time_source=words["time_source"],
        log=words["log"],
        predicate_type=words["predicate_type"],
        unenforced=tuple(map(str, as_list(item.get("unenforced", []), "unenforced"))),
        logs=_number(item.get("logs")),
        of=Digest.parse(as_text(item["of"], "of")) if "of" in item else None,
    )


def _request(members: Mapping[str, object]) -> RequestFacts:
    request = RequestFacts()
    for name, default in RequestFacts()._asdict().items():
        value = members.get(name, default)
        if name == "namespace_labels":
            value = _pairs(value)
        elif isinstance(default, tuple):
            value = tuple(map(str, value)) if isinstance(value, list | tuple) else ()
        elif type(value) is not type(default):
            raise MalformedError(f"request {name} is no {type(default).__name__}")
        request = request._replace(**{name: value})  # type: ignore[arg-type]  # of the default's kind
    return request


def _objects(body: Mapping[str, object], name: str) -> list[dict[str, object]]:
    return [as_object(item, name) for item in as_list(body.get(name, []), name)]


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    pairs = [as_list(list(item) if isinstance(item, tuple) else item, "a pair") for item in _items(value)]
    if any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004  (a name and a value)
        raise MalformedError("a pair has two parts")
    return tuple((str(one), str(other)) for one, other in pairs)


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and value else None
    except ValueError as error:
        raise MalformedError(f"{str(value)[:40]!r} is no time") from error


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for name, member in value.items() if name not in _WORDS for text in _texts(member)]
    return [text for member in value for text in _texts(member)] if isinstance(value, list | tuple) else []


# Sentences for people; no rule looks at them.
_WORDS = ("findings", "reason", "rejected", "notes", "rule")
