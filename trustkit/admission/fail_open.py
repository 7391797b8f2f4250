"""Images that could not be looked at, where a policy says by name that they may run (`enforcement.onError`)."""

from datetime import datetime

from trustkit.admission.judge import Kit
from trustkit.errors import RateLimitedError, ServerFailedError, TrustkitError, UnreachableError
from trustkit.model.decision import ALLOW
from trustkit.model.facts import Facts, ImageFacts, RequestFacts
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.revocations import IMAGE
from trustkit.model.signature import VerificationReport
from trustkit.policy.document import ENFORCE, Section
from trustkit.policy.scope import matching

_RUNTIME = "require.runtime."
# Silence; what a registry said is no reason to believe it less than nothing.
_SILENCE = (UnreachableError, ServerFailedError, RateLimitedError)


def answering(ref: ImageRef, request: RequestFacts, error: TrustkitError, kit: Kit, now: datetime) -> str:
    """Return who answers for letting the image through unseen; nothing: it is denied.

    Only if nobody answered, for a digest that was not revoked, if every document about the image says so, one of the
    cluster's among them, and if the rules that need no image allow the request.
    """
    if not isinstance(error, _SILENCE) or ref.digest is None or _given_up(ref, kit, now):
        return ""
    image = ImageFacts(ref, ref.digest, ref.digest, Platform("", ""), pinned=True)
    nothing = VerificationReport(ref.digest, (), (), (), complete=False)
    facts = Facts(image, nothing, kit.crypto.status(), request, now)
    sections = matching(kit.policy, facts)
    if not _could_allow(tuple(section for section in sections if not section.namespace)):
        return ""
    if not all(section.fail_open and _passes(section, facts) for section in sections):
        return ""
    return ", ".join(dict.fromkeys(section.fail_open for section in sections))


def _could_allow(cluster: tuple[Section, ...]) -> bool:
    """Whether there is an image that these documents allow; silence must not let through what is always denied."""
    enforced = any(section.mode == ENFORCE for section in cluster)
    return bool(cluster) and (
        not enforced or any(rule.demands_evidence for section in cluster for rule in section.rules)
    )


def _passes(section: Section, facts: Facts) -> bool:
    """Whether the rules about the request allow it; a user that only the image names is not known, so not allowed."""
    seen = (rule for rule in section.rules if rule.id.startswith(_RUNTIME) or not (rule.demands_evidence or rule.reads))
    return section.mode != ENFORCE or (bool(section.rules) and all(rule.judge(facts).verdict == ALLOW for rule in seen))


def _given_up(ref: ImageRef, kit: Kit, now: datetime) -> bool:
    if kit.revocations is None:
        return False
    try:
        known = kit.revocations.current(now)
    except TrustkitError:
        return True
    return str(ref.digest) in known.revocations.of(IMAGE)
