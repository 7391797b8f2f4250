"""The small program that engines take for their runtime, as trustkit delivers it, for a state directory of a test."""

from pathlib import Path

from peers.podman import RUNTIME
from peers.tools import ROOT
from peers.trustkit import Trustkit

DELIVERED = ROOT / "deploy/podman/trustkit-engine-runtime"


def engine_runtime(trustkit: Trustkit, folder: Path) -> Path:
    """Write the program into a folder and return it."""
    text = DELIVERED.read_text(encoding="utf-8").replace("/usr/local/bin/trustkit-runtime", str(RUNTIME))
    program = folder / "engine-runtime"
    program.write_text(text.replace("/var/lib/trustkit", str(trustkit.home)), encoding="utf-8")
    program.chmod(0o755)
    return program
