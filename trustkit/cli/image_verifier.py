"""`trustkit-image-verifier`: containerd asks whether an image may be pulled; 0 is yes, standard output says why.

It runs at every pull, so it starts lean: a running daemon is asked, and only without one the policy is judged here.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from trustkit.cli import fips_floor
from trustkit.cli.client.wire import FIPS_HEADER, POLICY_HEADER, Connection
from trustkit.config import load
from trustkit.engine.errors import DaemonUnreachableError
from trustkit.errors import TrustkitError, UsageError
from trustkit.hooks.containerd import DESCRIPTOR_BYTES, pulled

# containerd kills a verifier after 10 seconds by default, and then nobody learns why.
_SECONDS = 8.0
_OK = 200
_FOLDER, _PROGRAM, _MAX_VERIFIERS = "/opt/containerd/image-verifier/bin", "trustkit-image-verifier", 10
_ENGINE, _PURPOSE = "containerd", "pull"


def main() -> NoReturn:
    """Answer containerd; `--check FOLDER` looks whether containerd would ask at all."""
    if sys.argv[1:2] == ["--check"]:
        _leave(*checked(Path(sys.argv[2] if len(sys.argv) > 2 else _FOLDER)))  # noqa: PLR2004  (a flag and a folder)
    signal.signal(signal.SIGALRM, lambda *_: _leave(1, f"trustkit: no decision within {_SECONDS:.0f} seconds"))
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        allowed, reason = verdict(sys.argv[1:], os.environ)
    except TrustkitError as error:
        allowed, reason = False, error.message
    except Exception as error:  # noqa: BLE001  (whatever happens, containerd is told no)
        allowed, reason = False, f"a fault of ours: {type(error).__name__}: {error}"
    _leave(0 if allowed else 1, f"trustkit: {reason}")


def _leave(status: int, reason: str) -> NoReturn:
    text = "".join(char if char.isprintable() else "?" for char in reason)[:1000]
    try:
        os.write(1, text.encode("utf-8", "replace") + b"\n")
    except OSError:
        status = status or 1
    os._exit(status)


def checked(folder: Path) -> tuple[int, str]:
    """Return 0 if containerd would run this program from a folder of verifiers, and what was found."""
    try:
        programs = sorted(entry for entry in folder.iterdir() if entry.is_file())
    except OSError as error:
        return 1, f"{folder}: {(error.strerror or str(error)).lower()}: containerd pulls everything unasked"
    if not programs:
        return 1, f"{folder} is empty: containerd pulls everything unasked"
    own = [entry for entry in programs if entry.resolve().name == _PROGRAM]
    if not own:
        return 1, f"{folder}: none of its {len(programs)} programs is {_PROGRAM}: trustkit is not asked"
    # containerd skips what comes after its max_verifiers, 10 unless set, in the order of names
    if programs.index(own[0]) >= _MAX_VERIFIERS:
        return 1, f"{own[0]} comes after {_MAX_VERIFIERS} others: containerd skips it unless max_verifiers is raised"
    if not os.access(own[0], os.X_OK):
        return 1, f"{own[0]} cannot be executed: containerd refuses every pull"
    return 0, f"{own[0]} is asked before every pull that containerd verifies"


def verdict(arguments: list[str], environment: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether the image may be pulled, and why. Raises TrustkitError: it may not."""
    image = str(pulled(arguments, sys.stdin.buffer.read(DESCRIPTOR_BYTES + 1)))
    config = load(environment)
    mode = fips_floor.settings(environment).mode
    try:
        connection = Connection(str(config.socket))
    except DaemonUnreachableError:
        if mode != fips_floor.OFF:
            raise UsageError("in FIPS mode the daemon decides, and none answers") from None
        return _judged_here(image)
    demands = {POLICY_HEADER: str(config.policy)} if config.policy else {}
    if mode != fips_floor.OFF:
        demands[FIPS_HEADER] = mode
    return _asked(connection, image, demands)


def _asked(connection: Connection, image: str, demands: Mapping[str, str]) -> tuple[bool, str]:
    from trustkit.codec.strict_json import as_object, as_text, parse

    question = f'{{"image": "{image}", "engine": "{_ENGINE}", "purpose": "{_PURPOSE}"}}'
    connection.send("POST", "/trustkit/decisions", question.encode(), demands=demands)
    status = connection.head()
    content = connection.body()
    answer = as_object(parse(content, what="the daemon's answer", limit_bytes=len(content)), "the daemon's answer")
    if status != _OK:
        return False, as_text(answer.get("message"), "message")
    words = {name: as_text(answer.get(name), name) for name in ("verdict", "rule", "reason", "digest")}
    if not image.endswith(f"@{words['digest']}"):
        return False, f"the daemon answered for {words['digest']}"
    return words["verdict"] == "allow", f"{words['reason']} (rule {words['rule']})"


def _judged_here(image: str) -> tuple[bool, str]:
    from trustkit.app import open_gate
    from trustkit.cli.words import actor
    from trustkit.model.facts import RequestFacts
    from trustkit.model.reference import ImageRef

    request = RequestFacts(actor=actor(), purpose=_PURPOSE, engine=_ENGINE)
    judgement, _ = open_gate(load(os.environ)).decide(ImageRef.parse(image), request)
    finding = judgement.decision.deciding
    reason = f"{finding.message} (rule {finding.rule})" if finding else "the policy reports only"
    return judgement.decision.allowed, reason
