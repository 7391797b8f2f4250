"""Maths inside a FIPS provider of OpenSSL, and nothing else: the only provider of FIPS mode.

On top of the module's own checks stands our allow list (`fips.approved`), because a module accepts more than is
approved: short MAC keys, weak exponents, curves nobody uses. Public keys are checked by us, then once by the module.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

from trustkit.errors import AlgorithmNotApprovedError, ConfigError, SelfTestError
from trustkit.fips import algorithms, approved, guard, validated
from trustkit.fips.approved import Refusal
from trustkit.fips.host import Host, measured
from trustkit.fips.installation import Installation
from trustkit.fips.libcrypto.fips_module import FipsModule, KnownAnswer
from trustkit.fips.mode import MODULE, VALIDATED
from trustkit.fips.provider import Hasher, PrivateKey
from trustkit.fips.providers.openssl import LibcryptoProvider
from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey
from trustkit.model.values import NamedTuple

_SHORT_HASH = 16


class Identity(NamedTuple):
    """What the loaded module is: its own words, its file's hash, and whether a certificate covers it here.

    `approved` are the signature algorithms that it then verifies in an approved way; `day` is when that was looked up.
    """

    name: str
    version: str
    build: str
    sha256: str
    host: Host
    match: validated.Match
    services: approved.Services
    approved: tuple[str, ...]
    day: date


class OsslFipsProvider(LibcryptoProvider):
    """All maths in the installed module, or refused."""

    name: ClassVar[str] = approved.FIPS_PROVIDER

    def __init__(self, installation: Installation, mode: str, certificates: Path = validated.SHIPPED) -> None:
        """Load and test the module. Raises SelfTestError, ConfigError; in mode `validated`, if it is not."""
        module = FipsModule.load(installation.configuration, installation.module)
        super().__init__(module, fully_checked=True)
        self._fips, self._installation, self._mode = module, installation, mode
        self._certificates = certificates
        self.identity = self._identified(validated.read(certificates))
        self._require_validated()

    def status(self) -> ModuleStatus:
        """Name the module and its file; `validated` only if a certificate covers this file on this system.

        Raises SelfTestError when the file was changed since it was loaded, other cryptography was loaded, or in mode
        `validated` the certificate ended.
        """
        self.require_alone()
        if _today() != self.identity.day:
            self._match_again()
        found = self.identity
        certificate = found.match.certificate
        return ModuleStatus(
            provider=self.name,
            version=found.version,
            library=self._module.version(),
            mode=self._mode,
            validated=found.match.validated,
            certificate=certificate.number if certificate and found.match.validated else "",
            module=found.name,
            sha256=found.sha256,
            approved=found.approved,
        )

    @property
    def installation(self) -> Installation:
        """What is installed, and from where."""
        return self._installation

    @property
    def module(self) -> FipsModule:
        """The module itself, for those who try what it refuses."""
        return self._fips

    @property
    def self_tests(self) -> tuple[KnownAnswer, ...]:
        """The tests the module made when it was loaded."""
        return self._fips.self_tests

    def usage(self) -> dict[str, dict[str, int]]:
        """Return how often the module called which service approved, and what the guard denied, in this process."""
        return {"approved": self._fips.approved_services, "denied": guard.denials()}

    def require_self_test(self) -> tuple[KnownAnswer, ...]:
        """Run the module's tests now. Raises SelfTestError."""
        return self._fips.require_self_test()

    def examine(self) -> tuple[KnownAnswer, ...]:
        """Test the module again, measure its file, look for cryptography mapped since the start; return the tests.

        Whether a certificate covers it is looked up anew: the list may have been corrected, and certificates end.

        Raises SelfTestError, and from then on so does everything else here (FIPS 140-3 section 7.10.3.8).
        """
        try:
            self._fips.require_usable()
            self.require_alone()
            tests = self._fips.require_self_test()
            self._require_sha256()
        except SelfTestError as error:
            self._fips.condemn(error)
            raise
        self._match_again()
        return tests

    def require_alone(self) -> None:
        """Return if no cryptography but the module's was loaded since the guard is up.

        Raises SelfTestError, and from then on so does everything else here.
        """
        self._fips.require_usable()
        if not guard.is_up():
            return
        try:
            guard.require_no_late_strangers(str(self._installation.module))
        except SelfTestError as error:
            self._fips.condemn(error)
            raise

    def hasher(self, algorithm: str) -> Hasher:
        """Return a fresh hash. Raises AlgorithmNotApprovedError."""
        self._require(approved.HASH, algorithm)
        return super().hasher(algorithm)

    def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        """Return the HMAC. Raises AlgorithmNotApprovedError, also for keys below 112 bits."""
        self._require(approved.HMAC, algorithm)
        if len(key) < approved.LEAST_MAC_KEY_BYTES:
            raise AlgorithmNotApprovedError(
                f"an HMAC key of {8 * len(key)} bits is not approved in FIPS mode (SP 800-131A r2 section 10)"
            )
        return super().hmac(algorithm, key, message)

    def verify(self, key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> None:
        """Return if the signature fits. Raises as `CryptoProvider.verify`."""
        self._require(approved.VERIFY, algorithm)
        super().verify(key, algorithm, signature, message)

    def generate(self, kind: str) -> PrivateKey:
        """Make a key in the module. Raises AlgorithmNotApprovedError."""
        if kind in algorithms.ALGORITHMS:
            self._require(approved.GENERATE, kind)
        return super().generate(kind)

    def load_pkcs8(self, der: bytes) -> PrivateKey:
        """Take a key. Raises MalformedError, AlgorithmNotApprovedError."""
        key = super().load_pkcs8(der)
        self._require(approved.SIGN, algorithms.algorithms_for(key.public)[0])
        return key

    def _require(self, operation: str, algorithm: str) -> None:
        answer = approved.select(MODULE, operation, algorithm, provider=self.name, known=self.identity.services)
        if isinstance(answer, Refusal):
            raise answer.error()

    def _require_validated(self) -> None:
        found = self.identity
        if self._mode == VALIDATED and not found.match.validated:
            raise SelfTestError(
                f"the FIPS module {found.name} {found.version} is not validated here: {found.match.reason}",
                next_step="install a validated module, or set fips.mode to module and claim no validation",
            )

    def _match_again(self) -> None:
        """Claim what the list says today. Raises SelfTestError in mode `validated`, for good, if that is nothing."""
        try:
            self.identity = _matched(self.identity, validated.read(self._certificates))
        except ConfigError as error:
            # what nobody can read proves nothing any more
            none = validated.Match(False, None, error.message)
            self.identity = _matched(self.identity, ())._replace(match=none)
        try:
            self._require_validated()
        except SelfTestError as error:
            self._fips.condemn(error)
            raise

    def _identified(self, certificates: tuple[validated.Certificate, ...]) -> Identity:
        sha256 = self._require_sha256()
        name, version, build = self._fips.about()
        nothing = validated.Match(False, None, "nothing was looked up")
        unknown = Identity(name, version, build, sha256, measured(), nothing, approved.services("", ()), (), date.min)
        return _matched(unknown, certificates)

    def _require_sha256(self) -> str:
        """Measure the file by the module itself, which has passed its own integrity test by now."""
        running = self._fips.hasher("sha256")
        running.update(self._installation.module.read_bytes())
        sha256 = running.digest().hex()
        if sha256 != self._installation.sha256:
            raise SelfTestError(
                f"{self._installation.module} has SHA-256 {sha256[:_SHORT_HASH]}…, not what was installed",
                next_step="find out who changed it, then run trustkit fips install again",
            )
        return sha256


def _today() -> date:
    return datetime.now(UTC).date()


def _matched(identity: Identity, certificates: tuple[validated.Certificate, ...]) -> Identity:
    """Return the module with what these certificates say of it today."""
    today = _today()
    found = validated.match(
        certificates, version=identity.version, sha256=identity.sha256, host=identity.host, today=today
    )
    services = _services(identity.name, identity.version, found)
    return identity._replace(match=found, services=services, approved=approved.approved_signatures(services), day=today)


def _services(name: str, version: str, match: validated.Match) -> approved.Services:
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    certificate = match.certificate
    if not match.validated or certificate is None:
        return approved.services(name, numbers)
    return approved.services(name, numbers, certified=certificate.algorithms, number=certificate.number)
