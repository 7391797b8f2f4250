"""trusted_root.json to a SigstoreRoot (sigstore protobuf-specs, sigstore_trustroot.proto).

    {"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1",
     "tlogs":[{"baseUrl":"...","hashAlgorithm":"SHA2_256","logId":{"keyId":"<base64>"},
               "publicKey":{"rawBytes":"<base64 SPKI>","keyDetails":"...","validFor":{"start":"...","end":"..."}}}],
     "certificateAuthorities":[{"subject":{},"uri":"...","certChain":{"certificates":[{"rawBytes":"..."}]},
                                "validFor":{"start":"..."}}],
     "ctlogs":[], "timestampAuthorities":[]}

Everything is checked while loading: a root with one broken entry is no root.
"""

from datetime import datetime

from trustkit import limits
from trustkit.codec.certificate import parse_certificate
from trustkit.codec.protojson import as_bytes, bounded, members
from trustkit.codec.strict_json import as_text, parse
from trustkit.codec.zoned_time import zoned_time
from trustkit.errors import MalformedError, MediaTypeError
from trustkit.fips.parse import public_key_from_spki
from trustkit.signing.trust.roots import SigstoreRoot, TrustedAuthority, TrustedLog

MEDIA_TYPES = (
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
)
_WHAT = "trusted root"
_ROOT = ("mediaType", "tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities")
_LOG = ("baseUrl", "hashAlgorithm", "publicKey", "logId", "checkpointKeyId", "operator")
_KEY = ("rawBytes", "keyDetails", "validFor")
_AUTHORITY = ("subject", "uri", "certChain", "validFor", "operator")
_URL_CHARS = 2048
# RSA keys in PKCS#1 (PKCS1_RSA_...) and post-quantum keys are not read; nobody publishes such a root.
_DETAILS = {
    "PKIX_ECDSA_P256_SHA_256": ("ecdsa-p256",),
    "PKIX_ECDSA_P384_SHA_384": ("ecdsa-p384",),
    "PKIX_ECDSA_P521_SHA_512": ("ecdsa-p521",),
    "PKIX_ED25519": ("ed25519",),
    "PKIX_RSA_PKCS1V15_2048_SHA256": ("rsa",),
    "PKIX_RSA_PKCS1V15_3072_SHA256": ("rsa",),
    "PKIX_RSA_PKCS1V15_4096_SHA256": ("rsa",),
}

_Window = tuple[datetime | None, datetime | None]


def sigstore_root(content: bytes, name: str) -> SigstoreRoot:
    """Return the root in a trusted_root.json. Raises MalformedError, MediaTypeError, AlgorithmNotApprovedError."""
    root = members(parse(content, what=_WHAT, limit_bytes=limits.TRUSTED_ROOT_BYTES), _WHAT, _ROOT)
    media_type = as_text(root.get("mediaType"), f"{_WHAT} mediaType")
    if media_type not in MEDIA_TYPES:
        raise MediaTypeError(f"{_WHAT} {name} calls itself {media_type[:80]!r}")
    found = SigstoreRoot(
        name=name,
        logs=tuple(_log(one) for one in _listed(root, "tlogs")),
        ct_logs=tuple(_log(one) for one in _listed(root, "ctlogs")),
        certificate_authorities=tuple(_authority(one) for one in _listed(root, "certificateAuthorities")),
        timestamp_authorities=tuple(_authority(one) for one in _listed(root, "timestampAuthorities")),
    )
    if not (found.logs or found.certificate_authorities or found.timestamp_authorities):
        raise MalformedError(f"{_WHAT} {name} trusts nobody")
    return found


def _listed(root: dict[str, object], name: str) -> list[object]:
    return bounded(root.get(name), f"{_WHAT} {name}", limits.TRUSTED_ROOT_ITEMS)


def _log(value: object) -> TrustedLog:
    what = f"{_WHAT} log"
    log = members(value, what, _LOG)
    if log.get("hashAlgorithm", "SHA2_256") != "SHA2_256":
        raise MalformedError(f"{what} hashes with {str(log['hashAlgorithm'])[:40]!r}; RFC 6962 logs use SHA2_256")
    public = members(log.get("publicKey"), f"{what} publicKey", _KEY)
    key = public_key_from_spki(as_bytes(public.get("rawBytes"), f"{what} publicKey.rawBytes"))
    details = as_text(public.get("keyDetails"), f"{what} publicKey.keyDetails")
    if key.kind not in _DETAILS.get(details, ()):
        raise MalformedError(f"{what} has keyDetails {details[:60]!r} for a key of kind {key.kind}")
    key_id = members(log.get("logId"), f"{what} logId", ("keyId",)).get("keyId")
    start, end = _window(public.get("validFor"), what)
    return TrustedLog(_url(log.get("baseUrl"), what), as_bytes(key_id, f"{what} logId.keyId"), key, start, end)


def _authority(value: object) -> TrustedAuthority:
    what = f"{_WHAT} authority"
    authority = members(value, what, _AUTHORITY)
    chain = members(authority.get("certChain"), f"{what} certChain", ("certificates",))
    listed = bounded(chain.get("certificates"), f"{what} certificates", limits.CHAIN_CERTIFICATES)
    if not listed:
        raise MalformedError(f"{what} has no certificate")
    certificates = tuple(_certificate(one, what) for one in listed)
    start, end = _window(authority.get("validFor"), what)
    return TrustedAuthority(_url(authority.get("uri", ""), what), certificates, start, end)


def _certificate(value: object, what: str) -> bytes:
    content = as_bytes(members(value, f"{what} certificate", ("rawBytes",)).get("rawBytes"), f"{what} rawBytes")
    parse_certificate(content)
    return content


def _url(value: object, what: str) -> str:
    text = as_text(value, f"{what} URL")
    if len(text) > _URL_CHARS or not text.isprintable():
        raise MalformedError(f"{what} has a URL that is too long or not printable")
    return text


def _window(value: object, what: str) -> _Window:
    """Return start and end; sigstore_common.proto demands a start, and no end means still in use."""
    window = members({} if value is None else value, f"{what} validFor", ("start", "end"))
    start, end = (_moment(window.get(bound), what) for bound in ("start", "end"))
    if start and end and end < start:
        raise MalformedError(f"{what} ends before it starts")
    return start, end


def _moment(value: object, what: str) -> datetime | None:
    if value is None:
        return None
    return zoned_time(as_text(value, f"{what} validFor"), what)
