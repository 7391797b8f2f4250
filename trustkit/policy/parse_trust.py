"""`spec.trust`: the parties and roots a policy knows by name."""

from collections.abc import Callable, Mapping

from trustkit.errors import CryptoError, MalformedError
from trustkit.model import keys as names
from trustkit.model.keys import KeyRevocation
from trustkit.model.values import NamedTuple
from trustkit.policy.fields import Fields, boolean, choice, integer, items, mapping, moment, text, texts, unsupported
from trustkit.policy.nodes import Node, refuse, shown
from trustkit.policy.parse_roots import roots
from trustkit.policy.parse_signers import certificates, content_trust, identities, openpgp
from trustkit.policy.trusted import REMOTE, Demand, PolicyKey, PolicyRoot, Signer

ALGORITHMS = (
    names.ECDSA_P256_SHA256,
    names.ECDSA_P384_SHA384,
    names.ECDSA_P384_SHA256,
    names.ECDSA_P521_SHA512,
    names.ECDSA_P521_SHA256,
    names.ED25519,
    names.ED25519PH,
    names.ML_DSA_44,
    names.ML_DSA_65,
    names.ML_DSA_87,
    names.RSA_PKCS1_SHA256,
    names.RSA_PSS_SHA256,
)
# A word of `verify` for one party, and the field of `trust` that defines it.
FAMILIES = {
    "key": "keys",
    "identity": "identities",
    "x509": "certificates",
    "gpg": "openpgp",
    "contentTrust": "contentTrust",
}
_LOGS_MAX = 8
_NAME_CHARS = 63
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")


class KeyReader(NamedTuple):
    """How files of trust are read and checked; given from above, so that policy touches no file."""

    load: Callable[[str], bytes]
    fingerprint: Callable[[bytes], str]
    load_root: Callable[[str], bytes]


