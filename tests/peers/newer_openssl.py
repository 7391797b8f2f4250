"""Python on OpenSSL 3.5 (Debian's next release) with the C library it needs: what drives ML-DSA in a FIPS module."""

import os
import subprocess
import sys
from pathlib import Path

from peers.processes import PeerError

ROOT = Path(__file__).resolve().parents[2]
_PEERS = ROOT / ".peers" / "root"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code with libcrypto 3.5; the tests' helpers can be imported. Raises PeerError if it is not there."""
    libc, libcrypto = _PEERS / "libc241" / _LIBRARIES, _PEERS / "libcrypto35" / _LIBRARIES
    loader = libc / "ld-linux-x86-64.so.2"
    if not loader.exists() or not libcrypto.is_dir():
        raise PeerError(f"{loader} or {libcrypto} is missing: run make peers")
    paths = [str(ROOT), str(ROOT / "tests"), *(path for path in sys.path if path.endswith("site-packages"))]
    # the interpreter itself, not its link in a virtual environment: the loader would look beside the link
    python = os.path.realpath(sys.executable)
    return subprocess.run(
        [loader, "--library-path", f"{libc}:{libcrypto}", python, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
