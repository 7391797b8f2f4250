"""Reviews that kube-apiservers sent are read, decided on, and spelled as ours are; `kubernetes/recorded` has them."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from peers import images
from peers.reviews import container, encoded, pod_spec, review, workload
from trustkit.admission.batched_log import BatchedLog
from trustkit.admission.cached_gate import CachedGate
from trustkit.admission.gate import Gate
from trustkit.admission.judge import Kit
from trustkit.admission.policies import read_policy, trust_roots
from trustkit.admission.single_flight import SingleFlight
from trustkit.audit.log import DecisionLog
from trustkit.errors import MalformedError
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.hooks.kubernetes.asgi import Webhook
from trustkit.hooks.kubernetes.deciding import Decider
from trustkit.hooks.kubernetes.images import registry_image, wanted_images
from trustkit.hooks.kubernetes.pods import KINDS
from trustkit.hooks.kubernetes.records import many_events
from trustkit.hooks.kubernetes.review import Kind, _at_once, parse_review
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.policy.document import means_of
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.sign import BUNDLE, Subjected, sign

FOLDER = Path(__file__).resolve().parent / "kubernetes" / "recorded"
NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
KEY = provider().generate("ecdsa-p256")
POLICY = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: recorded}
spec:
  trust: {keys: {mine: {pem: mine.pub}}}
  verify: {signatures: {key: mine}}
"""


class Said(NamedTuple):
    """What a recording says, read off by hand."""

    uid: str
    kind: str
    operation: str
    user: str
    new: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


KUBECTL, ADMIN = "kubernetes-admin", "system:admin"
CART = "docker.io/library/cart:latest@sha256:" + "1" * 64
SAID = {
    "pod-create": Said("c1871549-29dd-5c71-bf8f-173899798905", "Pod", "CREATE", KUBECTL, ("wait", "web")),
    "pod-delete": Said("ba08cb46-a588-5697-8137-cf852483de68", "Pod", "DELETE", KUBECTL),
    "deployment-create": Said(
        "43297e99-f4ef-5ea6-a0fc-369bafbe1fc0", "apps/Deployment", "CREATE", ADMIN, ("web:latest",)
    ),
    "replicaset-create": Said(
        "8f351c47-b0c0-53b6-8761-af29f27b0070", "apps/ReplicaSet", "CREATE", ADMIN, ("web:latest",)
    ),
    "replicaset-update": Said(
        "7a55faaa-c670-59b0-9774-db38276b9883", "apps/ReplicaSet", "UPDATE",
        "system:serviceaccount:kube-system:deployment-controller", (), (CART,),
    ),
    "statefulset-create": Said(
        "a7cef3a6-ed22-5670-9b4d-d7666389c14c", "apps/StatefulSet", "CREATE", ADMIN, ("registry.example/web-slim:0.9",)
    ),
    "daemonset-create": Said(
        "d5e3b2fb-3a7c-561f-ab9e-5c09807e8d48", "apps/DaemonSet", "CREATE", ADMIN,
        ("quay.example/shop_logs/collector:v3.1.0",),
    ),
    "job-create": Said("6d48e15d-08db-52db-b844-1613f5c2a938", "batch/Job", "CREATE", ADMIN, ("prices:7.21.0",)),
    "cronjob-create": Said("9df982bf-9485-5eb3-b0d0-c4d12a7d4a43", "batch/CronJob", "CREATE", ADMIN, ("tools:1.31",)),
    "replicationcontroller-create": Said(
        "a0050714-e448-5615-a356-efae9b380f02", "ReplicationController", "CREATE", ADMIN, ("web",)
    ),
}  # fmt: skip
NEW = sorted(name for name, said in SAID.items() if said.new)
OLD_API = ["v1beta1-deployment-create", "v1beta1-deployment-update"]
# The members of the others were sorted, and what was null was left out, before they were stored.
AS_SENT = ["pod-create", "pod-delete", "replicaset-update"]


