"""Check a policy's file, and explain what the policy decides about an image and why.

check FILE     its shape and types; with --resolve its keys too
explain IMAGE  which rule decided, on which evidence (the decision is recorded, as for verify)
show           the policy in force
"""

import argparse
import os
from pathlib import Path

from trustkit.cli.output import as_json, mark, plain, table
from trustkit.cli.words import actor, platform_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="check|explain|show")
    check = actions.add_parser("check", help="check a policy file or folder")
    check.add_argument("file", metavar="FILE")
    check.add_argument("--resolve", action="store_true", help="read and check the keys as well")
    explain = actions.add_parser("explain", help="say which rule decides about an image")
    explain.add_argument("image", metavar="IMAGE")
    explain.add_argument("--policy", metavar="FILE", help="ask this policy instead of the one in force")
    explain.add_argument("--platform", metavar="OS/ARCH[/VARIANT]")
    explain.add_argument("--privileged", action="store_true", help="as if it were to run privileged")
    explain.add_argument("-u", "--user", default="", help="as if it were to run as this user")
    show = actions.add_parser("show", help="show the policy in force")
    for action in (check, explain, show):
        action.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises PolicySyntaxError, SourceError, AuditError."""
    return {"check": _check, "explain": _explain, "show": _show}[arguments.action](arguments)


def _check(arguments: argparse.Namespace) -> int:
    from trustkit.admission.policies import read_policy

    policy = read_policy(Path(arguments.file), resolve=arguments.resolve)
    if arguments.output == "json":
        as_json({"file": arguments.file, "name": policy.name, "digest": str(policy.digest), "ok": True})
        return 0
    rules = sum(len(section.rules) for section in policy.sections)
    print(f"{arguments.file}: ok, {len(policy.sections)} section(s), {rules} rule(s)")
    if not arguments.resolve:
        print("  next: --resolve reads and checks the keys too")
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from trustkit.app import load_policy, open_gate
    from trustkit.cli.client.layouts import whole
    from trustkit.cli.evidence_tree import judgement_json
    from trustkit.config import load
    from trustkit.model.facts import RequestFacts
    from trustkit.model.reference import ImageRef
    from trustkit.policy.explain import explain

    config = load(os.environ)
    policy = load_policy(config, Path(arguments.policy) if arguments.policy else None)
    # Judged as the run it asks about: rules on runs say nothing to `verify`.
    request = RequestFacts(actor=actor(), purpose="explain", privileged=arguments.privileged, user=arguments.user)
    gate = open_gate(config, policy=policy)
    judgement, record = gate.decide(ImageRef.parse(whole(arguments.image)), request, platform_of(arguments.platform))
    allowed = judgement.decision.allowed
    if arguments.output == "json":
        as_json(judgement_json(judgement, record))
    else:
        for line in explain(judgement):
            print(plain(line))
        print(mark("admitted" if allowed else "refused", good=allowed))
    return 0 if allowed else 1


def _show(arguments: argparse.Namespace) -> int:
    from trustkit.app import load_policy
    from trustkit.config import load

    config = load(os.environ)
    policy = load_policy(config)
    rows = [
        (section.name, section.mode, str(section.revision), ", ".join(rule.id for rule in section.rules),
         ", ".join(key.name for key in section.keys) or "-", section.file or "built in")
        for section in policy.sections
    ]  # fmt: skip
    headers = ("SECTION", "MODE", "REVISION", "RULES", "KEYS", "FILE")
    if arguments.output == "json":
        as_json({"name": policy.name, "digest": str(policy.digest),
                 "sections": [dict(zip(map(str.lower, headers), row, strict=True)) for row in rows]})  # fmt: skip
        return 0
    print(f"{policy.name}  {policy.digest}")
    table(headers, rows)
    return 0
