"""Make a Notary Project signature: an envelope over the image's descriptor, with the signer's whole chain."""

import json
from collections.abc import Mapping
from datetime import datetime

from trustkit import __version__
from trustkit.codec.certificate import parse_certificate
from trustkit.errors import UsageError
from trustkit.fips.algorithms import CURVES
from trustkit.fips.ecdsa_signature import numbers
from trustkit.fips.hashing import sha256
from trustkit.fips.provider import CryptoProvider
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, Place
from trustkit.model.image import Descriptor
from trustkit.model.notation import REVOCATION, NotationChecks
from trustkit.model.values import NamedTuple
from trustkit.signing.format import Attachment
from trustkit.signing.keys import SigningKey
from trustkit.signing.notation import envelope
from trustkit.signing.notation.rules import Rules
from trustkit.signing.notation.stamp import Stamping
from trustkit.signing.notation.verify import algorithm_for, verify
from trustkit.signing.notation.write import Along, Claims, begin, compact
from trustkit.signing.trust.roots import CA, TSA, CertificateStore

_THUMBPRINTS = "io.cncf.notary.x509chain.thumbprint#S256"
_CREATED = "org.opencontainers.image.created"


class Manner(NamedTuple):
    """How to sign: in which envelope, with which metadata, dated by whom, and until when it holds."""

    media_type: str = envelope.JWS
    metadata: Mapping[str, str] = {}
    stamping: Stamping | None = None
    expires_at: datetime | None = None


def sign(
    target: Descriptor, key: SigningKey, chain: tuple[bytes, ...], manner: Manner, *, now: datetime,
    crypto: CryptoProvider,
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
    begun = begin(manner.media_type, Claims(_payload(target, manner.metadata), name, now, manner.expires_at))
    signature = _raw(key, algorithm, begun.to_sign)
    stores = [CertificateStore(CA, "own", (chain[-1],))]
    along = Along(chain, f"trustkit/{__version__}")
    if manner.stamping is not None:
        along = along._replace(timestamp=manner.stamping.token(signature))
        stores.append(CertificateStore(TSA, "asked", manner.stamping.roots))
    content = begun.finish(signature, along)
    rules = Rules(tuple(stores), NotationChecks(skipped=frozenset((REVOCATION,))))
    verify(envelope.read(manner.media_type, content), target, rules, now=now, crypto=crypto)
    return Attachment(
        place=Place(REFERRERS, NOTARY_SIGNATURE),
        media_type=manner.media_type,
        content=content,
        annotations={},
        manifest_annotations={
            _THUMBPRINTS: json.dumps([sha256(one).hex() for one in chain], separators=(",", ":")),
            _CREATED: now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        config_type=NOTARY_SIGNATURE,
    )


def _payload(target: Descriptor, metadata: Mapping[str, str]) -> bytes:
    artifact: dict[str, object] = {
        "mediaType": target.media_type, "digest": str(target.digest), "size": target.size_bytes,
    }  # fmt: skip
    if metadata:
        artifact["annotations"] = dict(metadata)
    return compact({"targetArtifact": artifact})


def _raw(key: SigningKey, algorithm: str, message: bytes) -> bytes:
    """RFC 7518 3.4, RFC 9053 2.1: ECDSA signatures are the two numbers, each as long as the curve's field."""
    signature = key.sign(algorithm, message)
    curve = CURVES.get(key.public.kind)
    if curve is None:
        return signature
    r, s = numbers(signature)
    return r.to_bytes(curve.field_bytes, "big") + s.to_bytes(curve.field_bytes, "big")
