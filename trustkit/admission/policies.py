"""Policy files and the user's keys to a Policy, and a Policy to the trust roots it asks for."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from trustkit import limits
from trustkit.admission import trust_files
from trustkit.admission.trust_files import Read
from trustkit.errors import PolicySyntaxError
from trustkit.fips.hashing import digest_of
from trustkit.fips.parse import public_key_from_pem
from trustkit.model.digest import Digest
from trustkit.model.keys import KeyLife
from trustkit.model.values import NamedTuple
from trustkit.policy.builtin import NAME, builtin
from trustkit.policy.document import Policy, Section, trusted_keys, trusted_roots
from trustkit.policy.trusted import REMOTE, PolicyRoot, Signer
from trustkit.signing.trust.roots import TrustedKey, TrustRoots

_SUFFIXES = (".yaml", ".yml")
# Files of one policy directory.
_FILES = 256
# Beside a policy directory: a folder of documents for each namespace that has some.
_NAMESPACES = "namespaces"
# RFC 1123, as Kubernetes names namespaces.
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")


class Document(NamedTuple):
    """A policy file's content, and the namespace it is for, empty for all.

    `beside`: the files of trust that came with it, by their paths; None: they are read where it lies.
    """

    namespace: str
    file: Path
    content: bytes
    beside: Mapping[Path, bytes] | None = None


def read_documents(path: Path) -> tuple[Document, ...]:
    """Return the documents of a policy path. Raises PolicySyntaxError."""
    return tuple(_document(namespace, file) for namespace, file in policy_files(path))


def _document(namespace: str, file: Path) -> Document:
    read = trust_files.of_folder(file.parent, {}) if namespace else trust_files.content
    return Document(namespace, file, read(file, limits.POLICY_BYTES, str(file)))


def read_policy(path: Path, *, resolve: bool = True, module: Path | None = None) -> Policy:
    """Return the policy of a YAML file, or of all YAML files of a directory together.

    Beside a directory lie the documents of namespaces, `namespaces/NAME/*.yaml`.

    With `resolve` False keys are neither read nor checked: good for looking at a file, never for deciding.
    `module` is the library of this machine's tokens. Raises PolicySyntaxError.
    """
    return policy_from(read_documents(path), resolve=resolve, module=module)


def policy_from(documents: Iterable[Document], *, resolve: bool = True, module: Path | None = None) -> Policy:
    """Return the policy of these documents; the keys and roots they name are read now. Raises PolicySyntaxError."""
    return _policy(documents, resolve=resolve, module=module)


def _policy(
    documents: Iterable[Document], *, resolve: bool, module: Path | None, noted: dict[Path, bytes] | None = None
) -> Policy:
    """Return the policy; the files of trust that were read are put into `noted`."""
    from trustkit.policy.parse import combine

    sections: list[Section] = []
    named: dict[Path, bytes] = {}
    # the cluster's first: what they name, documents of namespaces may name too
    for one in sorted(documents, key=lambda document: document.namespace != ""):
        read = _reader(one, named)
        found = _read(one, read if noted is None else trust_files.noted(read, noted), module, resolve=resolve)
        sections += _of_namespace(found, one.namespace, sections) if one.namespace else found
    return combine(sections, digest_of)


def recorded(documents: Iterable[Document]) -> tuple[Policy, dict[Path, bytes]]:
    """Return the policy of these documents, and every key and root file that they name. Raises PolicySyntaxError."""
    read: dict[Path, bytes] = {}
    return _policy(documents, resolve=True, module=None, noted=read), read


def _of_namespace(found: Iterable[Section], namespace: str, before: Iterable[Section]) -> list[Section]:
    from trustkit.policy.tenancy import of_namespace

    roots = {root for section in before if not section.namespace for root in section.roots}
    return [of_namespace(section, namespace, digest_of, roots) for section in found]


def builtin_policy(  # noqa: PLR0913  (options of a command, each by its name)
    keys: Mapping[str, bytes],
    name: str = NAME,
    *,
    annotations: tuple[tuple[str, str], ...] = (),
    attested: str = "",
    identities: tuple[Signer, ...] = (),
    roots: tuple[PolicyRoot, ...] = (),
    threshold: int = 1,
) -> Policy:
    """Return the policy that one of these PEM public keys, or of these identities under these roots, suffices.

    `threshold` different ones must have signed. Raises MalformedError, CryptoError.
    """
    return builtin(
        keys,
        digest=digest_of,
        fingerprint=_fingerprint,
        name=name,
        annotations=annotations,
        attested=attested,
        identities=identities,
        roots=roots,
        threshold=threshold,
    )


def key_lives(ring: Path) -> Mapping[str, KeyLife]:
    """Return what a key ring says of its keys, by fingerprint. Raises KeyFileError."""
    if not any(ring.glob("*.json")):
        return {}
    from trustkit.signing.key_life import read_lives

    return read_lives(ring)


def trust_roots(policy: Policy, lives: Mapping[str, KeyLife] | None = None) -> TrustRoots:
    """Return the keys and roots the policy trusts, ready for verification; keys within `lives`.

    A key that its owner revoked is revoked in every policy. Raises MalformedError, CryptoError.
    """
    keys = tuple(
        TrustedKey(key.name, public_key_from_pem(key.pem), key.algorithms, key.not_before, key.not_after, key.revoked)
        for key in trusted_keys(policy)
    )
    trust, roots = TrustRoots(keys), trusted_roots(policy)
    if roots:
        from trustkit.admission.root_files import opened

        trust = opened(trust, roots)
    return within(trust, lives)


def within(trust: TrustRoots, lives: Mapping[str, KeyLife] | None) -> TrustRoots:
    """Return the trust with each key in the bounds that the user's own key ring sets it."""
    if not lives:
        return trust
    from trustkit.signing.key_life import limited

    return limited(trust, lives)


