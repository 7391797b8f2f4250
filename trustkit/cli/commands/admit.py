"""Ask whether an image may be used, and put the answer on record: for scripts, and engines that have no hook.

IMAGE is asked about as a run without further demands. --request reads what else the run wants, from a file or
standard input, as YAML or JSON: `image` and `request`, or `facts` that were established elsewhere in place of the
image. An answer names the digest it holds for: run that, and not the tag. Exit status: 0 admitted, 1 refused, 2 the
question is wrong, 3 could not find out, 4 our or the machine's fault; anything but 0 means that nothing may run.
"""

import argparse
import os
import sys
from pathlib import Path

from trustkit import limits
from trustkit.cli.output import as_json, fail, mark, plain
from trustkit.cli.trials import trial_by
from trustkit.cli.words import actor, platform_of
from trustkit.config import Config
from trustkit.errors import TrustkitError, UsageError
from trustkit.model.decision import Decision
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Policy


class _Asked(NamedTuple):
    """A question: about an image, or about facts."""

    image: str
    platform: str
    facts: Facts | None
    request: RequestFacts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the image, or the file that names it."""
    parser.add_argument("image", nargs="?", metavar="IMAGE")
    parser.add_argument("--request", metavar="FILE", help="read the whole question from a file, or `-`")
    parser.add_argument("--policy", metavar="FILE", help="ask this policy instead of the one in force")
    parser.add_argument("--platform", metavar="OS/ARCH[/VARIANT]", help="which image of an index")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Decide, record, tell. Raises UsageError, PolicySyntaxError, AuditError, StorageError."""
    from trustkit.app import load_policy
    from trustkit.config import load

    if (arguments.image is None) == (arguments.request is None):
        raise UsageError("give either IMAGE or --request FILE", next_step="trustkit admit registry.example/shop/web:v1")
    config = load(os.environ)
    trial = trial_by(config, arguments.policy)
    policy = load_policy(config, Path(arguments.policy) if arguments.policy else None)
    asked = _question(arguments, policy)
    try:
        return _answer(config, policy, trial, asked, arguments.output)
    except TrustkitError as error:
        if arguments.output == "json":
            verdict = "deny" if error.exit_status == 1 else "unknown"
            as_json({"image": asked.image, "verdict": verdict, "rule": "", "error": error.code,
                     "reason": error.message})  # fmt: skip
        return fail(error)


def _question(arguments: argparse.Namespace, policy: Policy) -> _Asked:
    if arguments.request is None:
        return _Asked(arguments.image, arguments.platform or "", None, RequestFacts(actor=actor(), purpose="run"))
    from trustkit.fips.hashing import digest_of
    from trustkit.policy.parse_question import parse_question

    file = "standard input" if arguments.request == "-" else arguments.request
    found = parse_question(_content(arguments.request), file, policy, digest_of)
    # who asks is what the system says; who they ask for is what they say
    name = f"{actor()} for {plain(found.request.actor)}" if found.request.actor else actor()
    request = found.request._replace(actor=name)
    facts = found.facts._replace(request=found.facts.request._replace(actor=name)) if found.facts else None
    return _Asked(found.image, found.platform or arguments.platform or "", facts, request)


def _content(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(limits.POLICY_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(limits.POLICY_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file}: {(error.strerror or str(error)).lower()}") from error


def _answer(config: Config, policy: Policy, trial: str, asked: _Asked, output: str) -> int:
    if asked.facts is not None:
        return _answer_on_facts(config, policy, asked.facts, output)
    from trustkit.app import open_gate
    from trustkit.cli.client.layouts import whole
    from trustkit.cli.evidence_tree import judgement_json, print_judgement
    from trustkit.model.reference import ImageRef

    ref = ImageRef.parse(whole(asked.image))
    gate = open_gate(config, policy=policy).tried(trial)
    judgement, record = gate.decide(ref, asked.request, platform_of(asked.platform))
    if output == "json":
        whole_answer = judgement_json(judgement, record)
        about = whole_answer if isinstance(whole_answer, dict) else {}
        as_json({**about, **_reasons(judgement.decision), "admitted": str(ref.with_digest(judgement.image.digest))})
    else:
        print_judgement(judgement, record, sys.stdout)
    return 0 if judgement.decision.allowed else 1


def _answer_on_facts(config: Config, policy: Policy, facts: Facts, output: str) -> int:
    from trustkit.app import now, open_log
    from trustkit.audit.events import facts_judged
    from trustkit.policy.evaluate import evaluate

    decision = evaluate(policy, facts)
    image, name = str(facts.image.ref), facts.request.actor
    with open_log(config) as log:
        record = log.append(facts_judged(now(), reference=image, decision=decision, actor=name))
    if output == "json":
        as_json({"reference": image, "digest": facts.image.digest, "verdict": decision.verdict, **_reasons(decision),
                 "findings": decision.findings, "record": record.sequence})  # fmt: skip
    else:
        for finding in decision.findings:
            print(plain(f"{finding.verdict:<5}  {finding.rule}: {finding.message}"))
        print(mark("admitted" if decision.allowed else "refused", good=decision.allowed))
    return 0 if decision.allowed else 1


def _reasons(decision: Decision) -> dict[str, object]:
    finding = decision.deciding
    return {"rule": finding.rule, "reason": finding.message} if finding else {"rule": "", "reason": ""}
