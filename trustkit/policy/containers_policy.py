"""containers' `policy.json` as it is (containers-policy.json(5)): what each scope requires of images of registries.

All requirements of the most specific scope must hold; each is satisfied by one signature. What containers/image does
not load is refused here too, and so is what it knows and this reader does not.
"""

from collections.abc import Iterator, Mapping

from trustkit import limits
from trustkit.codec.base64 import decode
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.errors import MalformedError
from trustkit.model.reference import REGISTRY, ImageRef
from trustkit.model.values import NamedTuple
from trustkit.policy.signed_identity import DEFAULT, SignedIdentity, signed_identity

ACCEPT, REJECT, GPG, SIGSTORE = "insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned"
_WHAT = "policy.json"
_REQUIREMENTS = 64
_SCOPES = 4096
# Members that an identity of these types has besides.
_IDENTITIES: Mapping[str, tuple[str, ...]] = {
    "matchExact": (), "matchRepoDigestOrExact": (), "matchRepository": (), "exactReference": ("dockerReference",),
    "exactRepository": ("dockerRepository",), "remapIdentity": ("prefix", "signedPrefix"),
}  # fmt: skip


class Given(NamedTuple):
    """A file by its path, or its content."""

    path: str = ""
    content: bytes = b""


class Requirement(NamedTuple):
    """One requirement of `kind`: keys; or authorities with the names a certificate must carry; and logs to be in."""

    kind: str
    keys: tuple[Given, ...] = ()
    authorities: tuple[Given, ...] = ()
    intermediates: tuple[Given, ...] = ()
    logs: tuple[Given, ...] = ()
    issuer: str = ""
    subjects: tuple[str, ...] = ()
    identity: SignedIdentity = DEFAULT


class ContainersPolicy(NamedTuple):
    """What is required by default, and in the scopes of registries."""

    default: tuple[Requirement, ...]
    scopes: Mapping[str, tuple[Requirement, ...]]
    transports: frozenset[str]

    def of(self, ref: ImageRef) -> tuple[str, tuple[Requirement, ...]]:
        """Return the most specific scope, empty for the default, and what it requires. Raises MalformedError."""
        if ref.transport != REGISTRY:
            if ref.transport in self.transports:
                raise MalformedError(f"{_WHAT} has scopes for {ref.transport}, and only those of docker are read")
            return "", self.default
        for scope in (*_namespaces(ref), ""):
            if scope in self.scopes:
                return scope, self.scopes[scope]
        return "", self.default


def read(content: bytes) -> ContainersPolicy:
    """Return the policy in these bytes. Raises MalformedError, LimitExceededError."""
    top = as_object(parse(content, what=_WHAT, limit_bytes=limits.POLICY_BYTES), _WHAT)
    _only(top, "default", "transports")
    transports = as_object(top.get("transports", {}), "transports")
    scopes = as_object(transports.get("docker", {}), "transports.docker")
    if len(scopes) > _SCOPES:
        raise MalformedError(f"{_WHAT} has {len(scopes)} scopes; {_SCOPES} are allowed")
    read_scopes = {scope: _requirements(listed, scope or "docker") for scope, listed in scopes.items()}
    return ContainersPolicy(_requirements(top.get("default"), "default"), read_scopes, frozenset(transports))


def _namespaces(ref: ImageRef) -> Iterator[str]:
    """Yield the scopes that may speak of a reference, the most specific first."""
    yield f"{ref.name}@{ref.digest}" if ref.digest else f"{ref.name}:{ref.tag}"
    name = ref.name
    yield name
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
    host = name.partition(":")[0]
    while "." in host:
        host = host.partition(".")[2]
        yield f"*.{host}"


def _requirements(value: object, where: str) -> tuple[Requirement, ...]:
    listed = as_list(value, where)
    if not 0 < len(listed) <= _REQUIREMENTS:
        raise MalformedError(f"{_WHAT}: {where[:120]} has {len(listed)} requirements; 1 to {_REQUIREMENTS} are allowed")
    return tuple(_requirement(as_object(item, where), where) for item in listed)


