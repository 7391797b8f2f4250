"""Which provider may do what in which mode: a total function, so that there is nothing to fall back from.

What a module does in an approved way its security policy says: a table by the module's name and its versions, or,
where a certificate matched, that certificate's own list.
"""

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
_HASHES = frozenset({"sha256", "sha384", "sha512"})
_OTHERS = {
    DERIVE: frozenset({"pbkdf2-hmac-sha256", "hkdf-hmac-sha256"}),
    ENCRYPT: frozenset({"aes-cbc", "aes-gcm", "aes-kw", "aes-kwp"}),
    RANDOM: frozenset({"ctr-drbg"}),
}
_EVERYWHERE = frozenset().union(
    _HASHES, *_OTHERS.values(), {HMAC, algorithms.ECDSA, algorithms.RSA_PKCS1, algorithms.RSA_PSS}
)
# What a certificate's list may name.
SERVICES = _EVERYWHERE | {algorithms.EDDSA, algorithms.ML_DSA}
OPENSSL = "OpenSSL FIPS Provider"
# (module's name, since which version): what it does beside what every module does. Its security policies before list
# Ed25519 as not approved, and no module before has ML-DSA. Of a module by another name nothing more is known.
TABLE: dict[tuple[str, tuple[int, ...]], frozenset[str]] = {
    (OPENSSL, (3, 5)): frozenset({algorithms.EDDSA, algorithms.ML_DSA}),
}


class Services(NamedTuple):
    """What a module may be used for, and who says so."""

    names: frozenset[str]
    source: str


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


def services(module: str, version: tuple[int, ...], *, certified: tuple[str, ...] = (), number: str = "") -> Services:
    """Return what a module of this name and version does; what its certificate lists, if it lists anything."""
    if certified:
        return Services(SERVICES & set(certified), f"certificate #{number}")
    told = ".".join(map(str, version)) or "unknown"
    more = (names for (name, since), names in TABLE.items() if name == module and version >= since)
    return Services(_EVERYWHERE.union(*more), f"{module} {told}")


def select(mode: str, operation: str, algorithm: str, *, provider: str, known: Services) -> str | Refusal:
    """Return the name of the provider that does it, or why none does.

    Outside FIPS mode `provider` does whatever it can. `known` is what the module may be used for.
    """
    if mode == OFF:
        return provider
    service = _service(operation, algorithm)
    if isinstance(service, Refusal):
        return service
    name, publication = service
    if name not in known.names:
        return Refusal(f"{name} in this module", f"{known.source} does not list it; {publication}")
    return FIPS_PROVIDER


def approved_signatures(known: Services) -> tuple[str, ...]:
    """Return the signature algorithms a module verifies in an approved way, by their names here."""
    answers = {name: select("", VERIFY, name, provider="", known=known) for name in algorithms.ALGORITHMS}
    return tuple(name for name, answer in answers.items() if not isinstance(answer, Refusal))


def _service(operation: str, algorithm: str) -> tuple[str, str] | Refusal:
    """Return the module's service and the publication it follows, or why no module offers it."""
    if operation in (HASH, HMAC):
        if algorithm not in _HASHES:
            return Refusal(f"hash {algorithm!r}", "SP 800-131A r2 section 9")
        return algorithm if operation == HASH else HMAC, "FIPS 180-4, FIPS 198-1"
    if operation in _OTHERS:
        known = algorithm in _OTHERS[operation]
        return (algorithm, "SP 800-140C r2") if known else Refusal(f"{algorithm!r}", "SP 800-140C r2")
    if operation not in OPERATIONS:
        return Refusal(f"operation {operation!r}", "FIPS 140-3 section 7.4")
    return _signature(algorithm)


def _signature(algorithm: str) -> tuple[str, str] | Refusal:
    row = algorithms.ALGORITHMS.get(algorithm)
    if row is None or not row.approved:
        return Refusal(f"signature algorithm {algorithm!r}", "FIPS 186-5, SP 800-131A r2 section 3")
    if row.scheme == algorithms.EDDSA_PREHASH:
        return Refusal("HashEdDSA", "the module has no pre-hash mode; FIPS 186-5 section 7.8")
    return row.scheme, row.standard
