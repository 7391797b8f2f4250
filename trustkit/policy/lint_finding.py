"""What lint finds."""

from trustkit.model.values import NamedTuple

ERROR, WARNING = "error", "warning"


class Lint(NamedTuple):
    """One finding: how bad, its stable name, which section, where in it, and what to do."""

    level: str
    code: str
    section: str
    where: str
    message: str
