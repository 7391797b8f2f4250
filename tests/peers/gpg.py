"""A real GnuPG with a home of its own, and the configuration that containers' tools read."""

import json
from collections.abc import Mapping
from pathlib import Path

from peers.processes import PeerError
from peers.tools import PATH, Ran, run


class Gpg:
    """GnuPG in one home folder, which must have a short path: its agent listens there."""

    def __init__(self, home: Path) -> None:
        """Make the home."""
        self.home = home
        home.mkdir(mode=0o700, exist_ok=True)
        self.env = {"PATH": PATH, "HOME": str(home), "GNUPGHOME": str(home), "LC_ALL": "C.UTF-8"}

    def must(self, *args: str | Path, stdin: bytes = b"", fake_time: str = "") -> Ran:
        """Run gpg. Raises PeerError when it fails."""
        clock = [f"--faked-system-time={fake_time}!"] if fake_time else []
        done = run(
            ["gpg", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "", *clock, *args],
            env=self.env,
            stdin=stdin,
        )
        if done.status != 0:
            raise PeerError(done.said)
        return done

    def key(self, name: str, kind: str = "ed25519", expires: str = "never", *, fake_time: str = "") -> str:
        """Make a signing key and return its fingerprint."""
        self.must("--quick-generate-key", name, kind, "sign", expires, fake_time=fake_time)
        listed = self.must("--with-colons", "--list-keys", name).stdout.splitlines()
        return next(line.split(":")[9] for line in listed if line.startswith("fpr:"))

    def public(self, fingerprint: str, *, armor: bool = False) -> Path:
        """Export a public key to a file."""
        file = self.home / f"{fingerprint}.{'asc' if armor else 'gpg'}"
        self.must(*(["--armor"] if armor else []), "--output", file, "--export", fingerprint)
        return file

    def secret(self, fingerprint: str) -> Path:
        """Export a secret key to a file of its owner's alone."""
        file = self.home / f"{fingerprint}.secret"
        self.must("--output", file, "--export-secret-keys", fingerprint)
        file.chmod(0o600)
        return file

    def revoke(self, fingerprint: str) -> None:
        """Revoke a key with the certificate that gpg made along with it."""
        made = self.home / "openpgp-revocs.d" / f"{fingerprint}.rev"
        self.must("--import", stdin=made.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))

    def signed(self, content: bytes, fingerprint: str, *options: str, fake_time: str = "") -> bytes:
        """Return a binary OpenPGP message with the content, signed."""
        file = self.home / "message"
        self.must("--local-user", fingerprint, *options, "--output", file, "--sign", stdin=content, fake_time=fake_time)
        return file.read_bytes()

    def stop(self) -> None:
        """End the agent."""
        run(["gpgconf", "--kill", "all"], env=self.env)


class Containers:
    """skopeo and podman with a policy.json and a registries.d of their own."""

    def __init__(self, folder: Path, gpg: Gpg) -> None:
        """Make the lookaside and say where it is."""
        self.folder, self.gpg = folder, gpg
        self.lookaside = folder / "lookaside"
        self.registries_d = folder / "registries.d"
        for each in (self.lookaside, self.registries_d):
            each.mkdir(parents=True)
        (self.registries_d / "default.yaml").write_text(
            f"default-docker:\n  lookaside: file://{self.lookaside}\n  lookaside-staging: file://{self.lookaside}\n",
            encoding="utf-8",
        )

    def policy(self, key: Path, identity: Mapping[str, str] | None = None) -> Path:
        """Write a policy.json that asks for a signature by this key."""
        one: dict[str, object] = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(key)}
        if identity:
            one["signedIdentity"] = dict(identity)
        file = self.folder / "policy.json"
        file.write_text(json.dumps({"default": [one]}), encoding="utf-8")
        return file

    def skopeo(self, *args: str | Path, policy: Path | None = None) -> Ran:
        """Run `skopeo copy` under a policy, by default one that accepts anything."""
        trust = ["--policy", str(policy)] if policy else ["--insecure-policy"]
        words = ["skopeo", *trust, "--registries.d", self.registries_d, "copy", *args]
        return run([str(word) for word in words], env=self.gpg.env)

    def podman(self, *args: str | Path, policy: Path) -> Ran:
        """Run `podman pull` with storage of its own under a policy."""
        store = self.folder / "podman"
        where = ["--root", store / "root", "--runroot", store / "run", "--storage-driver", "vfs"]
        words = [
            "podman", *where, "pull", "--tls-verify=false", "--signature-policy", policy, *args,
        ]  # fmt: skip
        # podman reads the user's registries.d only without root: for root it looks where this variable says
        home = Path(self.gpg.env["HOME"]) / ".config" / "containers"
        home.mkdir(parents=True, exist_ok=True)
        link = home / "registries.d"
        if not link.exists():
            link.symlink_to(self.registries_d)
        return run([str(word) for word in words], env=self.gpg.env)
