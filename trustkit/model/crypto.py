"""Which cryptographic module did the maths."""

from trustkit.model.values import NamedTuple

# Of a process, the least first (`fips.mode`).
MODES = ("off", "module", "validated")


class ModuleStatus(NamedTuple):
    """A provider as it stands in evidence: name, versions, mode, and what may be claimed of it.

    `validated` is true only when a FIPS certificate was matched; no provider of mode `off` is. `module` is the name
    that a FIPS module gives itself, `sha256` its file's; `approved` the signature algorithms that it verifies in an
    approved way. All three are empty in mode `off`.
    """

    provider: str
    version: str
    library: str
    mode: str = "off"
    validated: bool = False
    certificate: str = ""
    module: str = ""
    sha256: str = ""
    approved: tuple[str, ...] = ()

    def approves(self, algorithm: str) -> bool:
        """Whether this module verified signatures by the algorithm in an approved way."""
        return algorithm in self.approved

    @property
    def standing(self) -> str:
        """What may be claimed, in words."""
        return f"FIPS validated: certificate {self.certificate}" if self.validated else "not FIPS validated"

    @property
    def words(self) -> str:
        """Provider, module, file and library on one line."""
        if not self.module:
            return f"{self.provider} {self.version} ({self.library})"
        return f"{self.provider} {self.version} ({self.module} sha256:{self.sha256} on {self.library})"
