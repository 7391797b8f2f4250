"""The straight path: a reference becomes a judgement, step by step, and never a permit."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from trustkit.admission.facts import build_facts
from trustkit.fips.provider import CryptoProvider
from trustkit.model.evidence import Place
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.oci.gather import gather
from trustkit.oci.resolve import resolve
from trustkit.oci.source import ImageSource
from trustkit.policy.document import Policy
from trustkit.policy.evaluate import evaluate
from trustkit.signing.format import Check, SignatureFormat, TrustRoots
from trustkit.signing.verify import verify


class Kit(NamedTuple):
    """The parts the path needs, put together by `app`; `platform` is the one that runs here."""

    open_source: Callable[[ImageRef], ImageSource]
    formats: tuple[SignatureFormat, ...]
    crypto: CryptoProvider
    policy: Policy
    trust: TrustRoots
    now: Callable[[], datetime]
    platform: Platform | None = None


def judge(ref: ImageRef, request: RequestFacts, kit: Kit, platform: Platform | None = None) -> Judgement:
    """Resolve once, gather, verify, state the facts, decide.

    Raises SourceError, DigestMismatchError, MalformedError, LimitExceededError, CryptoError: no judgement.
    """
    source = kit.open_source(ref)
    image = resolve(ref, source, platform or kit.platform)
    evidence = gather(image.digest, places_of(kit.formats), source)
    now = kit.now()
    report = verify(evidence, kit.formats, Check(image.digest, kit.trust, kit.crypto, now))
    facts = build_facts(image, report, kit.crypto.status(), request, now)
    return Judgement(image, facts, evaluate(kit.policy, facts))


def places_of(formats: tuple[SignatureFormat, ...]) -> tuple[Place, ...]:
    """Return every place where some format's evidence may lie, each once."""
    return tuple(dict.fromkeys(place for one in formats for place in one.places))
