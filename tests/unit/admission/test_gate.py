"""The straight path over a real layout, real keys and the real decision log."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Never

import pytest

from peers import images
from trustkit.admission.admit import require_covers, require_current
from trustkit.admission.gate import AuditLog, Gate
from trustkit.admission.judge import Kit
from trustkit.admission.policies import builtin_policy, read_policy, trust_roots
from trustkit.audit.log import DecisionLog
from trustkit.errors import (
    AdmissionDenied,
    DigestMismatchError,
    MalformedError,
    NotFoundError,
    PolicySyntaxError,
    StorageError,
)
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.audit import AuditEvent
from trustkit.model.facts import RequestFacts
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.formats.cosign_signature import CosignSignature
from trustkit.signing.sign import BUNDLE, LEGACY, Subjected, sign

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
RUN = RequestFacts(actor="uid:0", purpose="run")
KEY = provider().generate("ecdsa-p256")
PEM = public_key_to_pem(KEY.public)


class FullDisk:
    """A log that cannot keep anything."""

    def append(self, event: AuditEvent) -> Never:
        raise StorageError("no space left on device")


class Scene:
    """A layout with one image, a log, and a gate between them."""

    def __init__(self, folder: Path) -> None:
        self.layout = folder / "images"
        self.layout.mkdir()
        self.image = images.build(config={"User": "10001"})
        images.write_layout(self.image, self.layout, "1.0")
        self.ref = ImageRef.parse(f"oci:{self.layout}:1.0")
        self.log = DecisionLog(folder / "audit", provider())
        self.policy = builtin_policy({"mine": PEM})
        self.now = NOW

    def gate(self, log: AuditLog | None = None) -> Gate:
        return Gate(
            Kit(
                open_source=lambda ref: LayoutFolder(Path(ref.path)),
                formats=(SigstoreBundle(), CosignSignature()),
                crypto=provider(),
                policy=self.policy,
                trust=trust_roots(self.policy),
                now=lambda: self.now,
            ),
            log or self.log,
        )

    def sign(self, key: str = KEY, layout: str = BUNDLE) -> None:
        folder = LayoutFolder(self.layout)
        subject = folder.manifest("1.0").descriptor
        push(sign(Subjected(subject.digest, self.ref.name), key, layout), subject, folder)

    def records(self) -> list[AuditEvent]:
        return [record.event for record in self.log.records()]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.log.close()


@pytest.mark.parametrize("layout", [BUNDLE, LEGACY])
def test_a_signed_image_is_admitted_after_its_decision_is_on_record(scene: Scene, layout: str) -> None:
    scene.sign(layout=layout)
    admission = scene.gate().admit(scene.ref, RUN)
    (event,) = scene.records()
    assert (event.kind, event.outcome, str(event.subject)) == ("decision", "allow", scene.image.digest)
    assert (str(admission.image.digest), admission.record) == (scene.image.digest, 0)
    assert (admission.issued_at, admission.expires_at) == (NOW, NOW + timedelta(seconds=300))
    assert len(admission.id) == 32


def test_two_admissions_never_share_an_id(scene: Scene) -> None:
    scene.sign()
    gate = scene.gate()
    assert gate.admit(scene.ref, RUN).id != gate.admit(scene.ref, RUN).id


def test_an_unsigned_image_is_refused_and_the_refusal_is_on_record(scene: Scene) -> None:
    with pytest.raises(AdmissionDenied) as caught:
        scene.gate().admit(scene.ref, RUN)
    assert "requires a signature by mine" in caught.value.message
    assert caught.value.next_step.startswith("trustkit sign --key mine oci:")
    assert [event.outcome for event in scene.records()] == ["deny"]


def test_a_signature_by_a_stranger_is_refused_and_named_as_rejected(scene: Scene) -> None:
    scene.sign(provider().generate("ecdsa-p256"))
    with pytest.raises(AdmissionDenied):
        scene.gate().admit(scene.ref, RUN)
    (event,) = scene.records()
    assert [item["code"] for item in event.body["rejected"]] == ["verification.signer"]


def test_nothing_is_admitted_when_the_decision_cannot_be_recorded(scene: Scene) -> None:
    scene.sign()
    with pytest.raises(StorageError):
        scene.gate(FullDisk()).admit(scene.ref, RUN)


def test_a_missing_image_is_recorded_as_unknown_and_raised(scene: Scene) -> None:
    with pytest.raises(NotFoundError):
        scene.gate().admit(ImageRef.parse(f"oci:{scene.layout}:2.0"), RUN)
    (event,) = scene.records()
    assert (event.outcome, event.body["error"]["code"]) == ("unknown", "source.not_found")


def test_a_changed_manifest_is_recorded_as_refused_and_raised(scene: Scene) -> None:
    scene.sign()
    path = scene.layout / "blobs" / "sha256" / scene.image.digest.removeprefix("sha256:")
    path.write_bytes(path.read_bytes().replace(b"schemaVersion", b"schemaversion"))
    with pytest.raises((DigestMismatchError, MalformedError)):
        scene.gate().admit(scene.ref, RUN)
    assert [event.outcome for event in scene.records()] == ["deny"]


def test_an_unwritable_record_of_an_error_is_what_is_raised(scene: Scene) -> None:
    with pytest.raises(StorageError):
        scene.gate(FullDisk()).decide(ImageRef.parse(f"oci:{scene.layout}:2.0"), RUN)


def test_the_record_says_who_what_why_and_by_which_means(scene: Scene) -> None:
    scene.sign()
    judgement, _ = scene.gate().decide(scene.ref, RUN)
    body = scene.records()[0].body
    assert body["reference"] == body["name"] == str(scene.ref)
    assert body["root"] == body["manifest"] == scene.image.digest
    assert (body["platform"], body["verdict"], body["mode"]) == ("linux/amd64", "allow", "enforce")
    assert body["policy"] == {"name": "built-in", "digest": str(scene.policy.digest)}
    assert (body["request"]["actor"], body["request"]["purpose"], body["request"]["user"]) == ("uid:0", "run", "10001")
    (accepted,) = body["accepted"]
    assert accepted["fingerprint"] == KEY.public.fingerprint
    assert accepted["evidence"] == str(judgement.facts.report.accepted[0].evidence)
    assert [finding["rule"] for finding in body["findings"]] == ["built-in/verify.signatures"]
    assert body["crypto"]["provider"] == provider().name
    assert body["trust_roots"].startswith("sha256:")
    assert json.dumps(body)


def test_threads_share_a_gate(scene: Scene) -> None:
    scene.sign()
    gate = scene.gate()
    with ThreadPoolExecutor(4) as pool:
        admissions = list(pool.map(lambda _: gate.admit(scene.ref, RUN), range(12)))
    assert sorted(admission.record for admission in admissions) == list(range(12))


def test_the_engines_check_passes_for_the_very_request(scene: Scene) -> None:
    scene.sign()
    admission = scene.gate().admit(scene.ref, RUN)
    require_current(admission, NOW)
    require_covers(admission, RUN)
    require_covers(admission, RUN._replace(actor="", purpose="pull", capabilities_dropped=("ALL",), read_only=True))


@pytest.mark.parametrize("seconds", [-1, 300, 3600])
def test_an_admission_is_refused_outside_its_minutes(scene: Scene, seconds: int) -> None:
    scene.sign()
    admission = scene.gate().admit(scene.ref, RUN)
    with pytest.raises(AdmissionDenied, match="is not valid at"):
        require_current(admission, NOW + timedelta(seconds=seconds))


def test_an_admission_made_of_a_denial_is_refused(scene: Scene) -> None:
    scene.sign()
    admission = scene.gate().admit(scene.ref, RUN)
    forged = admission._replace(decision=admission.decision._replace(verdict="deny"))
    with pytest.raises(AdmissionDenied):
        require_current(forged, NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("privileged", True),
        ("host_network", True),
        ("host_pid", True),
        ("host_mounts", ("/etc",)),
        ("devices", ("/dev/kvm",)),
        ("capabilities_added", ("NET_RAW",)),
        ("capabilities_dropped", ()),
        ("user", "0"),
        ("read_only", False),
        ("seccomp", "unconfined"),
        ("command", ("sh",)),
        ("engine", "docker"),
        ("purpose", "build"),
        ("actor", "uid:1000"),
        ("pod_root", True),
    ],
)
def test_a_wider_request_is_refused(scene: Scene, field: str, value: object) -> None:
    scene.sign()
    admitted = RUN._replace(read_only=True, capabilities_dropped=("ALL",))
    admission = scene.gate().admit(scene.ref, admitted)
    with pytest.raises(AdmissionDenied, match=field):
        require_covers(admission, admitted._replace(**{field: value}))


def test_an_admission_to_pull_does_not_cover_a_run(scene: Scene) -> None:
    scene.sign()
    admission = scene.gate().admit(scene.ref, RUN._replace(purpose="pull"))
    with pytest.raises(AdmissionDenied, match="purpose"):
        require_covers(admission, RUN)


POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: NAME}
spec:
  trust: {keys: {mine: {pem: keys/mine.pub}}}
  verify: {signatures: {key: mine}}
"""


