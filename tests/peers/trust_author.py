"""trustkit as an author of content trust, with a home of its own and keys that open in no time."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers.registry import openssl
from peers.tools import Ran, clean_environment, peer, run
from peers.trust import PASSPHRASE, TrustServer
from peers.trustkit import Trustkit
from peers.workspace import short_folder


class Author:
    """trustkit with a home of its own, working on one repository of a server."""

    def __init__(self, home: Path, server: TrustServer, gun: str) -> None:
        """Know the server and nothing of the repository."""
        self.trustkit, self.gun, self.folder = Trustkit(home), gun, home / "content-trust"
        self.server = server
        self.trustkit.env["TRUSTKIT_PASSWORD"] = PASSPHRASE
        trusted = f'[registry]\nca_file = "{server.tls.ca_file}"\n' if server.tls else ""
        (home / "config.toml").write_text(f'[trust]\nserver = "{server.url}"\n{trusted}')

    def must(self, action: str, *words: str | Path) -> str:
        """Run `trustkit trust ACTION` and return its output. Raises PeerError when it fails."""
        return self.trustkit.must("trust", action, *words).stdout

    def run(self, action: str, *words: str | Path) -> Ran:
        """Run `trustkit trust ACTION` and return what it did."""
        return self.trustkit.run("trust", action, *words)

    def sign(self, tag: str, sha256: str, *words: str | Path) -> Ran:
        """Sign a tag for a digest, without a registry."""
        return self.run("sign", f"{self.gun}:{tag}@sha256:{sha256}", "--size", "401", *words)

    def begun(self, *words: str | Path) -> "Author":
        """Begin the repository and sign v1. Raises PeerError."""
        self.must("init", self.gun, *words)
        self.must("sign", f"{self.gun}:v1@sha256:{'1' * 64}", "--size", "401")
        return self

    def keyed(self, keys: list[Path]) -> "Author":
        """Put these keys where the repository's are looked for."""
        (self.folder / "private").mkdir(parents=True, exist_ok=True)
        for file in keys:
            copy = self.folder / "private" / file.name
            shutil.copy(file, copy)
            copy.write_text(file.read_text().replace("role: targets", f"gun: {self.gun}\nrole: targets"))
        return self

    def tags(self, *words: str) -> dict[str, tuple[str, str]]:
        """Return digest and role of every tag."""
        found = self._inspect(*words)["tags"]
        assert isinstance(found, list)
        return {one["tag"]: (one["digest"].removeprefix("sha256:"), one["role"]) for one in found}

    def root_version(self) -> int:
        """Return the root's version."""
        found = self._inspect()["root"]
        assert isinstance(found, dict)
        return int(found["version"])

    def _inspect(self, *words: str) -> dict[str, object]:
        found = self.trustkit.json("trust", "inspect", self.gun, *words)
        assert isinstance(found, dict)
        return found


@contextmanager
def other_author(server: TrustServer, gun: str) -> Iterator[Author]:
    """Give another user, who never saw the repository."""
    with short_folder("author") as folder:
        (folder / "state").mkdir(mode=0o700)
        yield Author(folder / "state", server, gun)


def notary_keys(folder: Path) -> list[Path]:
    """Return a root and a targets key that notary made: they open quicker than those that trustkit makes."""
    env = clean_environment(HOME=str(folder), NOTARY_ROOT_PASSPHRASE=PASSPHRASE, NOTARY_TARGETS_PASSPHRASE=PASSPHRASE)
    for role in ("root", "targets"):
        done = run([peer("notary"), "-d", folder, "key", "generate", "ecdsa", "--role", role], env=env)
        assert done.status == 0, done.said
    return sorted((folder / "private").glob("*.key"))


def new_signer(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a signer's key and return its encrypted private half and its public half."""
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes-256-cbc",
            "-pass", f"pass:{PASSPHRASE}", "-out", private)  # fmt: skip
    openssl("pkey", "-in", private, "-passin", f"pass:{PASSPHRASE}", "-pubout", "-out", public)
    private.chmod(0o600)
    return private, public
