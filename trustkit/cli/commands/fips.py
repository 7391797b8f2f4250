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

from trustkit import limits
from trustkit.cli.fips_floor import folder_of
from trustkit.cli.fips_report import show, standing
from trustkit.cli.output import as_json, table
from trustkit.codec import strict_json
from trustkit.config import load
from trustkit.errors import MalformedError, SelfTestError

if TYPE_CHECKING:
    from trustkit.fips.installation import Installation
    from trustkit.fips.probes.probe import Probe
    from trustkit.fips.providers.ossl_fips import OsslFipsProvider


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="status|install|require|self-test|prove")
    status = actions.add_parser("status", help="which module, which file, validated or not, tested how")
    install = actions.add_parser("install", help="copy a module in and write its configuration")
    given = "the module; without it, the distribution's: found, or its package fetched by apt-get"
    install.add_argument("--module", metavar="FILE", help=given)
    require = actions.add_parser("require", help="use this state directory in FIPS mode only, whatever configuration")
    require.add_argument("mode", choices=("module", "validated", "off"), help="the least mode; off requires none")
    test = actions.add_parser("self-test", help="run every self-test of the module now")
    prove = actions.add_parser("prove", help="try what is approved and what is forbidden, inside the module")
    # the control of `prove`: the same trials in a process that is not in the mode
    prove.add_argument("--outside", action="store_true", help=argparse.SUPPRESS)
    for action in (status, install, test, prove):
        action.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises ConfigError, SelfTestError, StorageError."""
    if arguments.action == "install":
        return _install(arguments.output, arguments.module)
    if arguments.action == "require":
        return _require(arguments.mode)
    if arguments.action == "prove" and arguments.outside:
        return _controls()
    from trustkit.cli import fips_start

    # When the mode is on, what is told and tried is this process in that mode.
    fips_start.enter(sys.argv[1:])
    actions = {"status": show, "self-test": _self_test, "prove": _prove}
    return actions[arguments.action](fips_start.opened(), arguments.output)


def _install(output: str, source: str | None) -> int:
    from trustkit.cli.fips_start import opened

    config = load(os.environ)
    config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    made, how = _installed(folder_of(config), source)
    provider = opened()
    if output == "json":
        as_json({"path": str(made.module), "sha256": made.sha256, "source": made.source, "how": how})
        return 0
    found = provider.identity
    print(f"installed {found.name} {found.version}, {how}, {len(provider.self_tests)} self-tests passed")
    print(f"  from    {made.source}\n  to      {made.module}\n  sha256  {made.sha256}")
    print(f"  {standing(validated=found.match.validated, why=found.match.reason)}")
    print("  next: trustkit fips require module")
    return 0


def _installed(folder: Path, source: str | None) -> tuple["Installation", str]:
    from trustkit.fips import installation

    if source:
        return installation.install(Path(source).resolve(), folder), "given"
    if found := installation.find():
        return installation.install(found, folder), "found on this system"
    from trustkit.cli.fips_package import fetched

    with fetched() as (file, origin):
        return installation.install(file, folder, origin), "fetched"


def _require(mode: str) -> int:
    from trustkit import durable
    from trustkit.cli.fips_floor import required_file, settings
    from trustkit.fips import installation

    config = load(os.environ)
    if mode != "off":
        installation.read(folder_of(config))
    durable.write_file(required_file(config), f"{mode}\n".encode())
    asked = settings(os.environ)
    print(f"FIPS mode here: {asked.mode}" + (f", asked for by {', '.join(asked.asked_by)}" if asked.asked_by else ""))
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
    from trustkit.fips.probes.probe import run as run_probes
    from trustkit.net.tls import offered

    found = run_probes(provider, _outside(), offered()[1])
    if output == "json":
        as_json([{**item._asdict(), "holds": item.holds} for item in found])
    else:
        rows = [("✔" if item.holds else "✘", item.where, item.about, *_words(item)) for item in found]
        table(("", "ASKED OF", "TRIED", "RESULT", "SHOULD BE"), rows)
        if not any(item.where == "process" for item in found):
            print("FIPS mode is off: what a process in it must refuse was not tried")
    wrong = [item.about for item in found if not item.holds]
    if wrong:
        raise SelfTestError(
            f"does not hold: {', '.join(wrong)}", next_step="use another module; --output json says why"
        )
    return 0


def _words(item: "Probe") -> tuple[str, str]:
    if not item.control:
        return "refused", "possible elsewhere, and is not: nothing is proven"
    words = {True: "works", False: "refused"}
    return words[item.worked], "" if item.holds else words[item.should_work]


def _outside() -> dict[str, bool]:
    """Return which of the forbidden things work in a process like this one that is not in FIPS mode."""
    import subprocess

    plain = {name: value for name, value in os.environ.items() if name not in ("OPENSSL_CONF", "OPENSSL_MODULES")}
    command = [sys.executable, "-I", "-m", "trustkit", "fips", "prove", "--outside"]
    done = subprocess.run(command, env=plain, capture_output=True, check=False)  # noqa: S603  (ourselves)
    try:
        told = strict_json.parse(done.stdout, what="the control", limit_bytes=limits.FIPS_RECORD_BYTES)
        return {name: value is True for name, value in strict_json.as_object(told, "the control").items()}
    except MalformedError as error:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise SelfTestError(f"the control outside FIPS mode failed: {said or error.message}") from error


def _controls() -> int:
    from trustkit.fips.probes.probe import controls
    from trustkit.net.tls import offered

    as_json(controls(offered()[1]))
    return 0
