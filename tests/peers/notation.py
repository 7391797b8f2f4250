"""The real `notation` with a configuration of its own: one authority, one signing key, one trust policy."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from peers.processes import PeerError
from peers.registry import openssl
from peers.tools import Ran, clean_environment, peer, run

NAMES = "/C=US/ST=WA/O=acme/CN="
IDENTITY = "x509.subject: C=US, ST=WA, O=acme"
USAGE = "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"
KINDS = {
    "p256": ("ec", "ec_paramgen_curve:P-256"), "p384": ("ec", "ec_paramgen_curve:P-384"),
    "p521": ("ec", "ec_paramgen_curve:P-521"), "rsa2048": ("rsa", "rsa_keygen_bits:2048"),
    "rsa3072": ("rsa", "rsa_keygen_bits:3072"), "rsa4096": ("rsa", "rsa_keygen_bits:4096"),
}  # fmt: skip


class Notation:
    """The command; `folder` is its configuration."""

    def __init__(
        self, folder: Path, kind: str = "p256", *, days: int = 30, public: Path | None = None, usage: str = USAGE
    ) -> None:
        """Make authority, key and chain; with `public`, that key is certified, and only trustkit signs with it."""
        self.folder = folder / "notation"
        self.folder.mkdir()
        self.root, self.key, self.chain = (self.folder / name for name in ("root.pem", "leaf.key", "chain.pem"))
        self._root_key, self._usage = self.folder / "root.key", self.folder / "usage"
        self._usage.write_text(usage)
        self._authority()
        leaf, request = self.folder / "leaf.pem", self.folder / "leaf.csr"
        algorithm, option = KINDS[kind]
        openssl("req", "-newkey", algorithm, "-pkeyopt", option, "-nodes", "-keyout", self.key, "-out", request,
                "-subj", f"{NAMES}signer")  # fmt: skip
        forced = ["-force_pubkey", public] if public else []
        openssl("x509", "-req", "-in", request, "-out", leaf, "-days", days, "-CA", self.root, "-CAkey", self._root_key,
                "-set_serial", 7, "-extfile", self._usage, *forced)  # fmt: skip
        self.chain.write_text(leaf.read_text() + self.root.read_text())
        rows = [{"name": "k", "keyPath": str(self.key), "certPath": str(self.chain)}]
        (self.folder / "signingkeys.json").write_text(json.dumps({"default": "k", "keys": rows}))

    def _authority(self) -> None:
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self._root_key]
        authority = ["-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        openssl("req", "-x509", *new, "-out", self.root, "-days", 30, "-subj", f"{NAMES}root", *authority)

    @property
    def policy_file(self) -> Path:
        """The trust policy."""
        return self.folder / "trustpolicy.json"

    @property
    def store(self) -> Path:
        """The trust store, with `x509/ca/acme` once something is trusted."""
        return self.folder / "truststore"

    def trust(self, **changed: object) -> None:
        """Have notation trust the authority everywhere, strictly; `changed` members of the one policy differ."""
        self.put("ca", "acme", self.root.read_bytes())
        policy: dict[str, object] = {
            "name": "acme", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
            "trustStores": ["ca:acme"], "trustedIdentities": [IDENTITY], **changed,
        }  # fmt: skip
        self.policies([{name: value for name, value in policy.items() if value is not None}])

    def policies(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write the trust policy."""
        self.policy_file.write_text(json.dumps({"version": "1.0", "trustPolicies": rows}))

    def put(self, kind: str, name: str, certificate: bytes) -> Path:
        """Add a certificate to a trust store and return its file."""
        folder = self.store / "x509" / kind / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "root.crt").write_bytes(certificate)
        return folder / "root.crt"

    def sign(self, reference: str, *words: str) -> None:
        """Sign an image. Raises PeerError when it fails."""
        done = self._run("sign", *words, reference)
        if done.status != 0:
            raise PeerError(done.said)

    def verify(self, reference: str, *words: str) -> Ran:
        """Verify an image."""
        return self._run("verify", *words, reference)

    def inspect(self, reference: str) -> list[dict[str, dict[str, str]]]:
        """Return what notation says of an image's signatures. Raises PeerError when it fails."""
        done = self._run("inspect", "--output", "json", reference)
        if done.status != 0:
            raise PeerError(done.said)
        found: list[dict[str, dict[str, str]]] = json.loads(done.stdout)["Signatures"]
        return found

    def _run(self, action: str, *words: str) -> Ran:
        env = clean_environment(HOME=str(self.folder), XDG_CONFIG_HOME=str(self.folder.parent))
        return run([peer("notation"), action, "--insecure-registry", *words], env=env)
