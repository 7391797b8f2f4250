"""Whether a server of ours may begin: not on a node whose crypto module the whole policy refuses."""

from trustkit.config import Config
from trustkit.errors import ConfigError, TrustkitError


def require_fitting_crypto(config: Config) -> None:
    """Return if this process's crypto module may decide anything under the policy in force. Raises ConfigError.

    Asked once, at the start: a policy that becomes so strict later is in force, and denies.
    """
    from trustkit.app import load_policy, open_crypto
    from trustkit.policy.crypto_demand import refusal_everywhere
    from trustkit.policy.rules.crypto import STEP

    try:
        policy = load_policy(config)
    except TrustkitError:
        return  # said at every decision, until it is mended
    if reason := refusal_everywhere(policy, open_crypto(config).status()):
        raise ConfigError(f"the policy {policy.name} {reason}; nothing could be admitted here", next_step=STEP)