class Trust(NamedTuple):
    """Everything `spec.trust` says: keys, all parties by family word and name, and the root files."""

    keys: Mapping[str, PolicyKey]
    parties: Mapping[str, Mapping[str, Signer]]
    roots: tuple[PolicyRoot, ...] = ()

    def named(self, name: str) -> Signer | None:
        """Return the party of this name, of whatever family."""
        return next((found[name] for found in self.parties.values() if name in found), None)

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Every party, of whatever family."""
        return tuple(one for found in self.parties.values() for one in found.values())


def trust(node: Node | None, reader: KeyReader) -> Trust:
    """Return what `spec.trust` says. Raises PolicySyntaxError, and what the reader raises."""
    if node is None:
        return Trust({}, {})
    fields = Fields(node, (*FAMILIES.values(), "roots", "transparency"))
    asked, logs = _transparency(fields.get("transparency"))
    logged = asked is True
    # silence asks keys for no log, and certificates for one; only `required: false` lets those go without
    found_roots = tuple(
        root._replace(logged=asked is not False) for root in roots(fields.get("roots"), reader.load_root)
    )
    found_keys = {
        name: _key(name, value, reader, logged=logged)._replace(logs=logs) for name, value in _named(fields.get("keys"))
    }
    repositories, believed = content_trust(_named(fields.get("contentTrust")), reader.load_root)
    found: dict[str, Mapping[str, Signer]] = {
        "key": found_keys,
        "identity": {
            name: one._replace(logged=logged, logs=logs)
            for name, one in identities(_named(fields.get("identities")), found_roots).items()
        },
        "x509": dict(certificates(_named(fields.get("certificates")), found_roots)),
        "gpg": dict(openpgp(_named(fields.get("openpgp")), found_roots)),
        "contentTrust": dict(repositories),
    }
    _require_distinct(fields)
    return Trust(found_keys, found, (*found_roots, *believed))


def restricted(found: Trust, algorithms: tuple[str, ...], demand: Demand) -> Trust:
    """Return the same parties, whose signatures count by these algorithms and if they meet the demand only."""
    if not algorithms and demand == Demand():
        return found
    from trustkit.policy.restricted import restrict

    parties = {
        family: {name: restrict(signer, algorithms, demand) for name, signer in named.items()}
        for family, named in found.parties.items()
    }
    return found._replace(parties=parties)


def _named(node: Node | None) -> list[tuple[str, Node]]:
    """Return names and definitions of one field. Raises PolicySyntaxError for a name that is none."""
    if node is None:
        return []
    found = list(mapping(node).items())
    for name, value in found:
        if not name or len(name) > _NAME_CHARS or not set(name) <= _NAME_LETTERS:
            raise refuse(value, f"{shown(name)} is no name: at most {_NAME_CHARS} of a-z A-Z 0-9 - . _")
    return found


def _require_distinct(fields: Fields) -> None:
    """Let no two parties share a name: `of` lists names alone. Raises PolicySyntaxError."""
    seen: dict[str, str] = {}
    for field in FAMILIES.values():
        for name, value in _named(fields.get(field)):
            if name in seen:
                raise refuse(value, f"{shown(name)} is already a name in spec.trust.{seen[name]}")
            seen[name] = field


def _transparency(node: Node | None) -> tuple[bool | None, int]:
    """Return whether only what transparency logs show counts, None if nothing is said, and how many of them.

    Raises PolicySyntaxError.
    """
    if node is None:
        return None, 1
    fields = Fields(node, ("required", "offline", "minLogs"))
    offline, logs = fields.get("offline"), fields.get("minLogs")
    if offline is not None and not boolean(offline):
        raise unsupported(offline, "asking a log while deciding")
    required, least = boolean(fields.require("required")), integer(logs, 1, _LOGS_MAX) if logs is not None else 1
    if logs is not None and least > 1 and not required:
        raise refuse(logs, "no log is required, so several are not either", "set required: true")
    return required, least


def _key(name: str, node: Node, reader: KeyReader, *, logged: bool) -> PolicyKey:
    fields = Fields(node, ("pem", "kms", "algorithms", "notBefore", "notAfter", "revoked"), ("pkcs11", "x509"))
    given = fields.exactly_one("pem", "kms")
    pem = _pem(given, reader) if fields.get("kms") is None else _remote(given, reader)
    algorithms, not_before, not_after = (fields.get(part) for part in ("algorithms", "notBefore", "notAfter"))
    if algorithms is not None:
        for item in items(algorithms):
            choice(item, ALGORITHMS)
    starts = moment(not_before) if not_before is not None else None
    ends = moment(not_after) if not_after is not None else None
    if starts and ends and starts > ends:
        raise refuse(node, "notBefore is later than notAfter")
    return PolicyKey(
        name,
        pem,
        _fingerprint(given, pem, reader),
        texts(algorithms) if algorithms is not None else (),
        starts,
        ends,
        logged,
        _revocation(fields.get("revoked")),
    )


def _revocation(node: Node | None) -> KeyRevocation | None:
    """Return from when on a key counts as lost. Raises PolicySyntaxError."""
    if node is None:
        return None
    fields = Fields(node, ("at", "reason", "olderSignatures"))
    older = fields.get("olderSignatures")
    spared = older is not None and choice(older, ("refuse", "accept")) == "accept"
    return KeyRevocation(moment(fields.require("at")), text(fields.require("reason")), spared)


def _pem(node: Node, reader: KeyReader) -> bytes:
    written = text(node)
    if written.lstrip().startswith("-----BEGIN "):
        return written.encode("utf-8", "replace")
    if "\n" in written or "\0" in written:
        raise refuse(node, "is neither a path nor a PEM block")
    if written.partition(":")[0] in REMOTE:
        raise refuse(node, "is no file", "give the URI of a key as kms")
    return reader.load(written)


def _remote(node: Node, reader: KeyReader) -> bytes:
    """Return the public half of a key that lies in a service or a token."""
    uri = text(node)
    if uri.partition(":")[0] not in REMOTE:
        raise refuse(node, f"{shown(uri)} is no key of a service", f"write the URI of one: {', '.join(REMOTE)}")
    return reader.load(uri)


def _fingerprint(node: Node, pem: bytes, reader: KeyReader) -> str:
    try:
        return reader.fingerprint(pem)
    except (MalformedError, CryptoError) as error:
        step = "give a PEM block PUBLIC KEY, as `trustkit key export` writes it"
        raise refuse(node, f"not a usable public key: {error.message}", step) from error
