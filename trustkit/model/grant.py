"""A break-glass grant that a decision rests on."""

from datetime import datetime, timedelta

from trustkit.model.values import NamedTuple


class GrantUse(NamedTuple):
    """Which rules it broke, who asked, who approved, why and until when; and what the policy wants done about it.

    `alert`: the use is an event of its own. `review_within`: somebody has to look at it within that time.
    """

    id: str
    rules: tuple[str, ...]
    requester: str
    approvers: tuple[str, ...]
    reason: str
    until: datetime
    alert: bool = True
    review_within: timedelta | None = None