def stored(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def as_go_writes(name: str) -> bytes:
    return encoded(json.loads(stored(name)))


SPELLINGS = pytest.mark.parametrize("spelled", [stored, as_go_writes])


def test_every_recording_is_looked_at() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted([*SAID, *OLD_API])


def test_every_recording_stands_in_the_table_of_where_they_are_from() -> None:
    rows = (FOLDER / "README.md").read_text().splitlines()
    named = [row.split("`")[1].removesuffix(".json") for row in rows if row.startswith("| `")]
    assert sorted(named) == sorted([*SAID, *OLD_API])


# --- reading --------------------------------------------------------------------------------------


@SPELLINGS
@pytest.mark.parametrize("name", sorted(SAID))
def test_a_recording_says_what_was_read_off_it(name: str, spelled: Callable[[str], bytes]) -> None:
    found, said = parse_review(spelled(name)), SAID[name]
    assert (found.uid, str(found.kind), found.operation, found.user) == said[:4]
    assert (found.namespace, found.subresource, found.dry_run) == ("default", "", False)


@SPELLINGS
@pytest.mark.parametrize("name", sorted(SAID))
def test_a_recording_gives_up_its_images(name: str, spelled: Callable[[str], bytes]) -> None:
    found, said = wanted_images(parse_review(spelled(name))), SAID[name]
    assert tuple(tuple(use.image for use in uses) for uses in found) == (said.new, said.unchanged)


@pytest.mark.parametrize("name", AS_SENT)
def test_what_an_api_server_sent_is_read_in_one_pass(name: str) -> None:
    assert _at_once(as_go_writes(name).removesuffix(b"\n")) is not None


@SPELLINGS
@pytest.mark.parametrize("name", OLD_API)
def test_a_review_of_the_old_api_is_no_review(name: str, spelled: Callable[[str], bytes]) -> None:
    with pytest.raises(MalformedError, match="not an AdmissionReview"):
        parse_review(spelled(name))


# --- answering ------------------------------------------------------------------------------------


class Cluster:
    """The real webhook in front of images of which each lies in a layout of its own; asked as an API server asks."""

    def __init__(self, folder: Path, *, signed: bool) -> None:
        self.folder = folder
        for name in sorted({image for said in SAID.values() for image in said.new}):
            self._store(registry_image(name), signed=signed)
        (folder / "mine.pub").write_bytes(public_key_to_pem(KEY.public))
        (folder / "policy.yaml").write_text(POLICY)
        self.log = DecisionLog(folder / "audit", provider())

    def _store(self, ref: ImageRef, *, signed: bool) -> None:
        folder = self._place(ref)
        folder.mkdir(exist_ok=True)
        images.write_layout(images.build(config={"User": "10001"}), folder, ref.tag)
        subject = LayoutFolder(folder).manifest(ref.tag).descriptor
        if signed:
            push(sign(Subjected(subject.digest, ref.name), KEY, BUNDLE), subject, LayoutFolder(folder))

    def _place(self, ref: ImageRef) -> Path:
        return self.folder / ref.name.replace("/", "_")

    def answers(self, *asked: tuple[str, bytes]) -> list[tuple[int, bytes]]:
        """Return status and content of the answer to each body that is posted to a path."""
        return asyncio.run(self._answers(asked))

    def pinned(self, name: str) -> bytes:
        """Return a recording after the mutating webhook was asked."""
        document = json.loads(stored(name))
        ((_, content),) = self.answers(("/mutate", stored(name)))
        for change in json.loads(base64.b64decode(json.loads(content)["response"].get("patch", "W10="))):
            at: Any = document["request"]["object"]
            *steps, last = change["path"].split("/")[1:]
            for step in steps:
                at = at[int(step)] if isinstance(at, list) else at[step]
            at[last] = change["value"]
        return encoded(document)

    def response(self, body: bytes) -> dict[str, Any]:
        """Return what the validating webhook says."""
        ((status, content),) = self.answers(("/validate", body))
        assert status == 200
        found: dict[str, Any] = json.loads(content)["response"]
        return found

    async def _answers(self, asked: tuple[tuple[str, bytes], ...]) -> list[tuple[int, bytes]]:
        policy = read_policy(self.folder / "policy.yaml")
        kit = Kit(
            lambda ref: LayoutFolder(self._place(ref)), (SigstoreBundle(),), provider(), policy, trust_roots(policy),
            lambda: NOW, means=means_of(policy),
        )  # fmt: skip
        log, flights = BatchedLog(self.log, lambda rows: many_events(rows, NOW)), SingleFlight(8, 64)
        gate = CachedGate(Gate(kit, self.log), flights, log)
        app = Webhook(Decider(lambda: gate, log, lambda: NOW), lambda: ("", ""))
        try:
            return [await _posted(app, path, body) for path, body in asked]
        finally:
            flights.close()
            log.close()


async def _posted(app: Webhook, path: str, body: bytes) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": path, "query_string": b"timeout=10s"}, receive, send)
    start, content = sent
    return start["status"], content["body"]


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster all of whose images are signed."""
    return Cluster(tmp_path_factory.mktemp("proven"), signed=True)


@pytest.fixture(scope="module")
def unproven(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A cluster none of whose images is signed."""
    return Cluster(tmp_path_factory.mktemp("unproven"), signed=False)


@pytest.mark.parametrize("name", NEW)
def test_an_object_whose_images_are_unproven_is_refused_with_the_reason(unproven: Cluster, name: str) -> None:
    found = unproven.response(unproven.pinned(name))
    assert (found["uid"], found["allowed"]) == (SAID[name].uid, False)
    assert f"trustkit: {SAID[name].new[0]}@sha256:" in found["status"]["message"]


@pytest.mark.parametrize("name", NEW)
def test_an_object_whose_images_are_proven_is_allowed(proven: Cluster, name: str) -> None:
    found = proven.response(proven.pinned(name))
    assert (found["uid"], found["allowed"]) == (SAID[name].uid, True)


@SPELLINGS
@pytest.mark.parametrize("name", sorted(set(SAID) - set(NEW)))
def test_what_brings_in_no_image_is_allowed(unproven: Cluster, name: str, spelled: Callable[[str], bytes]) -> None:
    found = unproven.response(spelled(name))
    assert (found["uid"], found["allowed"]) == (SAID[name].uid, True)


def test_a_pod_that_was_not_pinned_is_refused_however_well_its_images_are_proven(proven: Cluster) -> None:
    assert "names no digest" in proven.response(stored("pod-create"))["status"]["message"]


@SPELLINGS
@pytest.mark.parametrize("name", OLD_API)
def test_a_review_of_the_old_api_is_refused(proven: Cluster, name: str, spelled: Callable[[str], bytes]) -> None:
    found = proven.response(spelled(name))
    assert (found["uid"], found["allowed"]) == (json.loads(stored(name))["request"]["uid"], False)


@SPELLINGS
@pytest.mark.parametrize("way", ["/validate", "/mutate"])
@pytest.mark.parametrize("name", sorted(SAID))
def test_a_review_that_was_cut_off_is_never_allowed(
    proven: Cluster, name: str, way: str, spelled: Callable[[str], bytes]
) -> None:
    text = spelled(name).rstrip()
    cuts = [*range(0, len(text), len(text) // 40), len(text) - 2, len(text) - 1]
    found = proven.answers(*((way, text[:cut]) for cut in cuts))
    assert {(status, b'"allowed":true' in content) for status, content in found} <= {(400, False), (200, False)}


# --- ours are like theirs -------------------------------------------------------------------------

# What the author of an object chose, and not the API server.
CHOSEN = {"command", "ports", "securityContext"}
# DaemonSet and StatefulSet mount volumes that their author chose.
LIKE_OURS = sorted(set(SAID) - {"pod-delete", "daemonset-create", "statefulset-create"})


def recorded(name: str) -> Any:
    return json.loads(stored(name))["request"]


def ours(name: str) -> Any:
    """Return our own review of the same operation on the same kind."""
    one = workload(SAID[name].kind.rpartition("/")[2], pod_spec(container("web")))
    before = None if SAID[name].operation == "CREATE" else one
    after = None if SAID[name].operation == "DELETE" else one
    found: Any = encoded(review(after, old=before, operation=SAID[name].operation))
    return json.loads(found)["request"]


def spec_of(request: Any) -> Any:
    found = request["object"]
    for step in KINDS[Kind(request["kind"]["group"], request["kind"]["kind"])]:
        found = found[step]
    return found["spec"]


def said(members: dict[str, Any]) -> list[str]:
    return [name for name, value in members.items() if value is not None]


@pytest.mark.parametrize("name", sorted(SAID))
def test_our_reviews_have_the_members_of_recorded_ones(name: str) -> None:
    assert sorted(said(ours(name))) == sorted(said(recorded(name)))


@pytest.mark.parametrize("name", AS_SENT)
def test_our_reviews_have_their_members_in_the_order_of_recorded_ones(name: str) -> None:
    assert list(ours(name)) == list(recorded(name))


@pytest.mark.parametrize("name", sorted(SAID))
@pytest.mark.parametrize("member", ["kind", "resource", "requestKind", "requestResource"])
def test_our_reviews_name_kinds_and_resources_as_recorded_ones(name: str, member: str) -> None:
    assert ours(name)[member] == recorded(name)[member]


@pytest.mark.parametrize("name", sorted(SAID))
def test_our_options_are_of_the_kind_of_recorded_ones(name: str) -> None:
    assert ours(name)["options"]["kind"] == recorded(name)["options"]["kind"]


@pytest.mark.parametrize("name", sorted(set(SAID) - {"pod-delete"}))
def test_our_objects_have_the_members_of_recorded_ones(name: str) -> None:
    assert sorted(ours(name)["object"]) == sorted(recorded(name)["object"])


@pytest.mark.parametrize("name", LIKE_OURS)
def test_our_pods_have_the_members_of_recorded_ones(name: str) -> None:
    assert sorted(spec_of(ours(name))) == sorted(spec_of(recorded(name)))


@pytest.mark.parametrize("name", LIKE_OURS)
def test_our_containers_have_the_members_of_recorded_ones(name: str) -> None:
    for theirs in spec_of(recorded(name))["containers"]:
        assert sorted(set(spec_of(ours(name))["containers"][0]) - CHOSEN) == sorted(set(theirs) - CHOSEN)


@pytest.mark.parametrize("name", ["pod-create", "replicaset-update"])
def test_our_pods_have_their_members_in_the_order_of_recorded_ones(name: str) -> None:
    assert list(spec_of(ours(name))) == list(spec_of(recorded(name)))
