"""Whatever bytes come as a policy bundle, its state or its evidence, only our errors come out; paths stay inside."""

import json
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from trustkit import limits
from trustkit.admission.bundle_state import (
    BundleState,
    evidence_bytes,
    parse_evidence,
    parse_state,
    state_bytes,
)
from trustkit.admission.policies import policy_from
from trustkit.admission.policy_bundle import documents_of
from trustkit.codec import policy_bundle
from trustkit.errors import TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.model.evidence import Evidence, Gathered, Place
from trustkit.model.image import OCI_EMPTY, Descriptor

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
FILE = Descriptor("", digest_of(b"x"), 1)
CONFIG = Descriptor(OCI_EMPTY, digest_of(b"{}"), 2)
MANIFEST = policy_bundle.build({"policy/a.yaml": FILE, "keys/a.pub": FILE}, CONFIG, 7)
PATHS = st.text(st.sampled_from("ab./\\-_%\x00 ~é"), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.integers(0, len(MANIFEST) - 1), st.binary(max_size=3))
def test_a_changed_manifest_is_a_bundle_or_our_error(at: int, more: bytes) -> None:
    try:
        policy_bundle.parse(MANIFEST[:at] + more + MANIFEST[at + 1 :], "x")
    except TrustkitError:
        return


@given(PATHS)
def test_every_path_that_is_taken_stays_in_the_bundle(path: str) -> None:
    try:
        manifest = policy_bundle.build({path: FILE}, CONFIG, 1)
    except TrustkitError:
        return
    root = Path("/bundle")
    assert (root / path).resolve().is_relative_to(root)
    assert list(policy_bundle.parse(manifest, "x")) == [path]


@given(st.dictionaries(st.sampled_from(["policy/a.yaml", "policy/b.yml", "namespaces/n/c.yaml", "keys/k"]),
                       st.binary(max_size=60), max_size=4))  # fmt: skip
def test_any_files_are_a_policy_or_our_error(files: dict[str, bytes]) -> None:
    try:
        policy_from(documents_of(files, "oci://r.example/p:1"))
    except TrustkitError:
        return


@given(st.binary(max_size=300))
def test_any_bytes_are_a_state_or_our_error(content: bytes) -> None:
    for parse in (parse_state, parse_evidence):
        try:
            parse(content)
        except TrustkitError:
            continue


@given(st.sampled_from(BundleState._fields), JSON)
def test_a_state_with_another_member_is_a_state_or_our_error(name: str, value: object) -> None:
    revisions = (("a", 3), ("team/b", 0))
    state = BundleState("oci://r.example/p:1", digest_of(b"x"), 3, 1, NOW, NOW, NOW, revisions=revisions)
    assert parse_state(state_bytes(state)) == state
    try:
        parse_state(json.dumps({**json.loads(state_bytes(state)), name: value}).encode())
    except TrustkitError:
        return


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3))
def test_evidence_is_read_as_it_was_written(content: bytes, annotations: dict[str, str]) -> None:
    item = Evidence(Place("referrers", ""), "a/b", digest_of(content), content, annotations, "c/d")
    try:
        found = parse_evidence(evidence_bytes(Gathered((item,), complete=True), frozenset()))
    except TrustkitError:
        # names that strict readers refuse, such as lone surrogates
        return
    assert found.items == (item,)


@given(
    st.lists(
        st.tuples(st.integers(0, limits.POLICY_EVIDENCE_BYTES), st.booleans(), st.sampled_from("a\0é")), max_size=4
    )
)
@settings(deadline=None, max_examples=20)
def test_what_is_kept_of_evidence_can_be_read_and_is_what_was_accepted_first(
    told: list[tuple[int, bool, str]],
) -> None:
    items = tuple(
        Evidence(Place("referrers", ""), "a/b", digest_of(content), content, {text * 9: text * (size // 64)})
        for number, (size, _, text) in enumerate(told)
        for content in (bytes([number]) * size,)
    )
    accepted = frozenset(item.digest for item, (_, good, _) in zip(items, told, strict=True) if good)
    content = evidence_bytes(Gathered(items, complete=True), accepted)
    assert len(content) <= limits.POLICY_EVIDENCE_BYTES
    kept = parse_evidence(content).items
    assert all(item in items for item in kept)
    left_out = [item for item in items if item.digest in accepted and item not in kept]
    assert not left_out or all(item.digest in accepted for item in kept)
