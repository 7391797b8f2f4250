"""Show whom and what the policy in force trusts, until when, and what has expired or was revoked.

With --check the status is 1 if something has expired, was revoked or ends within --within days: for cron.
"""

import argparse
import os
from datetime import timedelta
from pathlib import Path

from trustkit.cli.numbers import MOST_DAYS, whole
from trustkit.cli.output import as_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--policy", metavar="FILE", help="look at this policy instead of the configured one")
    parser.add_argument(
        "--within", type=whole(0, MOST_DAYS), default=30, metavar="DAYS", help="warn of what ends within so many days"
    )
    parser.add_argument("--check", action="store_true", help="end with status 1 if there is anything to warn of")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(arguments: argparse.Namespace) -> int:
    """Print it. Raises PolicySyntaxError, MalformedError, CryptoError."""
    from trustkit.admission.content_trust_status import content_trust_status, trust_root_status
    from trustkit.admission.trust_status import OK, Moment, trust_status
    from trustkit.app import distributed, evidence_kit, key_ring, load_policy, open_repositories
    from trustkit.config import load
    from trustkit.fips.parse import public_key_from_pem

    config = load(os.environ)
    policy = load_policy(config, Path(arguments.policy) if arguments.policy else None)
    kit = evidence_kit(config, policy)
    soon = timedelta(days=arguments.within)
    found = trust_status(kit.trust, kit.now(), soon, kit.crypto)
    found += content_trust_status(open_repositories(config).remembered(), kit.trust, Moment(kit.now(), soon))
    if distributing := distributed(config):
        found += (trust_root_status(distributing, kit.now()),)
    trusted = {key.key.fingerprint for key in kit.trust.keys}
    unused = [name for name, pem in key_ring(config).items() if public_key_from_pem(pem).fingerprint not in trusted]
    if arguments.output == "json":
        named = {"name": policy.name, "digest": policy.digest}
        as_json({"policy": named, "trusted": found, "keys_not_trusted": unused})
    else:
        print(f"policy {policy.name}  {policy.digest}")
        rows = [(one.kind, one.name, one.what, _day(one.not_after), one.state, one.note) for one in found]
        table(("KIND", "NAME", "WHAT", "UNTIL", "STATE", "NOTE"), rows)
        for name in unused:
            print(f"key {name} of the key ring is not trusted by this policy")
    return int(arguments.check and any(one.state != OK and one.counts for one in found))


def _day(moment: object) -> str:
    return str(moment)[:10] if moment is not None else "-"
