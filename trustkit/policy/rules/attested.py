"""`verify.attestations.NAME`: a signed statement of this type about the image, by these signers."""

from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.signature import ATTESTATION
from trustkit.model.values import NamedTuple
from trustkit.policy.document import ATTESTATIONS, CONFIGURATION, Outcome
from trustkit.policy.signers import Signers, about_image, count, missing_key, options_text, reads_labels, why_not


class Attested(NamedTuple):
    """A statement of another type never satisfies it (GHSA-vjxv-45g9-9296, GHSA-739f-hw6h-7wq8)."""

    name: str
    predicate_type: str
    options: tuple[Signers, ...]

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return f"verify.attestations.{self.name}"

    @property
    def demands_evidence(self) -> bool:
        """It denies when nothing was verified."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Attestations, and the labels if a signer is compared with them."""
        return (ATTESTATIONS, CONFIGURATION) if reads_labels(self.options) else (ATTESTATIONS,)

    def judge(self, facts: Facts) -> Outcome:
        """Look for verified statements of the type, and count the distinct signers behind them."""
        statements = tuple(
            item
            for item in about_image(facts, ATTESTATION)
            if item.statement is not None and item.statement.predicate_type == self.predicate_type
        )
        found = count(self.options, statements, facts)
        if found.satisfied:
            message = f"{self.predicate_type} attested by {', '.join(found.signed)}"
            return Outcome(ALLOW, message, found.evidence)
        instead = f"only {', '.join(found.signed)}" if found.signed else f"{len(statements)} valid of this type"
        message = (
            f"requires an attestation of type {self.predicate_type} by {options_text(self.options)}; found {instead}"
        )
        key = missing_key(found)
        step = (
            f"trustkit attest --key {key} --type {self.predicate_type} --predicate FILE "
            f"{facts.image.ref.name}@{facts.image.digest}"
        )
        return Outcome(DENY, message + why_not(facts, found.unusable), found.evidence, step)
