"""The unpacked peer programs in `.peers/bin`, which `make peers` brings."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from peers.processes import PeerError

ROOT = Path(__file__).resolve().parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Ran(NamedTuple):
    """What a finished command did."""

    args: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def said(self) -> str:
        """Both outputs, for messages of failed assertions."""
        return f"$ {' '.join(self.args)}\n{self.stdout}{self.stderr}[exit {self.status}, {self.seconds:.2f} s]"


def peer(name: str) -> Path:
    """Return the path of a peer program. Raises PeerError when `make peers` has not brought it."""
    path = ROOT / ".peers" / "bin" / name
    if not path.exists():
        raise PeerError(f"{path} is missing: run make peers")
    return path


def run(
    args: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str | bytes = b"",
    cwd: Path | None = None,
    timeout: float = 60,
) -> Ran:
    """Run a command to its end; whatever it does, its exit status and both outputs are returned."""
    started = time.monotonic()
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        list(map(str, args)), check=False, capture_output=True, input=given, env=env, cwd=cwd, timeout=timeout
    )
    seconds = time.monotonic() - started
    out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return Ran(tuple(map(str, args)), done.returncode, out, err, seconds)


class Cosign:
    """A real cosign with a home folder of its own; no Rekor, no Fulcio, no network but the registry given."""

    def __init__(self, name: str, home: Path, password: str = "wonderland") -> None:
        """Use the peer `name` (`cosign2` or `cosign3`)."""
        self.path = peer(name)
        self.home = home
        self.home.mkdir(parents=True, exist_ok=True)
        self.env = {
            "PATH": PATH,
            "HOME": str(home),
            "TUF_ROOT": str(home / "tuf"),
            "COSIGN_PASSWORD": password,
            "COSIGN_YES": "true",
            "LC_ALL": "C.UTF-8",
        }

    def run(self, *args: str | Path, env: Mapping[str, str] | None = None, stdin: str | bytes = b"") -> Ran:
        """Run cosign and return what it did, whether it succeeded or not."""
        return run([self.path, *args], env={**self.env, **(env or {})}, stdin=stdin, cwd=self.home)

    def must(self, *args: str | Path, env: Mapping[str, str] | None = None, stdin: str | bytes = b"") -> Ran:
        """Run cosign. Raises PeerError when it fails."""
        done = self.run(*args, env=env, stdin=stdin)
        if done.status != 0:
            raise PeerError(done.said)
        return done

    def generate_key(self, name: str = "cosign") -> tuple[Path, Path]:
        """Make an encrypted ECDSA P-256 key pair and return the private and the public file."""
        self.must("generate-key-pair", "--output-key-prefix", name)
        return self.home / f"{name}.key", self.home / f"{name}.pub"

    def import_key(self, pem: Path, name: str) -> tuple[Path, Path]:
        """Encrypt a PEM private key in cosign's own form and return the private and the public file."""
        self.must("import-key-pair", "--key", pem, "--output-key-prefix", name)
        return self.home / f"{name}.key", self.home / f"{name}.pub"


def clean_environment(**more: str) -> dict[str, str]:
    """Return a small environment without the caller's settings; PATH is the system's."""
    kept = {name: os.environ[name] for name in ("TERM", "TZ") if name in os.environ}
    return {"PATH": PATH, "LC_ALL": "C.UTF-8", **kept, **more}
