"""Which cryptographic module did the maths."""

from trustkit.model.values import NamedTuple


class ModuleStatus(NamedTuple):
    """A provider as it stands in evidence: name, versions, mode, and what may be claimed of it.

    `validated` is true only when a FIPS certificate was matched; no provider of mode `off` is.
    """

    provider: str
    version: str
    library: str
    mode: str = "off"
    validated: bool = False
    certificate: str = ""
