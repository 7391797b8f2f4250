"""`trustkit-image-verifier`: containerd asks whether an image may be pulled; 0 is yes, standard output says why.

It runs at every pull, so it starts lean: a running daemon is asked, and only without one the policy is judged here.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from trustkit.cli.asking import Asker
from trustkit.cli.leaving import leave
from trustkit.errors import TrustkitError
from trustkit.hooks.containerd import DESCRIPTOR_BYTES, pulled
from trustkit.model.facts import RequestFacts

# containerd kills a verifier after 10 seconds by default, and then nobody learns why.
_SECONDS = 8.0
_FOLDER, _PROGRAM, _MAX_VERIFIERS = "/opt/containerd/image-verifier/bin", "trustkit-image-verifier", 10
_ENGINE, _PURPOSE = "containerd", "pull"


def main() -> NoReturn:
    """Answer containerd; `--check FOLDER` looks whether containerd would ask at all."""
    if sys.argv[1:2] == ["--check"]:
        leave(*checked(Path(sys.argv[2] if len(sys.argv) > 2 else _FOLDER)))  # noqa: PLR2004  (a flag and a folder)
    signal.signal(signal.SIGALRM, lambda *_: leave(1, f"trustkit: no decision within {_SECONDS:.0f} seconds"))
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        allowed, reason = verdict(sys.argv[1:], os.environ)
    except TrustkitError as error:
        allowed, reason = False, error.message
    except Exception as error:  # noqa: BLE001  (whatever happens, containerd is told no)
        allowed, reason = False, f"a fault of ours: {type(error).__name__}: {error}"
    leave(0 if allowed else 1, f"trustkit: {reason}")


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
    request = RequestFacts(purpose=_PURPOSE, engine=_ENGINE)
    answer = Asker(environment).ask(image, request)
    return answer.allowed, answer.reason
