import json

from hypothesis import given
from hypothesis import strategies as st

from peers.reviews import container, encoded, pod_spec, review, workload
from trustkit.errors import TrustkitError
from trustkit.hooks.kubernetes.images import wanted_images
from trustkit.hooks.kubernetes.review import parse_review, uid_of

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