def policy_files(path: Path) -> list[tuple[str, Path]]:
    """Return the files of a policy path, each with the namespace it is for, empty for all. Raises PolicySyntaxError."""
    if not path.is_dir():
        return [("", path)]
    found = [("", file) for file in _yaml_files(path)]
    for folder in _namespaces(path.absolute().parent / _NAMESPACES):
        found += ((folder.name, file) for file in _yaml_files(folder))
    return found


def _namespaces(path: Path) -> list[Path]:
    """Return the folders of namespaces. Raises PolicySyntaxError: what is no folder would be left out in silence."""
    if not path.is_dir():
        return []
    # a mounted ConfigMap keeps its versions under names that begin with dots
    found = sorted(folder for folder in _entries(path) if not folder.name.startswith("."))
    for folder in found:
        if not folder.is_dir() or not _NAMESPACE.match(folder.name):
            reason = f"{folder}: is no folder named after a namespace"
            step = f"keep documents in {path}/NAMESPACE/, and nothing beside these folders"
            raise PolicySyntaxError(reason, next_step=step, file=str(folder))
    if len(found) > _FILES:
        raise PolicySyntaxError(f"{path}: more than {_FILES} namespaces", file=str(path))
    return found


def _entries(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError as error:
        raise trust_files.unreadable(path, error) from error


def _yaml_files(path: Path) -> list[Path]:
    files = sorted(file for file in _entries(path) if file.suffix.lower() in _SUFFIXES)
    if not files:
        raise PolicySyntaxError(f"{path}: holds no policy file", next_step="put a .yaml policy there", file=str(path))
    if len(files) > _FILES:
        raise PolicySyntaxError(f"{path}: more than {_FILES} policy files", file=str(path))
    return files


def _read(document: Document, read: Read, module: Path | None, *, resolve: bool) -> tuple[Section, ...]:
    from trustkit.policy.parse import parse

    file = document.file

    def load_key(name: str) -> bytes:
        if name.partition(":")[0] in REMOTE:
            bundled = document.beside is not None
            trust_files.require_askable(name, file, namespace=document.namespace, bundled=bundled)
            return trust_files.remote_key(name, file, module) if resolve else name.encode()
        return read(file.parent / name, limits.KEY_FILE_BYTES, f"{file}: key {name!r}") if resolve else name.encode()

    def load_root(name: str) -> bytes:
        return read(file.parent / name, limits.TRUST_FILE_BYTES, f"{file}: root {name!r}") if resolve else name.encode()

    found = parse(
        document.content,
        file=str(file),
        load_key=load_key,
        load_root=load_root,
        digest=digest_of,
        fingerprint=_fingerprint if resolve else _stand_in,
    )
    return found.sections if resolve else tuple(map(_without_content, found.sections))


def _without_content(section: Section) -> Section:
    """Return the section with roots that were not read: two documents may name one file by two paths."""
    return section._replace(roots=tuple(root._replace(content=b"") for root in section.roots))


def _reader(document: Document, named: dict[Path, bytes]) -> Read:
    """Return what reads the files that a document names; `named`: those that documents of the cluster do."""
    if document.beside is not None:
        return trust_files.out_of_bundle(document.beside)
    if document.namespace:
        return trust_files.of_folder(document.file.parent, named)
    return trust_files.noted(trust_files.content, named)


def _fingerprint(pem: bytes) -> str:
    return public_key_from_pem(pem).fingerprint


def _stand_in(pem: bytes) -> str:
    digest: Digest = digest_of(pem)
    return digest.hex
