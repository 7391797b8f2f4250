"""Judge again what was admitted once: everything that runs, or lies in a registry.

Finds what a new revocation, an expired certificate or a new policy changed. Every verdict goes on record. A scan that
was killed goes on where it was. Exit status: 1 if something that runs is not admitted, or something that was admitted
is no longer; 3 if a place or an image could not be looked at; what was found out is shown all the same.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from trustkit.admission.gate import Gate
from trustkit.cli.numbers import whole
from trustkit.cli.output import as_json, fail, table
from trustkit.cli.scan_places import Place, places_of
from trustkit.cli.trials import trial_by
from trustkit.cli.words import actor
from trustkit.config import Config, load
from trustkit.errors import TrustkitError, UsageError
from trustkit.hooks.scan.judging import Shard
from trustkit.hooks.scan.result import UNKNOWN, Scanned
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.found import Found

_DOCKER, _CONTAINERD = "/run/docker.sock", "/run/containerd/containerd.sock"
_PROGRESS_SECONDS = 2.0
_MOST_SHARDS = 10_000
_NAME_DIGITS = 16
_YEAR_SECONDS = 366 * 86_400


class Scanning(NamedTuple):
    """What one scan brought: images with their results, and the places that failed."""

    results: tuple[Scanned, ...]
    failed: tuple[tuple[str, TrustkitError], ...]

    @property
    def status(self) -> int:
        """The exit status."""
        if any(one.matters for one in self.results):
            return 1
        unknown = any(one.result.verdict == UNKNOWN for one in self.results)
        return 3 if unknown or self.failed else 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare places, shards and how often."""
    parser.add_argument(
        "repositories", nargs="*", metavar="REPOSITORY", help="all tags of HOST/REPOSITORY, or an IMAGE"
    )
    parser.add_argument(
        "--engine", action="store_true", help="what runs in trustkit's engine (default without a place)"
    )
    parser.add_argument("--docker", metavar="SOCKET", nargs="?", const=_DOCKER, help=f"a dockerd; default {_DOCKER}")
    parser.add_argument("--containerd", metavar="SOCKET", nargs="?", const=_CONTAINERD, help="a containerd")
    parser.add_argument(
        "--namespace", metavar="NAME", action="append", default=[], help="of containerd; all if left out"
    )
    parser.add_argument(
        "--kubernetes", metavar="URL", nargs="?", const="", help="pods; in a pod without URL, of its cluster"
    )
    parser.add_argument("--kubernetes-token", metavar="FILE", help="a token that may list pods")
    parser.add_argument("--kubernetes-ca", metavar="FILE", help="who vouches for the API server, in PEM")
    parser.add_argument(
        "--registry", metavar="HOST", action="append", default=[], help="every repository of its catalog"
    )
    parser.add_argument("--policy", metavar="FILE", help="judge by this policy, not the configured one")
    parser.add_argument(
        "--shard", metavar="I/N", help="only part I (from 0) of N; I of a Job's pod: JOB_COMPLETION_INDEX"
    )
    parser.add_argument(
        "--every", metavar="SECONDS", type=whole(1, _YEAR_SECONDS), help="scan again and again, until a signal"
    )
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Scan once, or again and again. Raises ConfigError, UsageError, AuditError, StorageError."""
    while True:
        config = load(os.environ)
        found = _scan(config, arguments)
        _show(found, arguments.output)
        for _, error in found.failed:
            fail(error)
        if not arguments.every:
            return found.status
        sys.stdout.flush()
        time.sleep(arguments.every)


def _scan(config: Config, arguments: argparse.Namespace) -> Scanning:
    from trustkit.app import load_policy, now, open_gate, open_log
    from trustkit.audit.events import scan_finished
    from trustkit.hooks.scan.checkpoint import Checkpoint, forget_old
    from trustkit.hooks.scan.judging import Scan, scanned, summary

    shard, started, places = _shard(arguments.shard), now(), places_of(arguments, config)
    policy = load_policy(config, Path(arguments.policy) if arguments.policy else None)
    with open_log(config) as log:
        gate = open_gate(config, policy=policy, log=log, at_once=False).tried(trial_by(config, arguments.policy))
        identity, folder = _identity(gate, arguments, started), config.home / "scan"
        name = f"shard-{shard.number}-of-{shard.of}-{identity.rpartition(':')[2][:_NAME_DIGITS]}.jsonl"
        forget_old(folder, started)
        with Checkpoint(folder / name, identity, started) as checkpoint:
            found, failed = _found(places)
            scan = Scan(gate, log.records, actor(), checkpoint, shard)
            results = tuple(scanned(scan, found, _Progress()))
            counts = {**summary(results, now(), started), "places_failed": len(failed)}
            log.append(scan_finished(now(), places=[place.name for place in places], counts=counts, actor=actor()))
            checkpoint.finish()
    return Scanning(results, failed)


def _found(places: Iterable[Place]) -> tuple[list[Found], tuple[tuple[str, TrustkitError], ...]]:
    """Return what every place has; a place that fails is told of, and keeps nothing from the others."""
    found: list[Found] = []
    failed: list[tuple[str, TrustkitError]] = []
    for place in places:
        try:
            found += place.find()
        except TrustkitError as error:
            error.message = f"{place.name} was not looked at whole: {error.message}"
            failed.append((place.name, error))
    return found, tuple(failed)


def _identity(gate: Gate, arguments: argparse.Namespace, now: datetime) -> str:
    """Return a text that is the same as long as the results of an interrupted scan count."""
    from trustkit.admission.event import trust_digest
    from trustkit.codec.canonical_json import canonical
    from trustkit.codec.revocation_list import write_revocations
    from trustkit.fips.hashing import digest_of

    kit, words = gate.kit, vars(arguments)
    revoked = ""
    try:
        if kit.revocations is not None:
            revoked = str(digest_of(write_revocations(kit.revocations.current(now).revocations)))
    except TrustkitError as error:
        revoked = error.code
    asked = {name: str(words[name]) for name in sorted(words) if name not in ("output", "every")}
    whole = [str(kit.policy.digest), str(trust_digest(kit.trust)), revoked, asked]
    return str(digest_of(canonical(whole)))


class _Progress:
    """Says on standard error how far the scan is, now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_SECONDS

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() >= self._next or (done == of and sys.stderr.isatty()):
            print(f"scan: {done} of {of} images", file=sys.stderr, flush=True)
            self._next = time.monotonic() + _PROGRESS_SECONDS


