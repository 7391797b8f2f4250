"""What records say of decisions that nobody is admitted or refused by: looks at images, verdicts of other policies."""

import os
from pathlib import Path

from trustkit.config import Config

# The commands that look: whatever policy they ask, their verdicts are nobody's.
VERIFY, EXPLAIN = "verify", "explain"
_NAME_CHARS = 512


def trial_by(config: Config, file: str | None) -> str:
    """Return the file of a policy that is not the machine's own, empty if it is."""
    if not file:
        return ""
    named = Path(file).resolve()
    if config.policy and config.policy.resolve() == named:
        return ""
    # as it will stand on record: scans look for it there
    return os.fsencode(named).decode(errors="replace")[-_NAME_CHARS:]
