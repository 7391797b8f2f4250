"""`verify.signatures`: the image is signed by these signers, each signature with these annotations and its name."""

from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.signature import SIGNATURE, VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.policy.document import CONFIGURATION, Outcome
from trustkit.policy.signed_identity import SignedIdentity, mismatch
from trustkit.policy.signers import Signers, about_image, count, missing_key, options_text, reads_labels, why_not


class SignedBy(NamedTuple):
    """An attestation is not a signature, and a signature without the annotations does not count."""

    options: tuple[Signers, ...]
    annotations: tuple[tuple[str, str], ...] = ()
    identity: SignedIdentity | None = None

    @property
    def id(self) -> str:
        """The field that states the rule."""
        return "verify.signatures"

    @property
    def demands_evidence(self) -> bool:
        """It denies when nothing was verified."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """The labels if a signer is compared with them."""
        return (CONFIGURATION,) if reads_labels(self.options) else ()

    def judge(self, facts: Facts) -> Outcome:
        """Count the distinct signers behind verified signatures of the image."""
        signatures = about_image(facts, SIGNATURE)
        if not self.options:
            return Outcome(DENY, "no key is trusted", (), "trustkit key generate, then trustkit sign the image")
        wanted = set(self.annotations)
        fitting = tuple(item for item in signatures if wanted <= set(item.annotations))
        misnamed = [why for item in fitting if (why := self._misnamed(item, facts))]
        fitting = tuple(item for item in fitting if not self._misnamed(item, facts))
        found = count(self.options, fitting, facts)
        required = options_text(self.options)
        if found.satisfied:
            return Outcome(ALLOW, f"signed by {', '.join(found.signed)}", found.evidence)
        message = f"requires a signature by {required}"
        if wanted:
            message += " with " + ", ".join(f"{name}={value}" for name, value in self.annotations)
        message += f"; found {self._found(found.signed, len(signatures), len(fitting))}"
        key = missing_key(found)
        marks = "".join(f" -a {name}={value}" for name, value in self.annotations)
        step = f"trustkit sign --key {key}{marks} {facts.image.ref.name}@{facts.image.digest}"
        return Outcome(DENY, message + why_not(facts, (*found.unusable, *misnamed)), found.evidence, step)

    def _misnamed(self, item: VerifiedSignature, facts: Facts) -> str:
        """Return why the name in a signature is not the one asked for, where that matters."""
        if self.identity is None:
            return ""
        wrong = mismatch(self.identity, item.claimed_name, facts.image.ref)
        return f"a signature does not count, for {wrong}" if wrong else ""

    def _found(self, signed: tuple[str, ...], signatures: int, fitting: int) -> str:
        if signed:
            return f"only {', '.join(signed)}"
        if not signatures:
            return "no valid signature"
        if not fitting:
            return f"{signatures} valid, none with these annotations and names"
        return f"{signatures} valid, none that counts"
