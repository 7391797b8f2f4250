"""Content trust at the gate: the repositories a policy names are asked, and what they prove joins the report."""

from collections.abc import Callable

from trustkit.admission.content_trust import Asked
from trustkit.errors import MalformedError, SourceError, TrustkitError, VerificationError
from trustkit.model.digest import Digest
from trustkit.model.evidence import Rejection
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport
from trustkit.oci.trust_metadata import server_of
from trustkit.signing.content_trust.values import VerifiedRepository
from trustkit.signing.formats import content_trust
from trustkit.signing.trust.roots import TrustedRepository

AskRepository = Callable[[Asked], VerifiedRepository]


def with_tag_proofs(
    report: VerificationReport,
    ref: ImageRef,
    repositories: tuple[TrustedRepository, ...],
    ask: AskRepository,
    server: str,
) -> VerificationReport:
    """Return the report with what each repository says of its image, under the tag of the reference if it has one.

    A root that is pinned for a repository holds by whatever name the policy trusts it, since facts name the repository.
    A repository that proves nothing is a rejection; one that cannot be asked makes the report incomplete.
    """
    pinned = {one.gun: one.root for one in repositories if one.root}
    for one in repositories:
        gun = one.gun or ref.name
        try:
            root = one.root or pinned.get(gun, b"")
            found = ask(Asked(gun, server_of(gun, one.server or server), root, one.first_use))
            facts = content_trust.proofs(found, report.image, ref.tag if gun == ref.name else "")
            report = report._replace(accepted=(*report.accepted, *facts))
        except SourceError as error:
            note = f"content trust of {gun} could not be read: {error.message}"
            report = report._replace(complete=False, notes=(*report.notes, note))
        except (VerificationError, MalformedError) as error:
            report = report._replace(rejected=(*report.rejected, _rejection(report.image, error)))
    return report


def _rejection(image: Digest, error: TrustkitError) -> Rejection:
    return Rejection(image, content_trust.NAME, error.code, error.message)
