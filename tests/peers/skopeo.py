"""The real skopeo 1.18, which is built with sigstore and shares its library with Podman and CRI-O."""

import json
from collections.abc import Mapping
from pathlib import Path

from peers.tools import Ran, clean_environment, run
from peers.trixie import trixie

_ATTACHED = "default-docker:\n  use-sigstore-attachments: true\n"


class Skopeo:
    """skopeo with a home folder of its own, in which it looks for signatures beside images."""

    def __init__(self, folder: Path) -> None:
        """Keep files in `folder`."""
        self.folder = folder
        registries = folder / ".config/containers/registries.d"
        registries.mkdir(parents=True)
        (registries / "default.yaml").write_text(_ATTACHED, encoding="utf-8")
        self._env = clean_environment(HOME=str(folder))

    def run(self, *words: str | Path) -> Ran:
        """Run skopeo and return what it did."""
        return run([*trixie("skopeo118"), *words], env=self._env)

    def copies(self, reference: str, requirement: Mapping[str, object]) -> Ran:
        """Copy an image out of a registry under a policy of one requirement."""
        policy = self.folder / "policy.json"
        document = {"default": [{"type": "reject"}], "transports": {"docker": {"": [requirement]}}}
        policy.write_text(json.dumps(document), encoding="utf-8")
        place = f"dir:{self.folder / 'copied'}"
        return self.run("--policy", policy, "copy", "--src-tls-verify=false", f"docker://{reference}", place)

    def sign(self, reference: str, target: str, key: Path, passphrase: str) -> Ran:
        """Copy an image inside a registry and sign the copy, in cosign's form."""
        secret = self.folder / "passphrase"
        secret.write_text(passphrase, encoding="utf-8")
        how: list[str | Path] = ["--sign-by-sigstore-private-key", key, "--sign-passphrase-file", secret]
        tls = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        words = ["--insecure-policy", "copy", *tls, *how, f"docker://{reference}", f"docker://{target}"]
        return self.run(*words)
