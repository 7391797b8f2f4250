"""Images whose evidence is in memory already: whole verifications against bare ECDSA verifications of libcrypto."""

import base64
import statistics
import time
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pairs import Pair

from trustkit.fips.hashing import digest_of
from trustkit.fips.select import provider
from trustkit.model.digest import Digest
from trustkit.model.evidence import Evidence, Gathered
from trustkit.signing.format import Check
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.formats.cosign_attestation import CosignAttestation
from trustkit.signing.formats.cosign_signature import SIGNATURE_ANNOTATION, CosignSignature
from trustkit.signing.sign import LEGACY, Subjected, sign
from trustkit.signing.trust.roots import TrustedKey, TrustRoots
from trustkit.signing.verify import verify

_IMAGES, _ROUNDS = 500, 9
# Whole verifications reach at least half the rate.
_MOST_RATIO = 2.0
_FORMATS = (CosignSignature(), CosignAttestation(), SigstoreBundle())
_NOW = datetime(2026, 11, 24, tzinfo=UTC)


def in_memory() -> list[Pair]:
    """Return microseconds of processor time for one image each, ours and the bare verification."""
    crypto = provider()
    key = crypto.generate("ecdsa-p256")
    trust = TrustRoots((TrustedKey("release", key.public),))
    public = load_der_public_key(key.public.spki_der)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    work: list[tuple[Gathered, Check]] = []
    bare: list[tuple[bytes, bytes]] = []
    for number in range(_IMAGES):
        image = Digest("sha256", f"{number:064x}")
        made = sign(Subjected(image, "registry.example/shop/web"), key, LEGACY)
        item = Evidence(made.place, made.media_type, digest_of(made.content), made.content, made.annotations, "")
        work.append((Gathered((item,), complete=True), Check(image, trust, crypto, _NOW)))
        bare.append((base64.b64decode(made.annotations[SIGNATURE_ANNOTATION]), made.content))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        times[0].append(_ours(work))
        times[1].append(_bare(public, bare))
    medians = [statistics.median(taken) / _IMAGES * 1e6 for taken in times]
    return [Pair("image in memory (us) | bare ECDSA verify", medians[0], medians[1], _MOST_RATIO)]


def _ours(work: list[tuple[Gathered, Check]]) -> float:
    started = time.process_time()
    for items, check in work:
        if len(verify(items, _FORMATS, check).accepted) != 1:
            raise RuntimeError("an image that is signed was refused")
    return time.process_time() - started


def _bare(public: ec.EllipticCurvePublicKey, bare: list[tuple[bytes, bytes]]) -> float:
    how = ec.ECDSA(hashes.SHA256())
    started = time.process_time()
    for signature, message in bare:
        public.verify(signature, message, how)
    return time.process_time() - started