def _requirement(members: dict[str, object], where: str) -> Requirement:
    kind = as_text(members.get("type"), f"{where} type")
    if kind in (ACCEPT, REJECT):
        _only(members, "type")
        return Requirement(kind)
    if kind == GPG:
        _only(members, "type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity")
        if members.get("keyType") != "GPGKeys":
            raise MalformedError(f"{_WHAT}: {where[:120]}: only keyType GPGKeys is read")
        return Requirement(GPG, _one_source(members, "key", where), identity=_identity(members))
    if kind == SIGSTORE:
        return _sigstore(members, where)
    raise MalformedError(f"{_WHAT}: {where[:120]}: requirement {kind[:40]!r} is not known")


def _sigstore(members: dict[str, object], where: str) -> Requirement:
    keys = ("keyPath", "keyPaths", "keyData", "keyDatas")
    logs = ("rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas")
    _only(members, "type", "fulcio", "pki", "signedIdentity", *keys, *logs)
    log = _one_source(members, "rekorPublicKey", where) if set(logs) & set(members) else ()
    found = Requirement(SIGSTORE, logs=log, identity=_identity(members))
    if sum((bool(set(keys) & set(members)), "fulcio" in members, "pki" in members)) != 1:
        raise MalformedError(f"{_WHAT}: {where[:120]}: sigstoreSigned is by keys, fulcio or pki: one of these")
    if "fulcio" in members:
        if not log:
            raise MalformedError(f"{_WHAT}: {where[:120]}: fulcio needs the log's public key")
        return _fulcio(as_object(members["fulcio"], "fulcio"), found)
    if "pki" in members:
        return _pki(as_object(members["pki"], "pki"), found)
    return found._replace(keys=_one_source(members, "key", where))


def _fulcio(members: dict[str, object], found: Requirement) -> Requirement:
    _only(members, "caPath", "caData", "oidcIssuer", "subjectEmail")
    return found._replace(
        authorities=_one_source(members, "ca", "fulcio"),
        issuer=_needed(members, "oidcIssuer"),
        subjects=(_needed(members, "subjectEmail"),),
    )


def _pki(members: dict[str, object], found: Requirement) -> Requirement:
    between = ("caIntermediatesPath", "caIntermediatesData")
    _only(members, "caRootsPath", "caRootsData", *between, "subjectEmail", "subjectHostname")
    subjects = tuple(_needed(members, name) for name in ("subjectEmail", "subjectHostname") if name in members)
    if not subjects:
        raise MalformedError(f"{_WHAT}: pki names neither subjectEmail nor subjectHostname")
    return found._replace(
        authorities=_one_source(members, "caRoots", "pki"),
        intermediates=_one_source(members, "caIntermediates", "pki") if set(between) & set(members) else (),
        subjects=subjects,
    )


def _one_source(members: Mapping[str, object], name: str, where: str) -> tuple[Given, ...]:
    """Return what `NAMEPath`, `NAMEPaths`, `NAMEData` or `NAMEDatas` give: exactly one of them may stand there."""
    given = [word for word in ("Path", "Paths", "Data", "Datas") if f"{name}{word}" in members]
    if len(given) != 1:
        raise MalformedError(f"{_WHAT}: {where[:120]} needs exactly one of {name}Path, {name}Data and their plurals")
    field = f"{name}{given[0]}"
    value = members[field]
    listed = as_list(value, field) if field.endswith("s") else [value]
    texts = [as_text(item, field) for item in listed]
    if not texts or not all(texts) or len(texts) > _REQUIREMENTS:
        raise MalformedError(f"{_WHAT}: {where[:120]}: {field} is empty, or too long")
    if given[0].startswith("Path"):
        return tuple(Given(path=text) for text in texts)
    return tuple(Given(content=decode(text, field)) for text in texts)


def _identity(members: Mapping[str, object]) -> SignedIdentity:
    if "signedIdentity" not in members:
        return DEFAULT
    told = as_object(members["signedIdentity"], "signedIdentity")
    kind = as_text(told.get("type"), "signedIdentity.type")
    fields = _IDENTITIES.get(kind)
    if fields is None:
        raise MalformedError(f"{_WHAT}: signedIdentity {kind[:40]!r} is not known")
    _only(told, "type", *fields)
    return signed_identity(kind, *(_needed(told, name) for name in fields))


def _needed(members: Mapping[str, object], name: str) -> str:
    found = as_text(members.get(name), name)
    if not found:
        raise MalformedError(f"{_WHAT}: {name} is empty")
    return found


def _only(members: Mapping[str, object], *known: str) -> None:
    odd = sorted(set(members) - set(known))
    if odd:
        raise MalformedError(f"{_WHAT}: the member {odd[0][:40]!r} is not known here")
