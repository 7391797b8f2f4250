"""Notary Project envelopes with any attributes, and the certificates, lists and chains around them."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trustkit.signing.notation.envelope import (
    AUTHENTIC_TIME,
    COSE,
    JWS,
    PAYLOAD,
    SCHEME,
    SCHEME_X509,
    SIGNING_TIME,
    TIMESTAMP,
)

DAY = timedelta(days=1)
Key = ec.EllipticCurvePrivateKey
Attributes = Mapping[str, str | datetime]


class Issued(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        """The certificate's bytes."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate as files hold it."""
        return self.certificate.public_bytes(Encoding.PEM)


def issued(
    name: str,
    by: Issued | None = None,
    *,
    authority: bool = False,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
    lists_at: tuple[str, ...] = (),
    start: datetime,
    end: datetime,
) -> Issued:
    """Return a certificate by its issuer, or by itself; `lists_at` is where its issuer's revocation lists lie."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = by.certificate.subject if by else _named(name)
    usages = dict.fromkeys(_USAGES, False) | (
        {"key_cert_sign": True, "crl_sign": True} if authority else {"digital_signature": True}
    )
    builder = (
        x509.CertificateBuilder().subject_name(_named(name)).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.KeyUsage(**usages), critical=True)
    )  # fmt: skip
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    if lists_at:
        places = [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None) for url in lists_at]
        builder = builder.add_extension(x509.CRLDistributionPoints(places), critical=False)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


def revocation_list(by: Issued, *revoked: Issued, at: datetime) -> bytes:
    """Return the issuer's list, current at that moment."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    builder = builder.last_update(at - DAY).next_update(at + DAY)
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(at - DAY).build())
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


class Signing(NamedTuple):
    """What an envelope says and is signed by: the chain, leaf first, and the attributes, critical or not."""

    payload: bytes
    chain: tuple[Issued, ...]
    attributes: Attributes
    critical: tuple[str, ...]


def envelope(media_type: str, signing: Signing) -> bytes:
    """Return the envelope, signed by the leaf's key, however wrong what it says."""
    return _SEALS[media_type](signing).finish(b"")


def stated(payload: bytes, chain: tuple[Issued, ...], scheme: str = SCHEME_X509, **times: datetime) -> Signing:
    """Return what is signed by a scheme at these times: `signing`, `authentic`; what must be critical is."""
    names = {"signing": SIGNING_TIME, "authentic": AUTHENTIC_TIME}
    attributes: dict[str, str | datetime] = {SCHEME: scheme, **{names[name]: at for name, at in times.items()}}
    return Signing(payload, chain, attributes, (SCHEME, *([AUTHENTIC_TIME] if "authentic" in times else [])))


def stamped(media_type: str, signing: Signing, stamp: Callable[[bytes], bytes]) -> bytes:
    """Return the envelope with a timestamp of its signature; `stamp` makes it."""
    seal = _SEALS[media_type](signing)
    return seal.finish(stamp(seal.signature))


def payload_of(digest: str, media_type: str, size_bytes: int) -> bytes:
    """Return the payload about an artifact."""
    artifact = {"mediaType": media_type, "digest": digest, "size": size_bytes}
    return json.dumps({"targetArtifact": artifact}, separators=(",", ":")).encode()


_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _named(common: str) -> x509.Name:
    said = ((NameOID.COUNTRY_NAME, "US"), (NameOID.STATE_OR_PROVINCE_NAME, "WA"), (NameOID.ORGANIZATION_NAME, "acme"))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in (*said, (NameOID.COMMON_NAME, common))])


def _signature(key: Key, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class _Sealed(NamedTuple):
    """A signature, and what makes its envelope with a timestamp or none."""

    signature: bytes
    finish: Callable[[bytes], bytes]


def _jws(signing: Signing) -> _Sealed:
    told: dict[str, object] = {"alg": "ES256", "crit": signing.critical, "cty": PAYLOAD}
    for name, value in signing.attributes.items():
        told[name] = value if isinstance(value, str) else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    protected, payload = _url(json.dumps(told).encode()), _url(signing.payload)
    signature = _signature(signing.chain[0].key, f"{protected}.{payload}".encode())

    def finish(timestamp: bytes) -> bytes:
        header: dict[str, object] = {"x5c": [base64.b64encode(one.der).decode() for one in signing.chain]}
        if timestamp:
            header[TIMESTAMP] = base64.b64encode(timestamp).decode()
        parts = {"payload": payload, "protected": protected, "header": header, "signature": _url(signature)}
        return json.dumps(parts).encode()

    return _Sealed(signature, finish)


def _cose(signing: Signing) -> _Sealed:
    told: dict[int | str, object] = {1: -7, 2: list(signing.critical), 3: PAYLOAD}
    for name, value in signing.attributes.items():
        told[name] = value if isinstance(value, str) else cbor2.CBORTag(1, int(value.timestamp()))
    protected = cbor2.dumps(told, canonical=True)
    message = cbor2.dumps(["Signature1", protected, b"", signing.payload], canonical=True)
    signature = _signature(signing.chain[0].key, message)

    def finish(timestamp: bytes) -> bytes:
        header: dict[int | str, object] = {33: [one.der for one in signing.chain]}
        if timestamp:
            header[TIMESTAMP] = timestamp
        parts = [protected, header, signing.payload, signature]
        return cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True)

    return _Sealed(signature, finish)


_SEALS = {JWS: _jws, COSE: _cose}


def _url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
