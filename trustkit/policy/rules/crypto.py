"""`require.crypto`: which module did the maths, in which state."""

from trustkit.model.crypto import ModuleStatus
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.document import Outcome

STEP = "turn FIPS mode on with the module that the policy wants; `trustkit fips status` shows the one in use"


class CryptoModule(NamedTuple):
    """The module must be validated, of one of these providers, in one of these modes …; no list asks nothing."""

    validated: bool = False
    providers: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "require.crypto"

    @property
    def demands_evidence(self) -> bool:
        """It looks at no evidence."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing that costs a fetch."""
        return ()

    def refusal(self, module: ModuleStatus) -> str:
        """Return what is wrong with a module, or nothing."""
        wrong = [
            f"its {what} is {found or 'unknown'}, required is {' or '.join(wanted)}"
            for what, found, wanted in (
                ("provider", module.provider, self.providers),
                ("mode", module.mode, self.modes),
                ("certificate", module.certificate, self.certificates),
                ("name", module.module, self.modules),
                ("file's SHA-256", module.sha256, self.sha256),
            )
            if wanted and found not in wanted
        ]
        if self.validated and not module.validated:
            wrong.insert(0, "no FIPS certificate was matched for it")
        return f"refuses the crypto module {module.provider} {module.version}: {wrong[0]}" if wrong else ""

    def judge(self, facts: Facts) -> Outcome:
        """Compare the module's state."""
        module = facts.crypto
        if reason := self.refusal(module):
            return Outcome(DENY, reason, (), STEP)
        return Outcome(ALLOW, f"the maths was done by {module.provider} {module.version}, mode {module.mode}")
