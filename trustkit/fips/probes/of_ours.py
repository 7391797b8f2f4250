"""What modules let pass and trustkit refuses: each beside its approved neighbour, which must work."""

from collections.abc import Callable
from functools import partial

from trustkit.codec import der
from trustkit.fips import approved, spki
from trustkit.fips import known_answers as known
from trustkit.fips.approved import Refusal
from trustkit.fips.mode import MODULE
from trustkit.fips.providers.ossl_fips import OsslFipsProvider
from trustkit.model.keys import PublicKey

Trial = Callable[[], object]
_P256 = bytes.fromhex(known.VERIFY["ecdsa"][1])
_RSA = bytes.fromhex(known.VERIFY["rsa-pkcs1v15"][1])
# Public keys of the private number 7 on each curve (RFC 5480).
_CURVES = {
    "P-224": (
        "304e301006072a8648ce3d020106052b81040021033a0004db2f6be630e246a5cf7d99b85194b123d487e2d466b94b24a03c"
        "3e280f3a30085497f2f611ee2517b163ef8c53b715d18bb4e4808d02b963"
    ),
    "P-192": (
        "3049301306072a8648ce3d020106082a8648ce3d030101033200048da75a1f75ddcd7660f923243060edce5de37f007011fc"
        "fd57cb5fcf6860b35418240db8fdb3c01dd4b702f96409ffb5"
    ),
    "secp256k1": (
        "3056301006072a8648ce3d020106052b8104000a034200045cbdf0646e5db4eaa398f365f2ea7a0e3d419b7e0330e39ce92b"
        "ddedcac4f9bc6aebca40ba255960a3178d6d861a54dba813d0b813fde7b5a5082628087264da"
    ),
    "brainpoolP256r1": (
        "305a301406072a8648ce3d020106092b2403030208010107034200046b8bb7f53e36b6824d3300afbc27257bd432568e24e5"
        "fb5702295ecd04e9de4c382f9af51ce9a3d30965a09661223af5646067c55b1a928f7252376bfc79ebf0"
    ),
}
_SM2_CURVE, _DSA = "1.2.156.10197.1.301", "1.2.840.10040.4.1"
_NEIGHBOURS = {approved.ENCRYPT: "aes-cbc", approved.DERIVE: "pbkdf2-hmac-sha256", approved.RANDOM: "ctr-drbg"}


def trials(provider: OsslFipsProvider) -> dict[str, tuple[Trial, Trial]]:
    """Return what to try and what to compare it with, by what it is."""
    key, ours = partial(_key), partial(_selected, provider)
    p256, rsa = partial(key, _P256), partial(key, _RSA)
    modulus, _ = spki.rsa_numbers(_key(_RSA))
    small = (1 << 1023) + 1
    point = _P256[-64:]
    compressed = der.encode(der.SEQUENCE, _P256[2:23], der.encode(der.BIT_STRING, b"\0\2", point[:32]))
    hashed = partial(provider.hasher, "sha256")
    return {
        **{f"public key of {name}": (partial(key, bytes.fromhex(written)), p256) for name, written in _CURVES.items()},
        "public key of SM2": (partial(key, _named(_SM2_CURVE, point)), p256),
        "public key of DSA": (partial(key, _P256.replace(_P256[4:13], der.encode_oid(_DSA))), p256),
        "public key as a compressed point": (partial(key, compressed), p256),
        "verification by RSA-1024": (partial(key, spki.rsa_spki(small, 65537)), rsa),
        "RSA exponent 3": (partial(key, spki.rsa_spki(modulus, 3)), rsa),
        "digest sha1": (partial(provider.hasher, "sha1"), hashed),
        "digest md5": (partial(provider.hasher, "md5"), hashed),
        "verification of RSA with SHA-1": (partial(_verify, provider, "sha1"), partial(_verify, provider, "sha256")),
        "HMAC key of 104 bits": (
            lambda: provider.hmac("sha256", bytes(13), b""), lambda: provider.hmac("sha256", bytes(14), b""),
        ),
        "PBKDF2 with a salt of 64 bits": (
            lambda: provider.derive(known.PASSPHRASE, bytes(8), 1000, 32),
            lambda: provider.derive(known.PASSPHRASE, bytes(16), 1000, 32),
        ),
        "making an RSA-2048 key": (partial(provider.generate, "rsa-2048"), partial(provider.generate, "ecdsa-p256")),
        **{
            f"{operation} by {name}": (partial(ours, operation, name), partial(ours, operation, _NEIGHBOURS[operation]))
            for operation, name in (
                (approved.ENCRYPT, "des-ede3-cbc"), (approved.ENCRYPT, "aes-ecb"), (approved.DERIVE, "scrypt"),
                (approved.RANDOM, "urandom"),
            )
        },
    }  # fmt: skip


def _key(content: bytes) -> PublicKey:
    return spki.public_key(content, lambda _: bytes(32))


def _named(curve: str, point: bytes) -> bytes:
    algorithm = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.10045.2.1"), der.encode_oid(curve))
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.BIT_STRING, b"\0\4", point))


def _verify(provider: OsslFipsProvider, digest: str) -> None:
    _, written, signature = known.VERIFY["rsa-pkcs1v15"]
    key = _key(bytes.fromhex(written))
    provider.verify(key, f"rsa-pkcs1v15-{digest}", bytes.fromhex(signature), known.MESSAGE)


def _selected(provider: OsslFipsProvider, operation: str, name: str) -> None:
    known_services = provider.identity.services
    answer = approved.select(MODULE, operation, name, provider=provider.name, known=known_services)
    if isinstance(answer, Refusal):
        raise answer.error()
