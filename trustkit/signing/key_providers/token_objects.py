"""What a PKCS#11 token says of itself and of its keys, in our own values; keys are checked like any from outside."""

from collections.abc import Mapping
from typing import TYPE_CHECKING  # noqa: TID251  (the binding is loaded by whoever has a session)

from trustkit.codec import der
from trustkit.codec.certificate import parse_certificate
from trustkit.errors import KeyUnavailableError, MalformedError
from trustkit.fips.algorithms import CURVES
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.spki import ec_spki, ed25519_spki, rsa_spki
from trustkit.model.keys import PublicKey
from trustkit.model.values import NamedTuple

if TYPE_CHECKING:
    import pkcs11

# SEC 2 and RFC 8410: how CKA_EC_PARAMS names the curves used here.
_CURVES = {"1.2.840.10045.3.1.7": "ecdsa-p256", "1.3.132.0.34": "ecdsa-p384", "1.3.132.0.35": "ecdsa-p521"}
_ED25519 = "1.3.101.112"
# PKCS#11 3.0 2.3.10: Edwards curves may be named by text as well.
_ED25519_NAME = "edwards25519"
_PRINTABLE_STRING = 0x13
_UNCOMPRESSED = 0x04
_ED25519_BYTES = 32


class TokenIdentity(NamedTuple):
    """Which token did the maths, in its own words (CK_TOKEN_INFO), and the library that speaks for it."""

    manufacturer: str
    model: str
    serial: str
    label: str
    firmware: str
    library: str

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.model} ({self.manufacturer}), serial {self.serial}, label {self.label}"


def token_identity(token: "pkcs11.Token", library: str) -> TokenIdentity:
    """Return what the token says of itself."""
    major, minor = token.firmware_version
    return TokenIdentity(
        token.manufacturer_id,
        token.model,
        serial_of(token),
        token.label,
        f"{major}.{minor}",
        library,
    )


def serial_of(token: "pkcs11.Token") -> str:
    """Return the serial number as text; tokens pad it with blanks."""
    return token.serial.decode("utf-8", "replace").strip("\0 ")


def public_of(
    session: "pkcs11.Session", private: "pkcs11.Object | None", named: "Mapping[pkcs11.Attribute, object]"
) -> PublicKey:
    """Return the public half: of the private key itself, of its public object, or of its certificate.

    `named` is what the URI asks of the object; the private key's own identifier takes its place.
    Raises KeyUnavailableError, MalformedError, AlgorithmNotApprovedError.
    """
    import pkcs11

    attribute, kinds = pkcs11.Attribute, pkcs11.ObjectClass
    wanted = dict(named)
    if private is not None:
        identifier = _get(private, attribute.ID)
        # objects of one key share CKA_ID (PKCS#11 4.4); labels of the two halves may differ
        wanted = {attribute.ID: identifier} if identifier else {attribute.LABEL: _get(private, attribute.LABEL)}
    found = _only(session, {attribute.CLASS: kinds.PUBLIC_KEY, **wanted}, "public keys")
    if found is not None:
        return _public_key(found)
    if private is not None and _get(private, attribute.KEY_TYPE) == pkcs11.KeyType.RSA:
        return _public_key(private)
    found = _only(session, {attribute.CLASS: kinds.CERTIFICATE, **wanted}, "certificates")
    if found is not None:
        return public_key_from_spki(parse_certificate(_bytes(found, attribute.VALUE)).spki_der)
    raise KeyUnavailableError(
        "the token has no public key and no certificate of that name",
        next_step="store the public half beside the private one, under the same CKA_ID; log in if it is private",
    )


def _only(session: "pkcs11.Session", template: "dict[pkcs11.Attribute, object]", what: str) -> "pkcs11.Object | None":
    found = list(session.get_objects(template))
    if len(found) > 1:
        raise KeyUnavailableError(
            f"{len(found)} {what} of the token fit that name", next_step="name one: give its id= in the URI"
        )
    return found[0] if found else None


def _public_key(key: "pkcs11.Object") -> PublicKey:
    import pkcs11

    attribute, kind = pkcs11.Attribute, _get(key, pkcs11.Attribute.KEY_TYPE)
    if kind == pkcs11.KeyType.RSA:
        modulus, exponent = _bytes(key, attribute.MODULUS), _bytes(key, attribute.PUBLIC_EXPONENT)
        return public_key_from_spki(rsa_spki(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")))
    if kind not in (pkcs11.KeyType.EC, pkcs11.KeyType.EC_EDWARDS):
        raise MalformedError(f"the token's key is of kind {kind}, which signs no images")
    return public_key_from_spki(curve_spki(_bytes(key, attribute.EC_PARAMS), _bytes(key, attribute.EC_POINT)))


def curve_spki(parameters: bytes, point: bytes) -> bytes:
    """Return SubjectPublicKeyInfo of CKA_EC_PARAMS and CKA_EC_POINT. Raises MalformedError. PKCS#11 3.0 2.3."""
    kind = _curve_of(parameters)
    content = _point_of(point)
    if kind == "ed25519":
        if len(content) != _ED25519_BYTES:
            raise MalformedError("the token's Ed25519 key does not have 32 bytes")
        return ed25519_spki(content)
    size = CURVES[kind].field_bytes
    if len(content) != 1 + 2 * size or content[0] != _UNCOMPRESSED:
        raise MalformedError(f"the token's {kind} key is no uncompressed point")
    return ec_spki(kind, int.from_bytes(content[1 : 1 + size], "big"), int.from_bytes(content[1 + size :], "big"))


def _curve_of(parameters: bytes) -> str:
    reader = der.Reader(parameters, "the token's curve")
    if reader.peek() == _PRINTABLE_STRING:
        name = reader.value(_PRINTABLE_STRING).decode("ascii", "replace")
        kind = "ed25519" if name == _ED25519_NAME else ""
    else:
        name = reader.oid()
        kind = "ed25519" if name == _ED25519 else _CURVES.get(name, "")
    reader.require_end()
    if not kind:
        raise MalformedError(f"the token's key is on curve {name}, which is not used here")
    return kind


def _point_of(point: bytes) -> bytes:
    # PKCS#11 wants an OCTET STRING around the point; some tokens leave it out
    try:
        reader = der.Reader(point, "the token's point")
        content = reader.value(der.OCTET_STRING)
        reader.require_end()
    except MalformedError:
        return point
    return content


def _get(key: "pkcs11.Object", name: "pkcs11.Attribute") -> object:
    import pkcs11

    try:
        value: object = key[name]
    except (pkcs11.PKCS11Error, KeyError):
        return None
    return value


def _bytes(key: "pkcs11.Object", name: "pkcs11.Attribute") -> bytes:
    value = _get(key, name)
    if not isinstance(value, bytes):
        raise MalformedError(f"the token does not give {name.name} of the key")
    return value
