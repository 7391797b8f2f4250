"""What can be said of FIPS mode in this process, in one value: what `trustkit fips status` prints."""

from datetime import datetime
from pathlib import Path

from trustkit.fips import guard
from trustkit.fips.flows import Doer, Flow, flows
from trustkit.fips.host import Host
from trustkit.fips.libcrypto.configuration import CHECKS, GROUPS, INTEGRITY_KEY
from trustkit.fips.mode import OFF
from trustkit.fips.providers.ossl_fips import OsslFipsProvider
from trustkit.model.values import NamedTuple

NOT_VALIDATED = "NOT VALIDATED"


class Entropy(NamedTuple):
    """Where the random bits come from."""

    generator: str
    source: str


class ModuleReport(NamedTuple):
    """The module's identity, measured and told. `standing`: validated, update stream or none; `status`: NIST's word."""

    path: str
    source: str
    name: str
    version: str
    build: str
    sha256: str
    mac: str
    mac_matches: bool
    validated: bool
    standing: str
    why: str
    certificate: str
    standard: str
    level: int
    status: str
    sunset: str
    security_policy: str
    environment: str
    host: Host
    configuration: str
    configuration_sha256: str
    checks: tuple[str, ...]
    self_tests: tuple[dict[str, object], ...]
    services: tuple[str, ...]
    services_by: str


class Tls(NamedTuple):
    """What a new TLS context of this process offers; groups are those of the module's configuration."""

    minimum: str
    suites: tuple[str, ...]
    groups: tuple[str, ...]


class Key(NamedTuple):
    """Keys of one kind and size in the key ring, and where their private halves are kept."""

    kind: str
    bits: int
    storage: str
    number: int


class Around(NamedTuple):
    """What the process knows beside the module: the moment, settings, keys, who does the maths when the mode is off."""

    now: datetime
    kernel_flag: bool
    examine_every: float
    asked_by: tuple[str, ...]
    keys: tuple[Key, ...]
    tls: tuple[str, tuple[str, ...]]
    outside: Doer


class Report(NamedTuple):
    """Mode, module, what it did in this process, what surrounds it; `claim` is the sentence that may be quoted.

    `approved_services` counts what the module's indicator called approved in this process, `denied` what the guard
    refused; `daemon` has both of a running daemon, and its mode.
    """

    at: str
    mode: str
    asked_by: tuple[str, ...]
    kernel_flag: bool
    claim: str
    module: ModuleReport
    library: str
    entropy: Entropy
    examine_every: float
    approved_services: dict[str, int]
    denied: dict[str, int]
    tls: Tls
    keys: tuple[Key, ...]
    other_libraries: tuple[str, ...]
    flows: tuple[Flow, ...]
    daemon: object = None


def report(mode: str, provider: OsslFipsProvider, around: Around) -> Report:
    """Return the report of an installed module that is loaded in this process."""
    module = _module(provider)
    others = tuple(guard.strangers(module.path))
    ours = Doer(module.name, module.version, module.certificate, module.standing, module.environment)
    doer = around.outside if mode == OFF else ours
    return Report(
        at=around.now.isoformat(),
        mode=mode,
        asked_by=around.asked_by,
        kernel_flag=around.kernel_flag,
        claim=_claim(mode, module),
        module=module,
        library=provider.status().library,
        entropy=Entropy("CTR_DRBG of the module (SP 800-90A)", "getrandom(2), through libcrypto"),
        examine_every=around.examine_every,
        approved_services=provider.module.approved_services,
        denied=guard.denials(),
        tls=Tls(*around.tls, GROUPS if mode != OFF else ()),
        keys=around.keys,
        other_libraries=others,
        flows=flows(doer, doer if mode != OFF else Doer("OpenSSL's default provider", provider.status().library)),
    )


def mac_of(provider: OsslFipsProvider) -> str:
    """Return the integrity MAC of the module's file (OpenSSL's `module-mac`), computed in the module."""
    return provider.hmac("sha256", INTEGRITY_KEY, provider.installation.module.read_bytes()).hex()


def _module(provider: OsslFipsProvider) -> ModuleReport:
    found, installed = provider.identity, provider.installation
    mac, certificate = mac_of(provider), found.match.certificate
    return ModuleReport(
        path=str(installed.module),
        source=installed.source,
        name=found.name,
        version=found.version,
        build=found.build,
        sha256=found.sha256,
        mac=mac,
        mac_matches=mac == installed.mac,
        validated=found.match.validated,
        standing=found.match.standing,
        why=found.match.reason,
        certificate=certificate.number if certificate else "",
        standard=certificate.standard if certificate else "",
        level=certificate.level if certificate else 0,
        status=certificate.status if certificate else "",
        sunset=certificate.sunset.isoformat() if certificate else "",
        security_policy=certificate.security_policy if certificate else "",
        environment=str(found.host),
        host=found.host,
        configuration=str(installed.configuration),
        configuration_sha256=_sha256(provider, installed.configuration),
        checks=CHECKS,
        self_tests=tuple(item._asdict() for item in provider.self_tests),
        services=tuple(sorted(found.services.names)),
        services_by=found.services.source,
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