def write_policy(folder: Path, name: str = "one") -> Path:
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    (folder / "keys" / "mine.pub").write_bytes(PEM)
    path = folder / f"{name}.yaml"
    path.write_text(POLICY.replace("NAME", name))
    return path


def test_a_policy_file_finds_its_keys_beside_it_and_decides(scene: Scene, tmp_path: Path) -> None:
    scene.policy = read_policy(write_policy(tmp_path / "p"))
    scene.sign()
    assert scene.gate().admit(scene.ref, RUN).decision.policy_name == "one"


def test_a_directory_of_policies_is_one_policy(tmp_path: Path) -> None:
    write_policy(tmp_path, "one")
    write_policy(tmp_path, "two")
    policy = read_policy(tmp_path)
    assert [section.name for section in policy.sections] == ["one", "two"]
    assert [key.name for key in trust_roots(policy).keys] == ["mine"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda key: key.unlink(), "cannot read"),
        (lambda key: key.write_bytes(b"x"), "not a usable public key"),
        (lambda key: key.write_bytes(b"x" * 70_000), "is larger than"),
        (lambda key: key.write_bytes(KEY.to_pkcs8()), "not a usable public key"),
    ],
)
def test_a_policy_whose_key_is_unusable_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], reason: str
) -> None:
    path = write_policy(tmp_path)
    damage(tmp_path / "keys" / "mine.pub")
    with pytest.raises(PolicySyntaxError, match=reason):
        read_policy(path)
    assert read_policy(path, resolve=False).sections[0].name == "one"


@pytest.mark.parametrize("path", ["missing.yaml", "."])
def test_a_missing_policy_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(PolicySyntaxError):
        read_policy(tmp_path / path)
