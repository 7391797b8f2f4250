"""containers' `policy.json`, as the policy and the trust roots of one reference."""

from pathlib import Path

from trustkit import limits
from trustkit.admission.trust_policy import Chosen
from trustkit.codec.canonical_json import canonical
from trustkit.codec.openpgp_key import binary
from trustkit.errors import ConfigError, MalformedError, PolicySyntaxError
from trustkit.fips.hashing import digest_of
from trustkit.fips.parse import public_key_from_pem
from trustkit.model.reference import ImageRef
from trustkit.policy.containers_policy import ACCEPT, GPG, REJECT, Given, Requirement, read
from trustkit.policy.document import AUDIT, ENFORCE, Match, Policy, Rule, Section
from trustkit.policy.rules.said import Said
from trustkit.policy.rules.signed_by import SignedBy
from trustkit.policy.signers import Signers
from trustkit.policy.trusted import PolicyOpenPgp, PolicySigstore, Signer
from trustkit.signing.trust.load_pem import PemFiles, sigstore_root_from_pem
from trustkit.signing.trust.roots import OpenPgpKey, SigstoreRoot, TrustedKey, TrustRoots

_NAME = "policy.json"
_FORMATS = ("cosign", "simple-signing")
_STEP = "correct the policy, or the file it names; paths are looked for beside it"


class ContainersPolicyFile:
    """A policy file; the files it names lie beside it, or have absolute paths."""

    def __init__(self, content: bytes, folder: Path) -> None:
        """Read the file; what it names is read when a reference needs it. Raises PolicySyntaxError."""
        try:
            self._policy = read(content)
        except MalformedError as error:
            raise PolicySyntaxError(error.message, next_step=_STEP, file=_NAME) from error
        self._digest, self._folder = digest_of(content), folder

    def of(self, ref: ImageRef) -> Chosen:
        """Return what decides about a reference. Raises ConfigError."""
        try:
            scope, requirements = self._policy.of(ref)
            opened = _Opened(self._folder)
            sections = tuple(self._section(scope, one, opened) for one in requirements)
        except MalformedError as error:
            raise ConfigError(f"{_NAME}: {error.message}", next_step=_STEP) from error
        told = {"file": str(self._digest), "scope": scope, "files": sorted(opened.digests)}
        formats = _FORMATS if any(one.kind not in (ACCEPT, REJECT) for one in requirements) else ()
        return Chosen(Policy(scope or _NAME, digest_of(canonical(told)), sections), opened.trust, formats)

    def _section(self, scope: str, one: Requirement, opened: "_Opened") -> Section:
        name, where = scope or "default", f"requirements of {scope or 'default'}"
        mode, rule = ENFORCE, _said(one.kind, where)
        if one.kind == ACCEPT:
            mode = AUDIT
        elif one.kind != REJECT:
            rule = SignedBy((*(Signers(1, (signer,)) for signer in opened.signers(one)),))
        return Section(name, Match(), mode, "deny", (rule,), (), self._digest)


def _said(kind: str, where: str) -> Rule:
    says = {ACCEPT: "anything is accepted, no signature was looked at", REJECT: "every image is rejected"}
    return Said(f"transports.docker.{kind}", f"{where}: {says.get(kind, '')}", f"require signatures in {_NAME}")


class _Opened:
    """The files that requirements name, as trust roots, and the signers who satisfy each requirement."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.trust = TrustRoots()
        self.digests: list[str] = []

    def signers(self, one: Requirement) -> tuple[Signer, ...]:
        """Return who satisfies a requirement, and trust what it names. Raises ConfigError, MalformedError."""
        if one.kind == GPG:
            return tuple(self._ring(given, one) for given in one.keys)
        root = self._root(one)
        if not one.keys:
            return (PolicySigstore(one.subjects[0], (), root, one.issuer, one.subjects, one.identity),)
        return tuple(self._key(given, one) for given in one.keys)

    def _ring(self, given: Given, one: Requirement) -> Signer:
        name, content = self._file(given)
        root = f"ring-{digest_of(content).hex[:16]}"
        ring = OpenPgpKey(root, binary(content, name))
        if ring not in self.trust.openpgp:
            self.trust = self.trust._replace(openpgp=(*self.trust.openpgp, ring))
        return PolicyOpenPgp(name, root, (), one.identity)

    def _key(self, given: Given, one: Requirement) -> Signer:
        name, content = self._file(given)
        key = public_key_from_pem(content)
        if key not in [known.key for known in self.trust.keys]:
            self.trust = self.trust._replace(keys=(*self.trust.keys, TrustedKey(name, key)))
        return PolicySigstore(name, (key.fingerprint,), identity=one.identity, logged=bool(one.logs))

    def _root(self, one: Requirement) -> str:
        """Trust the authorities and logs of a requirement under a name that their content makes."""
        files = PemFiles(*(self._joined(part) for part in (one.authorities, one.intermediates, one.logs)))
        if not any(files):
            return ""
        name = f"root-{digest_of(canonical([str(digest_of(part)) for part in files])).hex[:16]}"
        root: SigstoreRoot = sigstore_root_from_pem(files, name)
        if name not in [known.name for known in self.trust.sigstore]:
            self.trust = self.trust._replace(sigstore=(*self.trust.sigstore, root))
        return name

    def _joined(self, listed: tuple[Given, ...]) -> bytes:
        return b"\n".join(self._file(given)[1] for given in listed)

    def _file(self, given: Given) -> tuple[str, bytes]:
        """Return a name for messages, and the content. Raises ConfigError."""
        content = _content(self._folder / given.path) if given.path else given.content
        digest = str(digest_of(content))
        self.digests.append(digest)
        return given.path or f"key {digest[:23]}", content


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(limits.TRUST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"{_NAME}: {file}: {reason.lower()}", next_step=_STEP) from error
    if len(content) > limits.TRUST_FILE_BYTES:
        raise ConfigError(f"{_NAME}: {file} is over {limits.TRUST_FILE_BYTES} bytes", next_step=_STEP)
    return content
