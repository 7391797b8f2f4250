"""Make a Notary Project signature: a JWS over the image's descriptor, with the signer's whole chain."""

import json
from collections.abc import Mapping
from datetime import datetime

from trustkit import __version__
from trustkit.codec import base64
from trustkit.codec.certificate import parse_certificate
from trustkit.errors import UsageError
from trustkit.fips.algorithms import CURVES
from trustkit.fips.ecdsa_signature import numbers
from trustkit.fips.hashing import sha256
from trustkit.fips.provider import CryptoProvider
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, Place
from trustkit.model.image import Descriptor
from trustkit.model.notation import REVOCATION, NotationChecks
from trustkit.signing.format import Attachment
from trustkit.signing.keys import SigningKey
from trustkit.signing.notation import envelope
from trustkit.signing.notation.rules import Rules
from trustkit.signing.notation.stamp import Stamping
from trustkit.signing.notation.verify import algorithm_for, verify
from trustkit.signing.trust.roots import CA, TSA, CertificateStore

_THUMBPRINTS = "io.cncf.notary.x509chain.thumbprint#S256"
_AGENT = "io.cncf.notary.signingAgent"
_CREATED = "org.opencontainers.image.created"


def sign(  # noqa: PLR0913  (what is signed, by whom, when and dated by whom)
    target: Descriptor, key: SigningKey, chain: tuple[bytes, ...], metadata: Mapping[str, str],
    *, now: datetime, crypto: CryptoProvider, stamping: Stamping | None = None,
) -> Attachment:  # fmt: skip
    """Return the signature on what the descriptor names, after it was verified under the chain's own root.

    Raises UsageError when the chain is not this key's, CertificateError, AlgorithmNotApprovedError, CryptoError.
    """
    if not chain or parse_certificate(chain[0]).spki_der != key.public.spki_der:
        raise UsageError(
            "the first certificate of the chain is not that of the signing key",
            next_step="give the key's certificate first, then those that issued it, the root last",
        )
    name, algorithm = algorithm_for(key.public)
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    protected = _encoded({
        "alg": name, "crit": [envelope.SCHEME], "cty": envelope.PAYLOAD,
        envelope.SCHEME: envelope.SCHEME_X509, envelope.SIGNING_TIME: moment,
    })  # fmt: skip
    artifact: dict[str, object] = {
        "mediaType": target.media_type, "digest": str(target.digest), "size": target.size_bytes,
    }  # fmt: skip
    if metadata:
        artifact["annotations"] = dict(metadata)
    payload = _encoded({"targetArtifact": artifact})
    signature = _raw(key, algorithm, f"{protected}.{payload}".encode("ascii"))
    header: dict[str, object] = {"x5c": [base64.encode(one) for one in chain], _AGENT: f"trustkit/{__version__}"}
    stores = [CertificateStore(CA, "own", (chain[-1],))]
    if stamping is not None:
        header[envelope.TIMESTAMP] = base64.encode(stamping.token(signature))
        stores.append(CertificateStore(TSA, "asked", stamping.roots))
    content = _json({"payload": payload, "protected": protected, "header": header, "signature": _url(signature)})
    rules = Rules(tuple(stores), NotationChecks(skipped=frozenset((REVOCATION,))))
    verify(envelope.read(envelope.JWS, content), target, rules, now=now, crypto=crypto)
    return Attachment(
        place=Place(REFERRERS, NOTARY_SIGNATURE),
        media_type=envelope.JWS,
        content=content,
        annotations={},
        manifest_annotations={
            _THUMBPRINTS: json.dumps([sha256(one).hex() for one in chain], separators=(",", ":")),
            _CREATED: moment,
        },
        config_type=NOTARY_SIGNATURE,
    )


def _raw(key: SigningKey, algorithm: str, message: bytes) -> bytes:
    """RFC 7518 3.4: ECDSA signatures are the two numbers, each as long as the curve's field."""
    signature = key.sign(algorithm, message)
    curve = CURVES.get(key.public.kind)
    if curve is None:
        return signature
    r, s = numbers(signature)
    return r.to_bytes(curve.field_bytes, "big") + s.to_bytes(curve.field_bytes, "big")


def _encoded(value: object) -> str:
    return _url(_json(value))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _url(content: bytes) -> str:
    return base64.encode(content).rstrip("=").replace("+", "-").replace("/", "_")
