"""Look at this machine and this state directory: is everything there, and as it should be.

Nothing is changed and nothing is started. ✔ is well, ! is worth a look, ✘ stops something from working.

With --webhook FILE, how a cluster asks `trustkit serve webhook` is looked at instead: what it would not be asked about,
and whether it, and the cluster's own pods, could come back after it was down. FILE is what
kubectl -n trustkit-system get validatingwebhookconfigurations,mutatingwebhookconfigurations,services -o yaml
prints, or manifests; - is standard input.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import NamedTuple

from trustkit import limits
from trustkit.cli.output import as_json, plain
from trustkit.config import Config, load
from trustkit.errors import TrustkitError

WELL, LOOK, BROKEN = "well", "look", "broken"
_MARKS = {WELL: "✔", LOOK: "!", BROKEN: "✘"}
_OTHERS = 0o077


class Finding(NamedTuple):
    """One thing that was looked at: how it is, in words, and what to do about it."""

    about: str
    state: str
    said: str
    next_step: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the output form, and what else to look at."""
    parser.add_argument("--webhook", metavar="FILE", help="look at registrations of admission webhooks instead")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Look, and print what was found. Raises ConfigError."""
    found = tuple(_registered(arguments.webhook) if arguments.webhook else findings(load(os.environ)))
    if arguments.output == "json":
        as_json(found)
    else:
        for item in found:
            print(f"{_MARKS[item.state]} {item.about.ljust(14)} {plain(item.said)}")
            if item.next_step:
                print(f"  {''.ljust(14)} next: {plain(item.next_step)}")
    return 4 if any(item.state == BROKEN for item in found) else 0


def findings(config: Config) -> Iterator[Finding]:
    """Yield what is looked at, one after the other; what fails to be looked at is broken."""
    for about, look in _LOOKS.items():
        try:
            yield look(config)._replace(about=about)
        except TrustkitError as error:
            yield Finding(about, BROKEN, error.message, error.next_step)
        except OSError as error:
            yield Finding(about, BROKEN, f"{error.filename or ''}: {(error.strerror or str(error)).lower()}")


def _registered(file: str) -> Iterator[Finding]:
    """Yield what is the matter with webhook registrations. Raises PolicySyntaxError, UsageError."""
    from trustkit.cli.identities import bounded_content
    from trustkit.hooks.kubernetes.registration import OPEN, gaps
    from trustkit.policy.yaml_reader import documents

    path = Path("/dev/stdin" if file == "-" else file)
    content = bounded_content(path, limits.POLICY_BYTES)
    found = gaps([node.plain() for node in documents(content, file)])
    for gap in found:
        yield Finding("webhook", BROKEN if gap.state == OPEN else LOOK, gap.said, gap.next_step)
    if not any(gap.state == OPEN for gap in found):
        yield Finding("webhook", WELL, "both are asked about every kind that bears pods, and closed when they are away")


def _home(config: Config) -> Finding:
    if not config.home.exists():
        return Finding("", LOOK, f"{config.home} is not there yet", "the first command makes it")
    mode = config.home.stat().st_mode & 0o777
    if mode & _OTHERS:
        return Finding("", LOOK, f"{config.home} is open to others ({mode:03o})", f"chmod 700 {config.home}")
    return Finding("", WELL, str(config.home))


def _crypto(config: Config) -> Finding:
    from trustkit.app import open_crypto

    crypto = open_crypto(config)
    tested: tuple[str, ...] = getattr(crypto, "run_all", tuple)()
    status = crypto.status()
    return Finding("", WELL, f"{status.provider} {status.version}, {len(tested)} self-tests passed ({status.library})")


def _fips(_: Config) -> Finding:
    from trustkit.cli import fips_floor, fips_start

    asked = fips_floor.settings(os.environ)
    if not asked.folder.exists() and asked.mode == fips_floor.OFF:
        return Finding("", WELL, "off, no module installed")
    from trustkit.fips import guard
    from trustkit.fips.describe import mac_of

    provider = fips_start.opened()
    found, module = provider.identity, provider.installation.module
    by = f" (asked for by {', '.join(asked.asked_by)})" if asked.asked_by else ""
    claim = found.match.reason if found.match.validated else f"NOT VALIDATED: {found.match.reason}"
    said = f"mode {asked.mode}{by}, {found.name} {found.version}, {claim}"
    if mac_of(provider) != provider.installation.mac:
        return Finding("", BROKEN, f"{said}; its integrity MAC does not match {module}", "trustkit fips install")
    if asked.mode == fips_floor.OFF:
        return Finding("", WELL, f"{said}; MAC matches", "trustkit fips require module turns the mode on")
    others = guard.late_strangers(str(module))
    mapped = f"also mapped: {', '.join(others)}" if others else "no other cryptography in use"
    return Finding("", BROKEN if others else WELL, f"{said}; MAC matches; {mapped}", "trustkit fips status")


def _log(config: Config) -> Finding:
    from trustkit.app import open_crypto
    from trustkit.audit.verify import require_intact, verify_log

    if not config.audit.exists():
        return Finding("", WELL, "no decision yet")
    report = verify_log(config.audit, crypto=open_crypto(config))
    require_intact(report)
    return Finding("", WELL, f"intact: {report.size} records")


def _policy(config: Config) -> Finding:
    from trustkit.app import load_policy, open_bundle

    if config.policy_bundle and open_bundle(config).state() is None:
        # to load it would be to fetch it
        return Finding("", LOOK, f"nothing of {config.policy_bundle} is here yet", "trustkit policy pull")
    policy = load_policy(config)
    if config.policy_bundle and (late := _bundle_problem(config)):
        return Finding("", LOOK, f"{policy.name}, and {late}", "trustkit policy pull")
    if not config.text("trust.policy"):
        return Finding("", LOOK, "the built-in one: whatever a key of the key ring signed", "name one in trust.policy")
    return Finding("", WELL, f"{policy.name} {str(policy.digest)[:19]}…")


def _bundle_problem(config: Config) -> str:
    """Return what keeps the policy bundle from being confirmed, nothing if it is."""
    from trustkit.app import now, open_bundle
    from trustkit.cli.output import ago

    state = open_bundle(config).state()
    if state is None or not state.problem:
        return ""
    return f"the registry confirmed it {ago(state.checked, now())}: {state.problem}"


def _keys(config: Config) -> Finding:
    from trustkit.app import key_ring

    count = len(key_ring(config))
    loose = [file.name for file in config.keys.glob("*.key") if file.stat().st_mode & _OTHERS]
    if loose:
        step = f"chmod 600 {config.keys}/*.key"
        return Finding("", BROKEN, f"private keys that others can read: {', '.join(loose)}", step)
    return Finding("", WELL if count else LOOK, f"{count} public keys", "" if count else "trustkit key generate NAME")


def _program(name: str, package: str, configured: Callable[[Config], Path | None]) -> Callable[[Config], Finding]:
    def look(config: Config) -> Finding:
        path = configured(config)
        if path is not None:
            there = path.exists()
            return Finding("", WELL if there else BROKEN, f"{path}{'' if there else ' is not there'}")
        found = which(name) or which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        if found is None:
            return Finding("", LOOK, f"{name} is not installed: images can be verified, not run", f"install {package}")
        return Finding("", WELL, found)

    return look


def _runtime(config: Config) -> Path | None:
    runtime = config.text("engine.runtime")
    return Path(runtime) if "/" in runtime else None


def _overlay(_: Config) -> Finding:
    known = "overlay" in Path("/proc/filesystems").read_text(encoding="ascii")
    if not known:
        return Finding("", LOOK, "the kernel has no overlay file system (yet)", "modprobe overlay")
    version = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    return Finding("", WELL, f"overlay file system, control groups v{version}, Linux {os.uname().release}")


def _daemon(config: Config) -> Finding:
    if not config.socket.exists():
        return Finding("", WELL, "not running; commands start it when they need it")
    from trustkit.cli.client.daemon import Daemon, members

    version = members(Daemon(str(config.socket)).call("GET", "/version"))
    return Finding("", WELL, f"{version.get('Version')} on {config.socket}")


_LOOKS: dict[str, Callable[[Config], Finding]] = {
    "state": _home,
    "cryptography": _crypto,
    "FIPS mode": _fips,
    "decision log": _log,
    "policy": _policy,
    "key ring": _keys,
    "containerd": _program("containerd", "containerd", lambda config: config.path("engine.containerd")),
    "runtime": _program("runc", "runc", _runtime),
    "kernel": _overlay,
    "daemon": _daemon,
}
