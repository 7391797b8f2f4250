"""SoftHSM, a PKCS#11 token in software: real tokens with real keys, in a folder of the test's own."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from peers.processes import PeerError
from peers.tools import clean_environment

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "271828"
# What `openssl genpkey` makes for each kind of key.
_GENERATE = {
    "ecdsa-p256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "ecdsa-p384": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "ed25519": ("-algorithm", "ED25519"),
    "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"),
}


class SoftToken(NamedTuple):
    """One token: where its configuration is, its label, and the files of public keys that were put in."""

    folder: Path
    label: str

    @property
    def env(self) -> dict[str, str]:
        """What a program that loads the library needs in its environment."""
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def uri(self, key: str, query: Mapping[str, str] | None = None) -> str:
        """Return the URI of a key in the token."""
        more = "".join(f"&{name}={value}" for name, value in (query or {}).items())
        return f"pkcs11:token={self.label};object={key}?module-path={MODULE}{more}"

    def add(self, kind: str, key: str, identifier: str = "01") -> Path:
        """Put a fresh key into the token and return the file of its public half. Raises PeerError."""
        private, public = self.folder / f"{key}.pem", self.folder / f"{key}.pub"
        _must("openssl", "genpkey", *_GENERATE[kind], "-out", str(private))
        _must("openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public))
        _must("softhsm2-util", "--import", str(private), "--token", self.label, "--label", key, "--id", identifier,
              "--pin", PIN, env=self.env)  # fmt: skip
        private.unlink()
        return public


def make_token(folder: Path, label: str = "signing") -> SoftToken:
    """Make an empty token; further ones of the same folder lie beside it. Raises PeerError."""
    tokens = folder / "tokens"
    tokens.mkdir(exist_ok=True)
    made = SoftToken(folder, label)
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    _must("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN, env=made.env)
    return made


def _must(*args: str, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(args, check=False, capture_output=True, env=clean_environment(**(env or {})), timeout=60)
    if done.returncode:
        raise PeerError(f"{' '.join(args[:2])}: {done.stderr.decode(errors='replace')}")
