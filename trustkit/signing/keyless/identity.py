"""Who a certificate says signed: its alternative name, and what Fulcio adds (sigstore/fulcio docs/oid-info.md)."""

from trustkit.codec import der
from trustkit.codec.certificate import Certificate, Extension
from trustkit.codec.certificate_extensions import SUBJECT_ALTERNATIVE_NAME, GeneralName, subject_alternative_names
from trustkit.errors import IdentityError, MalformedError
from trustkit.model.values import NamedTuple

_FULCIO = "1.3.6.1.4.1.57264.1."
ISSUER = f"{_FULCIO}8"
_FIRST_ISSUER = f"{_FULCIO}1"
_OTHER_NAME = f"{_FULCIO}7"
# .1 to .6 are bare text; all that came later are DER strings
_BARE = frozenset(f"{_FULCIO}{number}" for number in range(1, 7))
_UTF8_STRING, _OTHER_NAME_TAG, _VALUE_TAG = 0x0C, 0xA0, 0xA0
_KINDS = ("email", "uri", "other", "dns")


class Identity(NamedTuple):
    """Subject and issuer, and what else the certificate claims, by object identifier.

    All alternative names are among the claims. Without Fulcio's issuer it is the authority's name.
    """

    subject: str
    issuer: str
    claims: tuple[tuple[str, str], ...]


def identity_of(certificate: Certificate) -> Identity:
    """Return the identity. Raises IdentityError, MalformedError."""
    names = [_text_of(name) for name in _ordered(subject_alternative_names(certificate))]
    names = [name for name in names if name]
    if not names:
        raise IdentityError("the certificate names nobody: it has no e-mail address, URI or user name")
    if not all(name.isprintable() for name in names):
        raise IdentityError("the certificate's name has characters that cannot be shown")
    claims = [(one.oid, _claim(one)) for one in certificate.extensions if one.oid.startswith(_FULCIO)]
    told = dict(claims)
    issuer, first = told.get(ISSUER, ""), told.get(_FIRST_ISSUER, "")
    if issuer and first and issuer != first:
        raise IdentityError("the certificate names two different issuers")
    claims += [(SUBJECT_ALTERNATIVE_NAME, name) for name in names]
    return Identity(names[0], issuer or first or str(certificate.issuer), tuple(sorted(claims)))


def _ordered(names: tuple[GeneralName, ...]) -> list[GeneralName]:
    return sorted(names, key=lambda name: _KINDS.index(name.kind) if name.kind in _KINDS else len(_KINDS))


def _text_of(name: GeneralName) -> str:
    """Return the name as text, nothing for an otherName that is not Fulcio's."""
    if name.kind != "other":
        return name.value
    whole = der.Reader(bytes.fromhex(name.value), "alternative name")
    if whole.peek() != _OTHER_NAME_TAG:
        return ""
    fields = whole.nested(_OTHER_NAME_TAG)
    if fields.oid() != _OTHER_NAME:
        return ""
    value = fields.nested(_VALUE_TAG)
    fields.require_end()
    return _string(value)


def _claim(extension: Extension) -> str:
    if extension.oid in _BARE:
        return _utf8(extension.value)
    return _string(der.Reader(extension.value, f"extension {extension.oid}"))


def _string(reader: der.Reader) -> str:
    text = _utf8(reader.value(_UTF8_STRING))
    reader.require_end()
    return text


def _utf8(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("the certificate has a name that is not UTF-8") from error
