"""A policy file as commands read it: keys in tokens by the library that this machine's configuration names."""

import os
from pathlib import Path

from trustkit.policy.document import Policy


def policy_at(path: Path, *, resolve: bool = True) -> Policy:
    """Return the policy of a path; without `resolve` keys and roots are not read. Raises PolicySyntaxError."""
    from trustkit.admission.policies import read_policy
    from trustkit.config import load

    module = load(os.environ).path("keys.pkcs11_module") if resolve else None
    return read_policy(path, resolve=resolve, module=module)
