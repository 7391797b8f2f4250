"""Install, require, show, test and prove the FIPS module that FIPS mode does its maths in.

FIPS mode is on when fips.mode is `module` or `validated` in the configuration or in /etc/trustkit/config.toml, after
`trustkit fips require module`, when TRUSTKIT_FIPS=1, or when the kernel was started with
fips=1. trustkit itself is not validated: it does its cryptography in the module, or refuses.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.cli.output import as_json, plain, table
from trustkit.config import load
from trustkit.errors import SelfTestError

if TYPE_CHECKING:
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="status|install|require|self-test|prove")
    status = actions.add_parser("status", help="which module, which file, validated or not, tested how")
    install = actions.add_parser("install", help="copy a module in and write its configuration")
    install.add_argument("--module", metavar="FILE", help="the module; without it, the distribution's")
    require = actions.add_parser("require", help="use this state directory in FIPS mode only, whatever configuration")
    require.add_argument("mode", choices=("module", "validated", "off"), help="the least mode; off requires none")
    test = actions.add_parser("self-test", help="run every self-test of the module now")
    prove = actions.add_parser("prove", help="try what is approved and what is forbidden, inside the module")
    for action in (status, install, test, prove):
        action.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises ConfigError, SelfTestError, StorageError."""
    if arguments.action == "install":
        return _install(arguments.output, arguments.module)
    if arguments.action == "require":
        return _require(arguments.mode)
    from trustkit.cli import fips_start

    # When the mode is on, what is told and tried is this process in that mode.
    provider = fips_start.enter(sys.argv[1:])
    actions = {"status": _status, "self-test": _self_test, "prove": _prove}
    return actions[arguments.action](provider or _opened(), arguments.output)


def _install(output: str, source: str | None) -> int:
    from trustkit.cli.fips_floor import folder_of
    from trustkit.fips import installation

    config = load(os.environ)
    config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = folder_of(config)
    made = installation.install(Path(source).resolve() if source else installation.find(), folder)
    provider = _opened()
    if output == "json":
        as_json({"path": str(made.module), "sha256": made.sha256, "source": made.source})
        return 0
    found = provider.identity
    print(f"installed {found.name} {found.version}, {len(provider.self_tests)} self-tests passed")
    print(f"  from    {made.source}\n  to      {made.module}\n  sha256  {made.sha256}")
    print(f"  {_standing(validated=found.match.validated, why=found.match.reason)}")
    print("  next: trustkit fips require module")
    return 0


def _require(mode: str) -> int:
    from trustkit import durable
    from trustkit.cli.fips_floor import folder_of, required_file, settings
    from trustkit.fips import installation

    config = load(os.environ)
    if mode != "off":
        installation.read(folder_of(config))
    durable.write_file(required_file(config), f"{mode}\n".encode())
    asked = settings(os.environ)
    print(f"FIPS mode here: {asked.mode}" + (f", asked for by {', '.join(asked.asked_by)}" if asked.asked_by else ""))
    return 0


def _status(provider: "OsslFipsProvider", output: str) -> int:
    from trustkit.cli.fips_floor import kernel_flag, settings
    from trustkit.fips import describe

    asked = settings(os.environ)
    report = describe.report(asked.mode, provider, kernel_flag=kernel_flag())
    if output == "json":
        as_json(report)
        return 0
    module = report.module
    print(report.claim)
    rows = [
        ("mode", report.mode),
        ("asked for by", ", ".join(asked.asked_by) or "nobody"),
        ("kernel flag", "on" if report.kernel_flag else "off"),
        ("module", f"{module.name} {module.version} (build {module.build})"),
        ("file", module.path),
        ("taken from", module.source),
        ("sha256", module.sha256),
        ("integrity MAC", f"{'matches' if module.mac_matches else 'DOES NOT MATCH'} {module.mac}"),
        ("validation", _standing(validated=module.validated, why=module.why)),
        ("environment", module.environment),
        ("configuration", f"{module.configuration} sha256:{module.configuration_sha256}"),
        ("checks on", str(len(module.checks))),
        ("self-tests", f"{len(module.self_tests)} passed in {_milliseconds(module.self_tests)} ms"),
        ("random bits", f"{report.entropy.generator}, seeded by {report.entropy.source}"),
        ("driven by", f"{report.library} (outside the boundary)"),
        ("other libraries", ", ".join(report.other_libraries) or "none that looks like cryptography"),
    ]
    for name, value in rows:
        print(f"  {name.ljust(15)}  {plain(value)}")
    return 0


def _self_test(provider: "OsslFipsProvider", output: str) -> int:
    answers = provider.require_self_test()
    if output == "json":
        as_json(answers)
        return 0
    rows = [(item.kind, item.about, "pass", f"{item.microseconds / 1000:.2f} ms") for item in answers]
    table(("KIND", "TEST", "RESULT", "TIME"), rows)
    return 0


def _prove(provider: "OsslFipsProvider", output: str) -> int:
    from trustkit.fips import probes

    found = probes.run(provider, provider.module)
    if output == "json":
        as_json([{**item._asdict(), "holds": item.holds} for item in found])
    else:
        words = {True: "works", False: "refused"}
        rows = [
            ("✔" if item.holds else "✘", item.about, words[item.worked], "" if item.holds else words[item.should_work])
            for item in found
        ]
        table(("", "TRIED IN THE MODULE", "RESULT", "SHOULD BE"), rows)
    wrong = [item.about for item in found if not item.holds]
    if wrong:
        raise SelfTestError(f"the module does not hold: {', '.join(wrong)}", next_step="use another module")
    return 0


def _opened() -> "OsslFipsProvider":
    """Return the installed module's provider, in a process that is not in FIPS mode."""
    from trustkit.cli.fips_floor import settings
    from trustkit.fips import installation, validated
    from trustkit.fips.mode import MODULE
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider

    asked = settings(os.environ)
    return OsslFipsProvider(installation.read(asked.folder), MODULE, asked.validated_list or validated.SHIPPED)


def _standing(*, validated: bool, why: str) -> str:
    return f"validated: {why}" if validated else f"NOT VALIDATED: {why}"


def _milliseconds(tests: tuple[dict[str, object], ...]) -> str:
    return f"{sum(int(str(item['microseconds'])) for item in tests) / 1000:.0f}"
