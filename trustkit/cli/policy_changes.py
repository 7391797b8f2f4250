"""Changing a policy without fear: its tests, its lint, its difference to another, and what that would have changed."""

import argparse
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit import limits
from trustkit.cli.output import as_json, mark, plain, table
from trustkit.errors import PolicySyntaxError, TrustkitError, UsageError
from trustkit.model.decision import Decision
from trustkit.model.facts import RequestFacts
from trustkit.policy.document import Policy

if TYPE_CHECKING:  # reading tests loads a YAML parser
    from trustkit.policy.parse_tests import Case

_TEST_FILES = 256


def test(arguments: argparse.Namespace) -> int:
    """Run every test file of a folder. Raises PolicySyntaxError."""
    results = [result for file in _test_files(Path(arguments.folder)) for result in _tested(file)]
    failed = [result for result in results if result["problem"]]
    if arguments.output == "json":
        as_json({"ok": not failed, "cases": results})
        return 1 if failed else 0
    for result in failed:
        print(plain(f"{result['file']}:{result['line']}: {result['name']}: {result['problem']}"))
    print(mark(f"{len(results) - len(failed)} of {len(results)} case(s) as expected", good=not failed))
    return 1 if failed else 0


def _test_files(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*.y*ml")) if folder.is_dir() else [folder]
    from trustkit.policy.parse_tests import is_test

    found = [file for file in files[: 16 * _TEST_FILES] if is_test(_content(file))]
    if not found:
        # a typing error in the path must not look like a success
        raise UsageError(f"{folder}: holds no file of kind PolicyTest", next_step="see docs/policy.md, Tests")
    if len(found) > _TEST_FILES:
        raise UsageError(f"{folder}: more than {_TEST_FILES} test files")
    return found


def _tested(file: Path) -> Iterator[dict[str, object]]:
    from trustkit.cli.policy_reading import policy_at
    from trustkit.fips.hashing import digest_of
    from trustkit.policy.evaluate import evaluate
    from trustkit.policy.parse_tests import case, cases_of

    cases = cases_of(_content(file), str(file))
    path = file.parent / cases.policy
    policies: dict[bool, Policy] = {}
    for node in cases.nodes:
        real = "image" in node.members
        # keys are stand-ins for cases of written facts, so that policies can be tested without them
        if real not in policies:
            policies[real] = policy_at(path, resolve=real)
        one = case(node, policies[real], digest_of)
        try:
            decision = (
                evaluate(policies[real], one.facts)
                if one.facts is not None
                else _judged(one.image, one.request, policies[real])
            )
            problem = _unexpected(one, decision)
        except TrustkitError as error:
            problem = f"no decision: {error.message}"
        yield {"file": str(file), "line": one.line, "name": one.name, "problem": problem}


def _unexpected(one: "Case", decision: Decision) -> str:
    """Return how the decision differs from what the case expects, or nothing."""
    finding = decision.deciding
    rule, message = (finding.rule, finding.message) if finding is not None else ("", "")
    if decision.verdict != one.verdict:
        return f"expected {one.verdict}, found {decision.verdict} by {rule or 'no rule'}: {message}"
    if one.rule and rule != one.rule:
        return f"expected {one.verdict} by {one.rule}, found it by {rule or 'no rule'}: {message}"
    return "" if one.message in message else f"expected a message with {one.message!r}, found {message!r}"


def _judged(image: str, request: RequestFacts, policy: Policy) -> Decision:
    from trustkit.app import open_gate
    from trustkit.cli.client.layouts import whole
    from trustkit.config import load
    from trustkit.model.reference import ImageRef

    return open_gate(load(os.environ), policy=policy).judge(ImageRef.parse(whole(image)), request).decision


def lint(arguments: argparse.Namespace) -> int:
    """Say what a policy's author probably did not mean. Raises PolicySyntaxError."""
    from trustkit.app import now
    from trustkit.cli.policy_reading import policy_at
    from trustkit.policy.lint import ERROR
    from trustkit.policy.lint import lint as findings

    found = findings(policy_at(Path(arguments.file), resolve=False), now())
    bad = [one for one in found if arguments.strict or one.level == ERROR]
    if arguments.output == "json":
        as_json({"ok": not bad, "findings": found})
        return 1 if bad else 0
    for one in found:
        print(plain(f"{one.level}  {one.code}  {one.section}/{one.where}: {one.message}"))
    print(mark(f"{len(found)} finding(s)", good=not bad))
    return 1 if bad else 0


def diff(arguments: argparse.Namespace) -> int:
    """List what differs between two policies; 0 if they decide the same. Raises PolicySyntaxError."""
    from trustkit.policy.changes import ADDED, REMOVED, by_name, changes

    sides = [_documents(Path(file), resolve=not arguments.no_resolve) for file in (arguments.file, arguments.other)]
    found = changes(*(by_name(policy, plain_documents) for policy, plain_documents in sides))
    if arguments.output == "json":
        as_json({"same": not found, "changes": found})
        return 1 if found else 0
    for one in found:
        sign = {ADDED: "+", REMOVED: "-"}.get(one.kind, "~")
        values = (
            one.after if one.kind == ADDED else one.before if one.kind == REMOVED else f"{one.before} -> {one.after}"
        )
        print(
            plain(f"{sign} {one.section}: {one.path or 'the whole section'}{': ' + values if values.strip() else ''}")
        )
    print("the policies decide the same" if not found else f"{len(found)} change(s)")
    return 1 if found else 0


def _documents(path: Path, *, resolve: bool) -> tuple[Policy, dict[str, object]]:
    from trustkit.admission.policies import read_documents
    from trustkit.cli.policy_reading import policy_at
    from trustkit.policy.yaml_reader import documents

    policy = policy_at(path, resolve=resolve)
    found: dict[str, object] = {}
    for one in read_documents(path):
        for node in documents(one.content, str(one.file)):
            name = str(node.members["metadata"].members["name"].scalar)
            found[f"{one.namespace}/{name}" if one.namespace else name] = node.plain()
    return policy, found


def what_if(arguments: argparse.Namespace) -> int:
    """Judge recorded decisions by a draft; list what flips. Raises PolicySyntaxError, AuditError.

    A look at an image, or another policy's verdict on it, was no decision that the draft could change.
    """
    from trustkit.admission.replay import UNKNOWN, replay
    from trustkit.app import now
    from trustkit.audit.query import Query, records
    from trustkit.audit.words import trial
    from trustkit.cli.policy_reading import policy_at
    from trustkit.config import load

    draft = policy_at(Path(arguments.file))
    since = now() - timedelta(days=arguments.days)
    decided = records(load(os.environ).audit, Query(kind="decision", since=since))
    asked = [record for record in decided if not trial(record.event.body)]
    trials = len(decided) - len(asked)
    replayed = [one for record in asked if (one := replay(record, draft)) is not None]
    flips, unknown = [one for one in replayed if one.flips], [one for one in replayed if one.after == UNKNOWN]
    if arguments.output == "json":
        as_json({"decisions": len(replayed), "flips": flips, "unknown": unknown, "trials": trials})
        return 1 if flips else 0
    rows = [
        (
            str(one.sequence),
            one.image,
            f"{one.before} -> {one.after}",
            one.after_rule or one.before_rule,
            one.reason[:100],
        )
        for one in (*flips, *unknown)
    ]
    if rows:
        table(("RECORD", "IMAGE", "VERDICT", "RULE", "REASON"), rows)
    same = len(replayed) - len(flips) - len(unknown)
    left_out = f"; {trials} of `verify`, `explain` or another policy left out" if trials else ""
    print(f"{len(replayed)} decision(s) of {arguments.days} day(s): {same} the same, {len(flips)} flip, "
          f"{len(unknown)} unknown{left_out}")  # fmt: skip
    return 1 if flips else 0


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(limits.POLICY_BYTES + 1)
    except OSError as error:
        raise PolicySyntaxError(f"{file}: cannot be read: {error.strerror or error}", file=str(file)) from error
    if len(content) > limits.POLICY_BYTES:
        raise PolicySyntaxError(f"{file}: larger than {limits.POLICY_BYTES} bytes", file=str(file))
    return content
