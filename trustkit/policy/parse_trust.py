"""`spec.trust`: the keys a policy knows by name."""

from collections.abc import Callable, Mapping

from trustkit.errors import CryptoError, MalformedError
from trustkit.model import keys as names
from trustkit.model.values import NamedTuple
from trustkit.policy.document import PolicyKey
from trustkit.policy.fields import Fields, choice, items, mapping, moment, text, texts
from trustkit.policy.nodes import Node, refuse, shown

ALGORITHMS = (
    names.ECDSA_P256_SHA256,
    names.ECDSA_P384_SHA384,
    names.ECDSA_P384_SHA256,
    names.ECDSA_P521_SHA512,
    names.ECDSA_P521_SHA256,
    names.ED25519,
    names.ED25519PH,
    names.RSA_PKCS1_SHA256,
    names.RSA_PSS_SHA256,
)
_NAME_CHARS = 63
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")


class KeyReader(NamedTuple):
    """How key files are read and checked; given from above, so that policy touches no file."""

    load: Callable[[str], bytes]
    fingerprint: Callable[[bytes], str]


def keys(node: Node | None, reader: KeyReader) -> Mapping[str, PolicyKey]:
    """Return the keys of `spec.trust` by name. Raises PolicySyntaxError, and what `reader.load` raises."""
    if node is None:
        return {}
    trust = Fields(node, ("keys",), ("identities", "roots", "transparency"))
    listed = trust.get("keys")
    if listed is None:
        return {}
    return {name: _key(name, value, reader) for name, value in mapping(listed).items()}


def _key(name: str, node: Node, reader: KeyReader) -> PolicyKey:
    if not name or len(name) > _NAME_CHARS or not set(name) <= _NAME_LETTERS:
        raise refuse(node, f"{shown(name)} is no name for a key: at most {_NAME_CHARS} of a-z A-Z 0-9 - . _")
    fields = Fields(node, ("pem", "algorithms", "notBefore", "notAfter"), ("kms", "pkcs11", "x509"))
    pem = _pem(fields.require("pem"), reader)
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
        _fingerprint(fields.require("pem"), pem, reader),
        texts(algorithms) if algorithms is not None else (),
        starts,
        ends,
    )


def _pem(node: Node, reader: KeyReader) -> bytes:
    written = text(node)
    if written.lstrip().startswith("-----BEGIN "):
        return written.encode("utf-8", "replace")
    if "\n" in written or "\0" in written:
        raise refuse(node, "is neither a path nor a PEM block")
    return reader.load(written)


def _fingerprint(node: Node, pem: bytes, reader: KeyReader) -> str:
    try:
        return reader.fingerprint(pem)
    except (MalformedError, CryptoError) as error:
        step = "give a PEM block PUBLIC KEY, as `trustkit key export` writes it"
        raise refuse(node, f"not a usable public key: {error.message}", step) from error
