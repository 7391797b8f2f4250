"""The straight path: a reference becomes a judgement, step by step, and never a permit."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from trustkit.admission.covered import Found, counted, gathered, merged
from trustkit.admission.facts import build_facts
from trustkit.admission.revoked import without_revoked
from trustkit.fips.provider import CryptoProvider
from trustkit.fleet.revocations import KnownRevocations
from trustkit.model.digest import Digest
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, TAG_SUFFIX, Evidence, Gathered, Place
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform, ResolvedImage
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerificationReport
from trustkit.model.values import NamedTuple
from trustkit.oci.ahead import begin, later, within
from trustkit.oci.gather import gather
from trustkit.oci.resolve import resolve
from trustkit.oci.source import ImageSource
from trustkit.policy.document import AS_CONFIGURED, ATTESTATIONS, CONFIGURATION, PREDICATES, Policy, reads
from trustkit.policy.evaluate import evaluate
from trustkit.policy.means import Discovery, Means
from trustkit.signing.format import Check, SignatureFormat
from trustkit.signing.revoked import without_revoked_keys
from trustkit.signing.trust.roots import TrustedRepository, TrustRoots
from trustkit.signing.verify import verify

VERIFY = "verify"
KUBERNETES = "kubernetes"


class Kit(NamedTuple):
    """The parts the path needs, put together by `app`; `platform` is the one that runs here.

    Without `at_once` one judgement keeps to one thread, for callers that make many beside each other.
    """

    open_source: Callable[[ImageRef], ImageSource]
    formats: tuple[SignatureFormat, ...]
    crypto: CryptoProvider
    policy: Policy
    trust: TrustRoots
    now: Callable[[], datetime]
    platform: Platform | None = None
    at_once: bool = True
    # Whether an image may run on other platforms than the one it is judged for: a cluster's nodes choose.
    every_platform: bool = False
    means: Means = AS_CONFIGURED
    # Asks authorities about revocation: evidence in, the trust roots with what they said and what they did not out.
    ask_revocation: Callable[[Iterable[Evidence], TrustRoots, datetime], tuple[TrustRoots, list[str]]] | None = None
    # Asks trust servers about the image's tags: the report with what they prove out.
    ask_repository: (
        Callable[[VerificationReport, ImageRef, tuple[TrustedRepository, ...]], VerificationReport] | None
    ) = None
    # Break-glass grants that lie on this machine, by the image they are about: evidence, like what lies beside images.
    grants: Callable[[Digest], Gathered] | None = None
    # What was given up after it was signed; None: nobody says.
    revocations: KnownRevocations | None = None
    # The same places as `open_source` gives, asked with somebody's credentials before our own.
    open_with: Callable[[tuple[bytes, ...]], Callable[[ImageRef], ImageSource]] | None = None


class PullCredentials(NamedTuple):
    """Credentials that came with a request (docker's config.json), and what tells one set of them from another."""

    name: str = ""
    texts: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        """Show no secret."""
        return f"PullCredentials({self.name!r})"


class Established(NamedTuple):
    """What is known of an image whoever asks: the image, what was verified about it, and when."""

    image: ResolvedImage
    report: VerificationReport
    at: datetime


def judge(ref: ImageRef, request: RequestFacts, kit: Kit, platform: Platform | None = None) -> Judgement:
    """Resolve once, gather, verify, state the facts, decide.

    To verify, the configuration is only read when a rule looks at it; to act on an image, always.

    Raises SourceError, DigestMismatchError, MalformedError, LimitExceededError, CryptoError: no judgement.
    """
    with_config = request.purpose != VERIFY or CONFIGURATION in reads(kit.policy)
    kit = kit._replace(every_platform=kit.every_platform or request.engine == KUBERNETES)
    work = partial(establish, ref, kit, platform, with_config=with_config)
    found = within(kit.means.deadline, work) if kit.means.deadline else work()
    return conclude(found, request, kit, found.at)


def establish(ref: ImageRef, kit: Kit, platform: Platform | None = None, *, with_config: bool = True) -> Established:
    """Resolve once, gather and verify; nothing of it depends on what is asked. Raises as `judge`."""
    source, asked = kit.open_source(ref), reads(kit.policy)
    most = kit.means.discovery.most_bytes
    collect = partial(gather, places=places_of(kit), source=source, at_once=kit.at_once)
    # Evidence speaks of the digest alone, so it is asked for while the configuration is read.
    ask = begin if kit.at_once else later
    gathering: list[Callable[[], Gathered]] = []
    image = resolve(
        ref,
        source,
        platform or kit.platform,
        on_root=lambda digest: gathering.append(ask(collect, digest, most_bytes=most)),
        with_config=with_config,
    )
    found = gathered(
        image,
        gathering[0](),
        asked,
        lambda digest, left: collect(digest, most_bytes=left),
        most_bytes=most,
        every=kit.every_platform,
    )
    report, now = _verified(found, kit, predicates=PREDICATES in asked)
    if kit.ask_repository is not None:
        report = kit.ask_repository(report, image.ref, kit.trust.repositories)
        report = without_revoked_keys(report, kit.trust.revoked)
    return Established(image, report, now)


def _verified(found: Found, kit: Kit, *, predicates: bool) -> tuple[VerificationReport, datetime]:
    """Return what the evidence proves, of the image and of each manifest that belongs to it, and when."""
    now, trust = kit.now(), kit.trust
    notes: list[str] = []
    if kit.ask_revocation is not None:
        every = tuple(item for _, evidence in found for item in evidence.items)
        trust, notes = kit.ask_revocation(every, trust, now)
    reports = [
        verify(evidence, kit.formats, Check(one.digest, trust, kit.crypto, now, predicates, one))
        for one, evidence in found
    ]
    report = merged([counted(one, kit.means.discovery) for one in reports])
    return report._replace(notes=(*report.notes, *notes)), now


def conclude(found: Established, request: RequestFacts, kit: Kit, now: datetime) -> Judgement:
    """Decide on one request for an image that is known.

    Grants on this machine are looked at when the image is refused without them, so they hold from the moment they
    are there, and while no registry answers. What was revoked counts for nothing, of grants as well.

    Raises MalformedError if its configuration is; RevocationsUnreadError, StorageError: what was revoked is not known.
    """
    known = kit.revocations.current(now) if kit.revocations is not None else None
    facts = build_facts(found.image, found.report, kit.crypto.status(), request, now)
    facts = without_revoked(facts, found.image, known, every=kit.every_platform)
    decision = evaluate(kit.policy, facts)
    if kit.grants is not None and not decision.allowed:
        from trustkit.admission.grants import with_grants

        check = Check(found.image.digest, kit.trust, kit.crypto, now, target=found.image.root)
        facts = with_grants(facts, kit.grants(found.image.digest), kit.formats, check)
        facts = without_revoked(facts, found.image, known, every=kit.every_platform)
        decision = evaluate(kit.policy, facts)
    return Judgement(found.image, facts, decision)


def places_of(kit: Kit) -> tuple[Place, ...]:
    """Return every place where evidence may lie that the policy could use, each once.

    A place of attestations only is left out when no rule asks for one.
    """
    wanted = {SIGNATURE, ATTESTATION} if ATTESTATIONS in reads(kit.policy) else {SIGNATURE}
    places = (place for one in kit.formats if wanted & set(one.kinds) for place in one.places)
    return tuple(dict.fromkeys(place for place in places if _discovered(place, kit.means.discovery)))


def _discovered(place: Place, discovery: Discovery) -> bool:
    if place.kind == TAG_SUFFIX:
        return discovery.cosign_tag
    if place.kind != REFERRERS:
        return True
    return discovery.notation_referrers if place.pattern == NOTARY_SIGNATURE else discovery.referrers
