"""What `trustkit fips status` shows: this process, its module, the keys, a running daemon, and the SC-13 rows."""

import os
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustkit.cli.output import as_json, plain, table
from trustkit.config import Config, load
from trustkit.errors import TrustkitError

if TYPE_CHECKING:  # loaded when a module is installed
    from trustkit.fips.describe import Key, Report
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider
    from trustkit.signing.keyring import StoredKey


def show(provider: "OsslFipsProvider", output: str) -> int:
    """Print the report."""
    report = _report(provider)
    if output == "json":
        as_json(report)
        return 0
    print(report.claim)
    for name, value in (*_of_module(report), *_of_process(report)):
        print(f"  {name.ljust(15)}  {plain(value)}")
    print()
    rows = [(row.service, f"{row.module} {row.version}".strip(), row.certificate or "-", row.standing)
            for row in report.flows]  # fmt: skip
    table(("SERVICE", "MODULE", "CERTIFICATE", "STANDING"), rows)
    return 0


def standing(*, validated: bool, why: str) -> str:
    """Return what may be claimed and why."""
    return f"validated: {why}" if validated else f"NOT VALIDATED: {why}"


def _report(provider: "OsslFipsProvider") -> "Report":
    from trustkit.app import open_crypto
    from trustkit.cli.fips_floor import kernel_flag, settings
    from trustkit.fips.describe import Around, report
    from trustkit.fips.flows import Doer
    from trustkit.net.tls import offered

    config, asked = load(os.environ), settings(os.environ)
    status = open_crypto(config).status()
    around = Around(
        now=datetime.now(UTC),
        kernel_flag=kernel_flag(),
        examine_every=asked.examine_every,
        asked_by=asked.asked_by,
        keys=_keys(config),
        tls=offered(),
        outside=Doer(f"{status.provider}, {status.library}", ""),
    )
    return report(asked.mode, provider, around)._replace(daemon=_daemon(config))


def _keys(config: Config) -> tuple["Key", ...]:
    from trustkit.app import open_crypto
    from trustkit.fips.describe import Key
    from trustkit.signing.keyring import Keyring

    ring = Keyring(config.keys, open_crypto(config))
    counted = Counter((key.public.kind, key.public.bits, _storage(key)) for key in ring.list())
    return tuple(Key(*about, number) for about, number in sorted(counted.items()))


def _storage(key: "StoredKey") -> str:
    if key.has_private:
        return "key file"
    return key.record.uri.partition(":")[0] or "public half only"


def _daemon(config: Config) -> object:
    """Return what a running daemon says of its module and counters; None if none runs, its refusal if it refuses."""
    if not config.socket.exists():
        return None
    from trustkit.cli.client.daemon import Daemon, members

    try:
        return members(Daemon(str(config.socket)).call("GET", "/info")).get("Trustkit")
    except TrustkitError as error:
        return {"error": error.message}


def _of_module(report: "Report") -> list[tuple[str, str]]:
    module = report.module
    level = f", level {module.level}" if module.level else ""
    certificate = f"#{module.certificate} {module.standard}{level}, {module.status} until {module.sunset}"
    return [
        ("mode", report.mode),
        ("asked for by", ", ".join(report.asked_by) or "nobody"),
        ("kernel flag", "on" if report.kernel_flag else "off"),
        ("module", f"{module.name} {module.version} (build {module.build})"),
        ("file", module.path),
        ("taken from", module.source),
        ("sha256", module.sha256),
        ("integrity MAC", f"{'matches' if module.mac_matches else 'DOES NOT MATCH'} {module.mac}"),
        ("validation", standing(validated=module.validated, why=module.why)),
        *([("certificate", certificate), ("policy", module.security_policy)] if module.certificate else []),
        ("environment", module.environment),
        ("configuration", f"{module.configuration} sha256:{module.configuration_sha256}"),
        ("checks on", str(len(module.checks))),
        ("approved", f"{', '.join(module.services)} ({module.services_by})"),
        ("self-tests", f"{len(module.self_tests)} passed in {_milliseconds(module.self_tests)} ms"),
    ]


def _of_process(report: "Report") -> list[tuple[str, str]]:
    keys = [f"{one.number} {one.kind} of {one.bits} bits, {one.storage}" for one in report.keys]
    return [
        ("random bits", f"{report.entropy.generator}, seeded by {report.entropy.source}"),
        ("driven by", f"{report.library} (outside the boundary)"),
        ("other libraries", ", ".join(report.other_libraries) or "none that looks like cryptography"),
        ("TLS", f"{report.tls.minimum} or later, {len(report.tls.suites)} suites {' '.join(report.tls.groups)}"),
        ("keys", "; ".join(keys) or "none"),
        ("done here", _counts(report.approved_services) or "nothing that the module counts"),
        ("denied here", _counts(report.denied) or "nothing"),
        ("daemon", _of_daemon(report.daemon)),
        ("at", report.at),
    ]


def _of_daemon(told: object) -> str:
    if not isinstance(told, dict):
        return "not running"
    crypto, denied = told.get("crypto"), told.get("denied")
    if not isinstance(crypto, dict):
        return str(told.get("error", "says nothing of its module"))
    words = _counts(denied) if isinstance(denied, dict) else ""
    return f"mode {crypto.get('mode')}, {crypto.get('module') or crypto.get('library')}, denied {words or 'nothing'}"


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))


def _milliseconds(tests: tuple[dict[str, object], ...]) -> str:
    return f"{sum(int(str(item['microseconds'])) for item in tests) / 1000:.0f}"
