"""Evidence of an index's manifests: which are asked for, within which bounds, and what a record keeps of it."""

import pytest

from policy_facts import IMAGE, facts, signature, spec
from trustkit import limits
from trustkit.admission.covered import children_of, gathered, merged
from trustkit.admission.event import Context, decision_event
from trustkit.admission.replay import replay
from trustkit.fips.hashing import digest_of
from trustkit.model.audit import AuditRecord
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, Evidence, Gathered, Place
from trustkit.model.image import OCI_INDEX, OCI_MANIFEST, Descriptor, Platform, ResolvedImage
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.model.signature import VerificationReport
from trustkit.policy.document import CHILDREN, RUNNING
from trustkit.policy.evaluate import evaluate
from trustkit.signing.trust.roots import TrustRoots

NOTHING = Gathered((), complete=True)
AMD, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")


def manifest(name: str, platform: Platform | None = AMD, kind: str = OCI_MANIFEST) -> Descriptor:
    return Descriptor(kind, digest_of(name.encode()), 100, platform=platform)


def index(*children: Descriptor) -> ResolvedImage:
    root = manifest("index", None, OCI_INDEX)
    config = manifest("config", None)
    return ResolvedImage(
        ImageRef.parse("registry.example/app:1"), root, b"", children[0], b"", config, b"", (), AMD, children
    )


def asked(image: ResolvedImage, *words: str, every: bool = False, size: int = 0) -> tuple[list[Digest], list[int]]:
    """Return which manifests were asked for beside the image, and how many bytes each might have."""
    digests, most = [], []

    def gather(digest: Digest, most_bytes: int) -> Gathered:
        digests.append(digest)
        most.append(most_bytes)
        item = Evidence(Place(REFERRERS, ""), "", digest, b"x" * size, {})
        return Gathered((item,), complete=True)

    gathered(image, NOTHING, frozenset(words), gather, most_bytes=limits.EVIDENCE_BYTES, every=every)
    return digests, most


ONE, TWO, UNKNOWN = manifest("one"), manifest("two", ARM), manifest("att", Platform("unknown", "unknown"))


@pytest.mark.parametrize(
    ("words", "every", "expected"),
    [
        ((), False, []),
        ((), True, []),
        ((RUNNING,), False, [ONE]),
        ((RUNNING,), True, [ONE, TWO]),
        ((CHILDREN,), False, [ONE, TWO]),
    ],
)
def test_only_manifests_that_a_rule_asks_about_are_read(
    words: tuple[str, ...], every: bool, expected: list[Descriptor]
) -> None:
    assert asked(index(ONE, TWO, UNKNOWN), *words, every=every)[0] == [one.digest for one in expected]


def test_a_manifest_that_is_listed_twice_is_read_once() -> None:
    assert asked(index(ONE, ONE._replace(platform=ARM)), CHILDREN)[0] == [ONE.digest]


def test_a_manifest_that_is_listed_with_and_without_a_platform_is_not_forgotten() -> None:
    hidden = ONE._replace(platform=Platform("unknown", "unknown"))
    assert asked(index(ONE, hidden), CHILDREN)[0] == [ONE.digest]
    assert asked(index(hidden, ONE), CHILDREN)[0] == [ONE.digest]


def test_all_share_one_budget_of_bytes() -> None:
    _, most = asked(index(ONE, TWO), CHILDREN, size=1000)
    assert most == [limits.EVIDENCE_BYTES, limits.EVIDENCE_BYTES - 1000]


def test_beyond_the_limit_the_evidence_is_not_complete() -> None:
    many = index(*(manifest(str(number)) for number in range(limits.COVERED_MANIFESTS + 1)))
    found = gathered(many, NOTHING, frozenset({CHILDREN}), lambda _digest, _most: NOTHING, most_bytes=1, every=False)
    assert len(found) == limits.COVERED_MANIFESTS + 1
    assert (found[0][1].complete, "33 manifests" in found[0][1].notes[0]) == (False, True)


def test_one_incomplete_search_makes_the_whole_incomplete() -> None:
    whole, part = (VerificationReport(ONE.digest, (), (), (), complete=complete) for complete in (True, False))
    assert merged([whole, part]).complete is False


def test_a_manifest_without_a_platform_and_an_inner_index_are_told() -> None:
    found = children_of(index(ONE, manifest("any", None), manifest("inner", None, OCI_INDEX)))
    assert [(str(one.platform), one.nested) for one in found] == [
        ("linux/amd64", False), ("any/platform", False), ("any/platform", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("signed", "after"),
    [((IMAGE, ONE.digest, TWO.digest), "allow"), ((IMAGE, ONE.digest), "deny"), ((IMAGE,), "unknown")],
)
def test_a_record_tells_which_manifest_a_signature_is_of(signed: tuple[Digest, ...], after: str) -> None:
    found = facts(*(signature("one", subject=digest) for digest in signed))
    found = found._replace(
        image=found.image._replace(children=children_of(index(ONE, TWO)), manifest_digest=ONE.digest)
    )
    policies = [
        spec(f"  verify: {{subjects: {{index: {word}}}, signatures: {{key: one}}}}\n")
        for word in ("indexOnly", "allReferenced")
    ]
    judgement = Judgement(index(ONE, TWO), found, evaluate(policies[0], found))
    event = decision_event(judgement, Context(found.crypto, TrustRoots(()), policies[0].digest, "test"))
    record = AuditRecord(1, event._replace(subject=IMAGE), digest_of(b""))
    replayed = [replay(record, policy) for policy in policies]
    assert [one and one.after for one in replayed] == ["allow", after]
