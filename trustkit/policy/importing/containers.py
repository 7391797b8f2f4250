"""containers `policy.json` (containers-policy.json(5)) of Podman, CRI-O, Buildah and Skopeo."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from trustkit.codec.base64 import decode
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import MalformedError
from trustkit.policy.importing.draft import Draft, Imported, Section, literal, quoted

_FAR = timedelta(days=90)
_GPG_KEYS = ("keyPath", "keyPaths", "keyData")
_SIGSTORE_KEYS = ("keyPath", "keyPaths", "keyData", "keyDatas")
_OTHERS = ("fulcio", "pki", "rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas")
_REPOSITORY = (
    "(s.claimedName == {name} || s.claimedName.startsWith({name} + ':') || s.claimedName.startsWith({name} + '@'))"
)


def convert(value: object, now: datetime) -> Imported:
    """Return the policy. Raises MalformedError."""
    top = as_object(value, "policy.json")
    if set(top) - {"default", "transports"}:
        raise MalformedError(
            f"policy.json has unknown members: {', '.join(sorted(set(top) - {'default', 'transports'}))}"
        )
    draft = Draft()
    until = (now + _FAR).strftime("%Y-%m-%dT%H:%M:%SZ")
    transports = as_object(top.get("transports", {}), "transports")
    scopes = as_object(transports.get("docker", {}), "transports.docker")
    other = sorted(set(transports) - {"docker", "atomic"})
    if other:
        draft.note(
            f"transports {', '.join(other)}: only images of registries are translated; default speaks about others"
        )
    if "default" not in top:
        raise MalformedError("policy.json has no default")
    default = scopes.pop("", None) or top["default"]
    for scope in sorted(scopes):
        within = [one for one in scopes if one != scope and _within(one, scope)]
        _requirements(draft, scope, as_list(scopes[scope], f"scope {scope}"), within, until)
    _requirements(draft, "", as_list(default, "default"), list(scopes), until)
    return draft.finished()


def _within(one: str, other: str) -> bool:
    """Whether a scope is more specific than another one and inside it."""
    if other.startswith("*."):
        return one.partition("/")[0].endswith(other[1:])
    return one.startswith((f"{other}/", f"{other}:", f"{other}@"))


def _requirements(draft: Draft, scope: str, listed: list[object], within: list[str], until: str) -> None:
    if not listed:
        raise MalformedError(f"scope {scope or 'default'} has no requirement")
    for item in listed:
        section = draft.section(scope or "default")
        exact = _match(section, scope, within)
        requirement = as_object(item, f"scope {scope or 'default'}")
        kind = as_text(requirement.get("type"), f"type of scope {scope or 'default'}")
        if not exact:
            section.untranslated(f"the scope {scope} names a tag or a digest")
        elif kind == "insecureAcceptAnything":
            section.accept_until(until, f"insecureAcceptAnything for {scope or 'default'}")
        elif kind == "reject":
            section.deny("policy.json rejects these images")
        elif kind == "signedBy":
            _signed_by(draft, section, requirement)
        elif kind == "sigstoreSigned":
            _sigstore_signed(section, requirement)
        else:
            section.untranslated(f"requirement {kind[:60]}")


def _match(section: Section, scope: str, within: list[str]) -> bool:
    """Say what the scope is about; False if it names more than a repository, and the section must deny."""
    host, _, rest = scope.partition("/")
    name = scope.partition("@")[0]
    repository, colon, _ = name.rpartition(":")
    tagged = bool("@" in scope or (colon and "/" in repository and rest))
    plain = (repository if colon and "/" in repository else name) if tagged else scope
    excluded = [_regex(one) for one in within if not _is_tagged(one)]
    if not scope:
        section.match(["**"], excluded)
    elif scope.startswith("*.") or not rest:
        section.match([f"{host}/**"], excluded)
    else:
        section.match([plain, f"{plain}/**"], excluded)
    return not tagged


def _is_tagged(scope: str) -> bool:
    return "@" in scope or (":" in scope.rpartition("/")[2] and "/" in scope)


def _regex(scope: str) -> str:
    if scope.startswith("*."):
        return f"^[^/]*{literal(scope[1:])}/"
    return f"^{literal(scope)}(/|$)"


def _signed_by(draft: Draft, section: Section, requirement: Mapping[str, object]) -> None:
    if requirement.get("keyType") != "GPGKeys":
        section.untranslated(f"keyType {str(requirement.get('keyType'))[:60]}")
        return
    given = [name for name in _GPG_KEYS if name in requirement]
    if len(given) != 1 or set(requirement) - {"type", "keyType", "signedIdentity", *_GPG_KEYS}:
        section.untranslated("signedBy with other members than one of keyPath, keyPaths, keyData")
        return
    rings = _rings(draft, section.name, requirement, given[0])
    identity = _identity(requirement.get("signedIdentity"))
    if identity is None:
        section.untranslated("its signedIdentity")
        return
    options: list[object] = []
    for number, ring in enumerate(rings, 1):
        name = f"ring-{number}"
        root = f"{section.name[:50]}-{number}"
        section.root("openpgp", root, ring)
        section.trust("openpgp", name, {"root": root, "signedIdentity": identity})
        options.append({"gpg": name})
    section.verify("signatures", {"anyOf": options})


def _rings(draft: Draft, name: str, requirement: Mapping[str, object], field: str) -> list[str]:
    if field == "keyPath":
        return [as_text(requirement[field], field)]
    if field == "keyPaths":
        return [as_text(item, field) for item in as_list(requirement[field], field)]
    file = f"{name}.gpg"
    draft.files[file] = decode(as_text(requirement[field], field), field)
    return [file]


def _identity(value: object) -> str | None:
    """Return the identity as `trust.openpgp` writes it, None for one that is not known."""
    if value is None:
        return "matchRepoDigestOrExact"
    members = as_object(value, "signedIdentity")
    kind = as_text(members.get("type"), "signedIdentity.type")
    fields = {"exactReference": ("dockerReference",), "exactRepository": ("dockerRepository",),
              "remapIdentity": ("prefix", "signedPrefix")}  # fmt: skip
    if kind not in ("matchExact", "matchRepoDigestOrExact", "matchRepository", *fields):
        return None
    told = [as_text(members.get(name), f"signedIdentity.{name}") for name in fields.get(kind, ())]
    return "=".join([kind, *told])


def _sigstore_signed(section: Section, requirement: Mapping[str, object]) -> None:
    others = [name for name in _OTHERS if name in requirement]
    given = [name for name in _SIGSTORE_KEYS if name in requirement]
    if others or len(given) != 1:
        section.untranslated(
            f"sigstoreSigned with {', '.join(others) or 'several keys'}; put roots into trusted_root.json"
        )
        return
    value = requirement[given[0]]
    listed = as_list(value, given[0]) if given[0].endswith("s") else [value]
    texts = [as_text(item, given[0]) for item in listed]
    pems = texts if "Path" in given[0] else [decode(text, given[0]).decode("utf-8", "replace") for text in texts]
    parties = [section.key(pem) for pem in pems]
    section.verify("signatures", {"anyOf": parties})
    claim = _claim(_identity(requirement.get("signedIdentity")))
    if not claim:
        section.untranslated("its signedIdentity")
        return
    by = " || ".join(f"s.trustRoot == '{party['key']}'" for party in parties)
    section.expression(f"signatures.exists(s, ({by}) && {claim})", "no signature names this image")


def _claim(identity: str | None) -> str:
    """Return what the name in a signature must be, as an expression; nothing for what cannot be said."""
    kind, _, value = (identity or "").partition("=")
    repository = _REPOSITORY.format(name="image.name")
    return {
        "matchRepository": repository,
        "matchRepoDigestOrExact": f"(image.pinned ? {repository} : s.claimedName == image.name + ':' + image.tag)",
        "matchExact": "s.claimedName == image.name + (image.pinned ? '@' + image.digest : ':' + image.tag)",
        "exactReference": f"s.claimedName == {quoted(value)}",
        "exactRepository": _REPOSITORY.format(name=quoted(value)),
    }.get(kind, "")