def _shard(text: str | None) -> Shard:
    """Read `I/N`, or `N` with I from the environment of an indexed Job. Raises UsageError."""
    if not text:
        return Shard()
    number, slash, count = text.rpartition("/")
    if not slash:
        number = os.environ.get("JOB_COMPLETION_INDEX", "")
    if not (number.isdecimal() and count.isdecimal() and int(number) < int(count) <= _MOST_SHARDS):
        raise UsageError(
            f"{text!r} is no shard", next_step="write 0/4 to 3/4, or 4 where JOB_COMPLETION_INDEX is from 0 to 3"
        )
    return Shard(int(number), int(count))


def _show(scanning: Scanning, output: str) -> None:
    results, failed = scanning
    if output == "json":
        told = [{"place": name, "error": error.code, "message": error.message} for name, error in failed]
        as_json({"images": [_members(one) for one in results], "failed": told, "status": scanning.status})
        return
    shown = [one for one in results if one.result.verdict != ALLOW]
    rows = [_row(one) for one in sorted(shown, key=lambda one: not one.matters)]
    if rows:
        table(("WHERE", "NAME", "IMAGE", "RUNS", "VERDICT", "BEFORE", "WHY"), rows)
    flips = sum(one.result.flips for one in results)
    running = sum(one.found.running and one.result.verdict == DENY for one in results)
    print(
        f"{len(results)} images, {len(results) - len(shown)} admitted; {running} run that are not;"
        f" {flips} were admitted and are no longer"
    )


def _row(one: Scanned) -> tuple[str, ...]:
    found, result = one
    why = f"{result.cause}: {result.reason}" if result.cause else result.reason
    runs = "yes" if found.running else "no"
    rule = f" (rule {result.rule})" if result.rule else ""
    return (found.place, found.name, found.image, runs, result.verdict, result.before or "-", why + rule)


def _members(one: Scanned) -> dict[str, object]:
    found, result = one
    return {
        "place": found.place,
        "name": found.name,
        "image": found.image,
        "engine": found.engine,
        "running": found.running,
        **result._asdict(),
        "flips": result.flips,
        "matters": one.matters,
    }
