"""Which provider may do what in which mode: a total function, so that there is nothing to fall back from."""

from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips import algorithms
from trustkit.fips.mode import OFF
from trustkit.model.values import NamedTuple

HASH, HMAC, VERIFY, SIGN, GENERATE, DERIVE, ENCRYPT, RANDOM = (
    "hash", "hmac", "verify", "sign", "generate", "derive", "encrypt", "random",
)  # fmt: skip
OPERATIONS = (HASH, HMAC, VERIFY, SIGN, GENERATE, DERIVE, ENCRYPT, RANDOM)
FIPS_PROVIDER = "ossl-fips"
# SP 800-131A r2 section 10, SP 800-107: an HMAC key of less than 112 bits is disallowed for making MACs.
LEAST_MAC_KEY_BYTES = 14
# Before this, the module's security policies list Ed25519 as not approved.
EDDSA_SINCE = (3, 5)
ML_DSA_SINCE = (3, 5)
_HASHES = {"sha256", "sha384", "sha512"}
_OTHERS = {
    DERIVE: {"pbkdf2-hmac-sha256", "hkdf-hmac-sha256"},
    ENCRYPT: {"aes-cbc", "aes-gcm", "aes-kw", "aes-kwp"},
    RANDOM: {"ctr-drbg"},
}


class Refusal(NamedTuple):
    """Why an operation has no provider in FIPS mode, and the publication that says so."""

    reason: str
    publication: str

    def error(self) -> AlgorithmNotApprovedError:
        """Return it as an error."""
        return AlgorithmNotApprovedError(
            f"{self.reason} is not approved in FIPS mode ({self.publication})",
            next_step="use an ECDSA P-256, P-384 or P-521 key, or RSA of 2048 bits and more, with SHA-2",
        )


def select(mode: str, operation: str, algorithm: str, *, provider: str, version: tuple[int, ...]) -> str | Refusal:
    """Return the name of the provider that does it, or why none does.

    Outside FIPS mode `provider` does whatever it can. `version` is the module's.
    """
    if mode == OFF:
        return provider
    if operation not in OPERATIONS:
        return Refusal(f"operation {operation!r}", "FIPS 140-3 section 7.4")
    if operation in (HASH, HMAC):
        return FIPS_PROVIDER if algorithm in _HASHES else Refusal(f"hash {algorithm!r}", "SP 800-131A r2 section 9")
    if operation in _OTHERS:
        known = algorithm in _OTHERS[operation]
        return FIPS_PROVIDER if known else Refusal(f"{algorithm!r}", "SP 800-140C r2")
    return _signature(algorithm, version)


def _signature(algorithm: str, version: tuple[int, ...]) -> str | Refusal:
    row = algorithms.ALGORITHMS.get(algorithm)
    if row is None or not row.approved:
        return Refusal(f"signature algorithm {algorithm!r}", "FIPS 186-5, SP 800-131A r2 section 3")
    if row.scheme == algorithms.EDDSA_PREHASH:
        return Refusal("HashEdDSA", "the module has no pre-hash mode; FIPS 186-5 section 7.8")
    if row.scheme == algorithms.ML_DSA and version < ML_DSA_SINCE:
        wanted = ".".join(map(str, ML_DSA_SINCE))
        return Refusal("ML-DSA", f"no module of OpenSSL before {wanted} has it; FIPS 204")
    if row.scheme == algorithms.EDDSA and version < EDDSA_SINCE:
        wanted = ".".join(map(str, EDDSA_SINCE))
        return Refusal("EdDSA", f"security policies of OpenSSL modules before {wanted}; FIPS 186-5 section 7")
    return FIPS_PROVIDER
