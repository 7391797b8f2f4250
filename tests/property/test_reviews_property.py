import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from peers.reviews import container, encoded, pod_spec, review, workload
from trustkit import limits
from trustkit.audit import entry
from trustkit.errors import TrustkitError
from trustkit.hooks.kubernetes.images import wanted_images
from trustkit.hooks.kubernetes.records import many_events, review_event, review_row
from trustkit.hooks.kubernetes.review import Answer, parse_review, uid_of
from trustkit.model.digest import Digest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["containers", "initContainers", "volumes", "securityContext", "hostNetwork", "ephemeralContainers", "image"]
)


def outcome(body: bytes) -> None:
    try:
        wanted_images(parse_review(body))
    except TrustkitError:
        uid_of(body)


@given(st.binary(max_size=400))
def test_bytes_are_read_or_refused(body):
    outcome(body)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.dictionaries(NAMES, VALUES, max_size=3))
def test_pods_of_any_shape_are_read_or_refused(spec, context):
    shape = pod_spec({**container("busybox"), **context}, **spec)
    outcome(encoded(review(workload("Pod", shape))))


@given(st.integers(0, 1500), st.binary(min_size=1, max_size=3))
def test_a_changed_review_is_read_or_refused(at, put):
    body = encoded(review(workload("Deployment", pod_spec(container("busybox")))))
    outcome(body[:at] + put + body[at + len(put) :])


@given(st.lists(st.sampled_from(["containers", "initContainers", "ephemeralContainers"]), min_size=1, max_size=6))
def test_no_image_in_a_pod_is_overlooked(slots):
    members: dict = {"containers": []}
    for number, slot in enumerate(slots):
        members.setdefault(slot, []).append(container(f"example.com/image-{number}", f"c{number}"))
    body = encoded(review(workload("Pod", pod_spec(**members))))
    found = [use.image for use in wanted_images(parse_review(body)).new]
    assert sorted(found) == sorted(f"example.com/image-{number}" for number in range(len(slots)))
    assert json.loads(body)["request"]["uid"]


NOW = datetime(2026, 11, 29, tzinfo=UTC)
DIGESTS = (None, Digest("sha256", "ab" * 32), Digest("sha512", "ab" * 64))
# a short text and how often it is repeated: most are far longer than what is kept
TEXTS = st.builds(lambda text, times: text * times, st.text(max_size=9), st.sampled_from((1, 60, 600)))
ROWS = st.lists(
    st.tuples(TEXTS, st.sampled_from(DIGESTS), st.booleans(), st.integers(0, 2**53 - 1)), min_size=1, max_size=5
)


def body(event):
    """What readers of the log find."""
    return entry.parse(entry.to_bytes(event)).body


@given(st.lists(st.tuples(TEXTS, TEXTS, ROWS, st.sampled_from((1, 9, 40, 90))), min_size=1, max_size=6), TEXTS)
def test_any_reviews_fit_in_entries_of_the_log(told, message):
    asked = parse_review(encoded(review(workload("Pod", pod_spec(container("busybox"))))))
    rows, single = [], []
    for number, (user, name, images, times) in enumerate(told):
        about = asked._replace(uid=f"u{number}", user=user, name=name, operation=user, subresource=name)
        found = tuple((f"{n}{image[0]}", *image[1:]) for n in range(times) for image in images)
        rows.append(review_row(about, found))
        single.append(review_event(about, Answer(False, message), found, NOW))
    events = many_events(rows, NOW)
    assert [one["uid"] for event in events for one in body(event)["reviews"]] == [one.words.uid for one in rows]
    for event in (*events, *single):
        assert len(entry.to_bytes(event)) <= limits.AUDIT_ENTRY_BYTES
    for event, one in zip(single, rows, strict=True):
        written = event.body["images"]
        left_out = written[-1].get("left_out", 0)
        assert len(written) - bool(left_out) + left_out == len(one.images)
        assert left_out == 0 or len(one.images) > limits.POD_IMAGES
