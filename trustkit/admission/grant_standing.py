"""Whether a policy takes a grant, before anybody needs it."""

from trustkit.admission.grants import evidence_of, with_grants
from trustkit.admission.judge import Kit
from trustkit.errors import ReferenceSyntaxError
from trustkit.model.digest import Digest
from trustkit.model.evidence import Gathered
from trustkit.model.facts import Facts, ImageFacts, RequestFacts
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport
from trustkit.model.values import NamedTuple
from trustkit.policy.grants import grant_problem, uncovered, verified_grants
from trustkit.signing.format import Check
from trustkit.signing.grant_file import GrantFile


class Standing(NamedTuple):
    """What one section says of a grant; an empty problem means that it takes it."""

    section: str
    problem: str


def standings(grant: GrantFile, kit: Kit) -> tuple[Standing, ...]:
    """Return what each section with terms of break-glass says of the grant, with every rule that it names."""
    check = Check(grant.image, kit.trust, kit.crypto, kit.now())
    facts = with_grants(_facts(grant, kit, check), Gathered(evidence_of(grant), complete=True), kit.formats, check)
    found = verified_grants(facts)
    why = "; ".join(item.message for item in facts.report.rejected[:2])
    return tuple(
        Standing(
            section.name,
            (grant_problem(found[0], section.break_glass, facts)
             or uncovered(found[0].says, section.break_glass, grant.says.rules))
            if found
            else f"no signature on it is by anybody whom the policy trusts: {why}",
        )
        for section in kit.policy.sections
        if section.break_glass is not None
    )  # fmt: skip


def holds(found: tuple[Standing, ...]) -> bool:
    """Whether a section takes it."""
    return any(not one.problem for one in found)


def _facts(grant: GrantFile, kit: Kit, check: Check) -> Facts:
    image = ImageFacts(_ref(grant.name, grant.image), grant.image, grant.image, Platform("", ""), pinned=True)
    report = VerificationReport(grant.image, (), (), (), complete=True)
    request = RequestFacts(purpose="run", namespace=grant.says.namespace)
    return Facts(image, report, kit.crypto.status(), request, check.now)


def _ref(name: str, digest: Digest) -> ImageRef:
    """Return the image as a reference; what a grant calls it decides nothing."""
    try:
        return ImageRef.parse(f"{name}@{digest}")
    except ReferenceSyntaxError:
        return ImageRef.parse(f"image@{digest}")
