"""Check, test and compare policies, and explain what one decides about an image and why.

check FILE     its shape and types; with --resolve it opens keys and roots too
test FOLDER    cases of written facts or real images, with the verdict and rule expected of each
lint FILE      what its author probably did not mean
diff FILE FILE what differs between two policies
what-if FILE   judge the recorded decisions of the last days by a draft, and list every verdict that flips
import FILE    a policy of another tool as one of ours; what cannot be said denies, and is listed
export FILE    as policy.json, trustpolicy.json or ValidatingAdmissionPolicy; what is not enforced there is listed
explain IMAGE  which rule decided, on which evidence (the decision is recorded, as for verify)
show           the policy in force
push FILE REF  put a policy with its keys and roots into a registry, signed: docs/policy-bundles.md
pull           ask the registry for a newer bundle than the one in force
status         which bundle is in force, since when, and what kept a newer one from it
"""

import argparse
import os
from pathlib import Path

from trustkit.cli.keyless_options import add_signer_arguments
from trustkit.cli.numbers import MOST_DAYS, whole
from trustkit.cli.output import as_json, mark, plain, table
from trustkit.cli.words import actor, platform_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(
        dest="action",
        required=True,
        metavar="check|test|lint|diff|what-if|import|export|explain|show|push|pull|status",
    )
    check = actions.add_parser("check", help="check a policy file or folder")
    check.add_argument("file", metavar="FILE")
    check.add_argument("--resolve", action="store_true", help="read and check the keys and roots as well")
    test = actions.add_parser("test", help="run a folder of test cases")
    test.add_argument("folder", metavar="FOLDER")
    lint = actions.add_parser("lint", help="find what is right by the grammar and probably not meant")
    lint.add_argument("file", metavar="FILE")
    lint.add_argument("--strict", action="store_true", help="fail for warnings too")
    diff = actions.add_parser("diff", help="compare two policies")
    diff.add_argument("file", metavar="OLD")
    diff.add_argument("other", metavar="NEW")
    diff.add_argument("--no-resolve", action="store_true", help="do not read keys and roots")
    what_if = actions.add_parser("what-if", help="replay recorded decisions against a draft")
    what_if.add_argument("file", metavar="FILE")
    what_if.add_argument("--days", type=whole(1, MOST_DAYS), default=30, metavar="N", help="how far back (default 30)")
    importing = actions.add_parser("import", help="translate a policy of another tool")
    importing.add_argument("file", metavar="FILE")
    importing.add_argument("-o", "--out", metavar="FILE", help="write the policy here, and files it needs beside it")
    importing.add_argument("--strict", action="store_true", help="fail if anything is not said exactly")
    exporting = actions.add_parser("export", help="translate a policy for another tool")
    exporting.add_argument("file", metavar="FILE")
    exporting.add_argument(
        "--to", required=True, choices=("policy.json", "trustpolicy.json", "validating-admission-policy")
    )
    exporting.add_argument("--strict", action="store_true", help="fail if anything is left out")
    explain = actions.add_parser("explain", help="say which rule decides about an image")
    explain.add_argument("image", metavar="IMAGE")
    explain.add_argument("--policy", metavar="FILE", help="ask this policy instead of the one in force")
    explain.add_argument("--platform", metavar="OS/ARCH[/VARIANT]")
    explain.add_argument("--privileged", action="store_true", help="as if it were to run privileged")
    explain.add_argument("-u", "--user", default="", help="as if it were to run as this user")
    show = actions.add_parser("show", help="show the policy in force")
    pushing = actions.add_parser("push", help="put a signed policy bundle into a registry")
    pushing.add_argument("file", metavar="FILE", help="a policy file or folder")
    pushing.add_argument("reference", metavar="oci://REFERENCE")
    add_signer_arguments(pushing, key_help="the private key, as for `sign`")
    pull = actions.add_parser("pull", help="fetch a newer policy bundle")
    status = actions.add_parser("status", help="show the policy bundle in force")
    for action in (check, test, lint, diff, what_if, explain, show, pushing, pull, status):
        action.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises PolicySyntaxError, SourceError, AuditError."""
    own = {"check": _check, "explain": _explain, "show": _show}
    if arguments.action in own:
        return own[arguments.action](arguments)
    from trustkit.cli import policy_bundles, policy_changes, policy_conversion

    others = {
        "import": policy_conversion.translate_in,
        "export": policy_conversion.translate_out,
        "test": policy_changes.test,
        "lint": policy_changes.lint,
        "diff": policy_changes.diff,
        "what-if": policy_changes.what_if,
        "push": policy_bundles.push,
        "pull": policy_bundles.pull,
        "status": policy_bundles.status,
    }
    return others[arguments.action](arguments)


def _check(arguments: argparse.Namespace) -> int:
    from trustkit.admission.policies import trust_roots
    from trustkit.cli.policy_reading import policy_at

    policy = policy_at(Path(arguments.file), resolve=arguments.resolve)
    if arguments.resolve:
        trust_roots(policy)
    if arguments.output == "json":
        as_json({"file": arguments.file, "name": policy.name, "digest": str(policy.digest), "ok": True})
        return 0
    rules = sum(len(section.rules) for section in policy.sections)
    print(f"{arguments.file}: ok, {len(policy.sections)} section(s), {rules} rule(s)")
    if not arguments.resolve:
        print("  next: --resolve opens the keys and roots too")
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from trustkit.app import load_policy, open_gate
    from trustkit.cli.client.layouts import whole
    from trustkit.cli.evidence_tree import judgement_json
    from trustkit.cli.trials import EXPLAIN
    from trustkit.config import load
    from trustkit.model.facts import RequestFacts
    from trustkit.model.reference import ImageRef
    from trustkit.policy.explain import explain

    config = load(os.environ)
    policy = load_policy(config, Path(arguments.policy) if arguments.policy else None)
    # Judged as the run it asks about: rules on runs say nothing to `verify`.
    request = RequestFacts(actor=actor(), purpose="explain", privileged=arguments.privileged, user=arguments.user)
    gate = open_gate(config, policy=policy).tried(EXPLAIN)
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
