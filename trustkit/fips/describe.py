"""What can be said of FIPS mode in this process, in one value: what `trustkit fips status` prints."""

from pathlib import Path

from trustkit.fips import guard
from trustkit.fips.libcrypto.configuration import CHECKS, INTEGRITY_KEY
from trustkit.fips.mode import OFF
from trustkit.fips.providers.ossl_fips import OsslFipsProvider
from trustkit.model.values import NamedTuple

NOT_VALIDATED = "NOT VALIDATED"


class Entropy(NamedTuple):
    """Where the random bits come from."""

    generator: str
    source: str


class ModuleReport(NamedTuple):
    """The module's identity, measured and told."""

    path: str
    source: str
    name: str
    version: str
    build: str
    sha256: str
    mac: str
    mac_matches: bool
    validated: bool
    why: str
    certificate: str
    standard: str
    sunset: str
    environment: str
    configuration: str
    configuration_sha256: str
    checks: tuple[str, ...]
    self_tests: tuple[dict[str, object], ...]


class Report(NamedTuple):
    """Mode, kernel flag, module, libraries; `claim` is the sentence that may be quoted."""

    mode: str
    kernel_flag: bool
    claim: str
    module: ModuleReport
    library: str
    entropy: Entropy
    other_libraries: tuple[str, ...]


def report(mode: str, provider: OsslFipsProvider, *, kernel_flag: bool) -> Report:
    """Return the report of an installed module that is loaded in this process."""
    found, installed = provider.identity, provider.installation
    content = installed.module.read_bytes()
    mac = provider.hmac("sha256", INTEGRITY_KEY, content).hex()
    certificate = found.match.certificate
    module = ModuleReport(
        path=str(installed.module),
        source=installed.source,
        name=found.name,
        version=found.version,
        build=found.build,
        sha256=found.sha256,
        mac=mac,
        mac_matches=mac == installed.mac,
        validated=found.match.validated,
        why=found.match.reason,
        certificate=certificate.number if certificate else "",
        standard=certificate.standard if certificate else "",
        sunset=certificate.sunset.isoformat() if certificate else "",
        environment=str(found.host),
        configuration=str(installed.configuration),
        configuration_sha256=_sha256(provider, installed.configuration),
        checks=CHECKS,
        self_tests=tuple(item._asdict() for item in provider.self_tests),
    )
    return Report(
        mode=mode,
        kernel_flag=kernel_flag,
        claim=_claim(mode, module),
        module=module,
        library=provider.status().library,
        entropy=Entropy("CTR_DRBG of the module (SP 800-90A)", "getrandom(2), through libcrypto"),
        other_libraries=tuple(guard.strangers(module.path)),
    )


def _claim(mode: str, module: ModuleReport) -> str:
    standing = f"validated, certificate #{module.certificate}" if module.validated else NOT_VALIDATED
    what = f"{module.name} {module.version} ({standing})"
    if mode == OFF:
        return f"FIPS mode is off; {what} is installed. trustkit itself is not validated."
    return f"trustkit is not validated. It performs its cryptography in {what} and refuses everything else."


def _sha256(provider: OsslFipsProvider, path: Path) -> str:
    running = provider.hasher("sha256")
    running.update(path.read_bytes())
    return running.digest().hex()
