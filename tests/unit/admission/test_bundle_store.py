"""Policy bundles as they are kept: what takes the place of the one in force, and everything that does not."""

import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trustkit import limits
from trustkit.admission import bundle_store
from trustkit.admission.bundle_refresh import Refresher
from trustkit.admission.bundle_store import BundleStore
from trustkit.admission.policies import builtin_policy, policy_from, trust_roots
from trustkit.admission.policy_bundle import Pins, pack, push, require_newer
from trustkit.audit.log import DecisionLog
from trustkit.codec import policy_bundle
from trustkit.codec.oci_build import manifest_bytes
from trustkit.codec.oci_manifest import Manifest
from trustkit.errors import (
    DigestMismatchError,
    LimitExceededError,
    MalformedError,
    MediaTypeError,
    PolicySyntaxError,
    RollbackError,
    StorageError,
    TrustExpiredError,
    TrustkitError,
    UnreachableError,
    UntrustedSignerError,
)
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.image import OCI_EMPTY, OCI_MANIFEST, Descriptor
from trustkit.model.keys import KeyLife, KeyRevocation
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push as attach
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.keys import SigningKey
from trustkit.signing.sign import Subjected, sign

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SIGNER, STRANGER, RELEASE = (provider().generate("ecdsa-p256") for _ in range(3))
REFERENCE = "oci://registry.example/policies:prod"
POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: prod, revision: REVISION}
spec:
  trust: {keys: {release: {pem: ../keys/release.pub}}}
  verify: {signatures: {key: release}}
"""


class Registry:
    """A layout that stands for a registry, and what is pushed to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = LayoutFolder.create(folder / "registry")
        self.source = folder / "source" / "policies"
        self.source.mkdir(parents=True)
        keys = folder / "source" / "keys"
        keys.mkdir()
        (keys / "release.pub").write_bytes(public_key_to_pem(RELEASE.public))
        self.down = False

    def open(self, ref: ImageRef) -> LayoutFolder:
        if self.down:
            raise UnreachableError(f"{ref.registry} does not answer")
        return self.place

    def write(self, revision: int, text: str = POLICY) -> Path:
        file = self.source / "prod.yaml"
        file.write_text(text.replace("REVISION", str(revision)))
        return self.source

    def publish(self, revision: int, key: SigningKey | None = SIGNER, text: str = POLICY) -> Descriptor:
        """Push a policy, sign it, and let the tag name it."""
        bundle = push(pack(self.write(revision, text)), self.place)
        return self.name(bundle, key)

    def crafted(self, files: dict[str, bytes], artifact_type: str = policy_bundle.ARTIFACT_TYPE) -> Descriptor:
        """Push and sign what nobody should push."""
        title = "org.opencontainers.image.title"
        layers = tuple(
            Descriptor(policy_bundle.FILE_TYPE, self.place.put_blob(content), len(content), {title: path})
            for path, content in files.items()
        )
        config = Descriptor(OCI_EMPTY, self.place.put_blob(b"{}"), 2)
        content = manifest_bytes(Manifest(OCI_MANIFEST, config, layers, artifact_type=artifact_type))
        bundle = Descriptor(OCI_MANIFEST, self.place.put_manifest(content, OCI_MANIFEST), len(content))
        return self.name(bundle, SIGNER)

    def name(self, bundle: Descriptor, key: SigningKey | None) -> Descriptor:
        if key is not None:
            attach(sign(Subjected(bundle.digest, "registry.example/policies"), key), bundle, self.place)
        self.place.put_manifest(self.place.manifest(str(bundle.digest)).content, OCI_MANIFEST, "prod")
        return bundle


def pins(*keys: SigningKey, threshold: int = 1, lives: dict[str, KeyLife] | None = None) -> Pins:
    policy = builtin_policy(
        {str(number): public_key_to_pem(key.public) for number, key in enumerate(keys)}, threshold=threshold
    )
    return Pins(policy, trust_roots(policy, lives), (SigstoreBundle(),), provider())


class Scene(Registry):
    """A registry, and a machine that follows it."""

    def store(self, *keys: SigningKey, **more: object) -> BundleStore:
        return BundleStore(self.folder / "kept", REFERENCE, pins(*(keys or (SIGNER,)), **more), self.open, 24)

    def revision(self, now: datetime = NOW, store: BundleStore | None = None) -> int:
        """The revision of the policy in force, read anew."""
        bundle_store._MEMORY._held.clear()
        return policy_from((store or self.store()).documents(now)).sections[0].revision


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_signed_bundle_is_fetched_the_first_time_and_kept(scene: Scene) -> None:
    scene.publish(1)
    assert scene.revision() == 1
    scene.down = True
    policy = policy_from(scene.store().documents(NOW))
    assert policy.sections[0].keys[0].fingerprint == RELEASE.public.fingerprint


def test_a_newer_bundle_takes_its_place(scene: Scene) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    scene.publish(2)
    assert scene.revision() == 1
    found = scene.store().refresh(NOW + HOUR)
    assert (found.changed, found.state.revision, scene.revision(NOW + HOUR)) == (True, 2, 2)


def test_the_same_bundle_is_confirmed(scene: Scene) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    found = scene.store().refresh(NOW + HOUR)
    assert (found.changed, found.state.checked, found.state.installed) == (False, NOW + HOUR, NOW)


def kept(scene: Scene, error: type[TrustkitError], match: str, spoil: Callable[[], object]) -> None:
    """Publish revision 5, spoil what comes after, and expect that it is refused and changes nothing."""
    scene.publish(5)
    scene.store().refresh(NOW)
    spoil()
    with pytest.raises(error, match=match):
        scene.store().refresh(NOW + HOUR)
    state = scene.store().state()
    assert state is not None
    assert (state.revision, state.checked, state.tried, bool(state.problem)) == (5, NOW, NOW + HOUR, True)
    assert scene.revision(NOW + HOUR) == 5


def test_an_unsigned_bundle_is_refused(scene: Scene) -> None:
    kept(scene, UntrustedSignerError, "requires a signature", lambda: scene.publish(6, None))


def test_a_bundle_signed_by_another_key_is_refused(scene: Scene) -> None:
    kept(scene, UntrustedSignerError, "requires a signature", lambda: scene.publish(6, STRANGER))


def test_an_older_bundle_is_refused(scene: Scene) -> None:
    kept(scene, RollbackError, "offers revision 4 of the policy, and 5 was in force", lambda: scene.publish(4))


def test_another_bundle_of_the_same_revision_is_refused(scene: Scene) -> None:
    text = POLICY.replace("name: prod", "name: other")
    kept(scene, RollbackError, "other bytes as revision 5", lambda: scene.publish(5, text=text))


# --- revisions of single documents --------------------------------------------------------------------

TWO = POLICY.strip() + "\n---\n" + POLICY.replace("prod, revision: REVISION", "other, revision: OTHER").strip() + "\n"


def two(scene: Scene, revision: int, other: str, *, refresh: bool = True) -> None:
    """Publish a bundle of the documents `prod` and `other`."""
    scene.publish(revision, text=TWO.replace("OTHER", other))
    if refresh:
        scene.store().refresh(NOW)


def refused(scene: Scene, match: str) -> None:
    before = scene.store().state()
    assert before is not None
    with pytest.raises(RollbackError, match=match):
        scene.store().refresh(NOW)
    after = scene.store().state()
    assert after is not None
    assert (after.digest, after.revisions, match in after.problem) == (before.digest, before.revisions, True)


def test_a_document_that_goes_down_while_another_goes_up_is_refused(scene: Scene) -> None:
    two(scene, 5, "3")
    two(scene, 6, "2", refresh=False)
    refused(scene, "revision 2 of the document other, and 3 was in force")
    assert scene.revision() == 3  # of `other`, the first by name


def test_the_highest_document_may_not_go_down_behind_another(scene: Scene) -> None:
    two(scene, 5, "3")
    two(scene, 4, "9", refresh=False)
    refused(scene, "revision 4 of the document prod, and 5 was in force")


def test_a_document_that_loses_its_revision_is_refused(scene: Scene) -> None:
    two(scene, 5, "3")
    scene.publish(6, text=TWO.replace(", revision: OTHER", ""))
    refused(scene, "revision 0 of the document other, and 3 was in force")


def test_a_document_that_was_away_may_not_come_back_older(scene: Scene) -> None:
    two(scene, 5, "3")
    scene.publish(6)
    scene.store().refresh(NOW)
    two(scene, 7, "2", refresh=False)
    refused(scene, "revision 2 of the document other, and 3 was in force")
    two(scene, 7, "3")
    assert dict(scene.store().state().revisions) == {"prod": 7, "other": 3}  # type: ignore[union-attr]


def test_a_document_of_a_namespace_may_not_go_down(scene: Scene) -> None:
    scene.write(1)
    own = scene.source.parent / "namespaces" / "team-a" / "own.yaml"
    own.parent.mkdir(parents=True)
    text = POLICY.replace("../keys", "../../keys").replace("name: prod", "name: own")
    own.write_text(text.replace("REVISION", "4"))
    scene.publish(5)
    scene.store().refresh(NOW)
    own.write_text(text.replace("REVISION", "3"))
    scene.publish(6)
    refused(scene, "revision 3 of the document team-a/own, and 4 was in force")


def test_a_document_that_stays_or_is_new_needs_no_higher_revision_than_its_own(scene: Scene) -> None:
    scene.publish(5)
    scene.store().refresh(NOW)
    two(scene, 6, "1")
    two(scene, 7, "1")
    assert scene.store().state().revision == 7  # type: ignore[union-attr]


def of_before(scene: Scene) -> Path:
    """Make the state one of before revisions of documents were remembered; return the folder of what is kept."""
    folder = next((scene.folder / "kept").iterdir())
    state = json.loads((folder / "state.json").read_text())
    del state["revisions"]
    (folder / "state.json").write_text(json.dumps(state))
    return folder


def test_a_state_of_before_takes_the_revisions_from_the_bundle_in_force(scene: Scene) -> None:
    two(scene, 5, "3")
    of_before(scene)
    assert scene.revision() == 3
    two(scene, 6, "2", refresh=False)
    refused(scene, "revision 2 of the document other, and 3 was in force")
    two(scene, 6, "4")
    assert dict(scene.store().state().revisions) == {"prod": 6, "other": 4}  # type: ignore[union-attr]


def test_a_state_of_before_whose_bundle_was_changed_takes_nothing_new(scene: Scene) -> None:
    two(scene, 5, "3")
    blobs = of_before(scene) / "1" / "blobs"
    for blob in blobs.iterdir():
        blob.write_bytes(blob.read_bytes().replace(b"revision: 3", b"revision: 1"))
    two(scene, 6, "2", refresh=False)
    with pytest.raises(DigestMismatchError):
        scene.store().refresh(NOW)


def test_more_documents_than_are_remembered_are_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "POLICY_BUNDLE_NAMES", 2)
    two(scene, 5, "3")
    scene.publish(6, text=TWO.replace("name: other", "name: third").replace("OTHER", "1"))
    with pytest.raises(LimitExceededError, match="has had 3 documents"):
        scene.store().refresh(NOW)


def test_what_machines_would_refuse_is_not_pushed(scene: Scene) -> None:
    two(scene, 5, "3")
    scene.write(6, TWO.replace("OTHER", "2"))
    packed = pack(scene.source)
    bundle = push(packed, scene.place)
    with pytest.raises(RollbackError, match="prod holds revision 3 of other, and this has revision 2"):
        require_newer(packed, scene.place, "prod", bundle.digest)
    packed = pack(scene.write(6, TWO.replace("OTHER", "3")))
    require_newer(packed, scene.place, "prod", push(packed, scene.place).digest)


@pytest.mark.parametrize(
    ("files", "artifact_type"),
    [
        ({"policy/prod.yaml": b"kind: Policy\n"}, policy_bundle.ARTIFACT_TYPE),
        ({"policy/p.txt": b"x"}, policy_bundle.ARTIFACT_TYPE),
        ({"policy/prod.yaml": b"x"}, "x/y"),
    ],
)
def test_anything_may_be_pushed_over_what_is_no_policy(
    scene: Scene, files: dict[str, bytes], artifact_type: str
) -> None:
    scene.crafted(files, artifact_type)
    packed = pack(scene.write(1))
    require_newer(packed, scene.place, "prod", push(packed, scene.place).digest)


# --- what else does not take the place ----------------------------------------------------------------


def test_a_registry_that_is_down_changes_nothing(scene: Scene) -> None:
    kept(scene, UnreachableError, "does not answer", lambda: setattr(scene, "down", True))


def test_a_policy_that_does_not_load_is_refused(scene: Scene) -> None:
    files = {"policy/prod.yaml": b"apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: x, revision: 9}\n"}
    kept(scene, PolicySyntaxError, "spec", lambda: scene.crafted(files))


def test_a_bundle_without_a_revision_is_refused(scene: Scene) -> None:
    key = public_key_to_pem(RELEASE.public)
    files = {"policy/p.yaml": POLICY.replace(", revision: REVISION", "").encode(), "keys/release.pub": key}
    kept(scene, PolicySyntaxError, "no document has a revision", lambda: scene.crafted(files))


def test_a_bundle_without_its_keys_is_refused(scene: Scene) -> None:
    files = {"policy/prod.yaml": POLICY.replace("REVISION", "9").encode()}
    kept(scene, PolicySyntaxError, "not in the bundle", lambda: scene.crafted(files))


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../etc/hostname", "../../policy/../../etc/hostname"])
def test_a_bundle_reads_no_file_of_this_machine(scene: Scene, path: str) -> None:
    files = {"policy/prod.yaml": POLICY.replace("REVISION", "9").replace("../keys/release.pub", path).encode()}
    kept(scene, PolicySyntaxError, "not in the bundle", lambda: scene.crafted(files))


@pytest.mark.parametrize(
    "path",
    ["../prod.yaml", "/policy/prod.yaml", "policy/../../x.yaml", "policy//x.yaml", "./policy/x.yaml", "policy/.x",
     "policy/x\x00.yaml", "", "policy\\x.yaml", "a/" * 9 + "x", "policy/" + "x" * 200],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(scene: Scene, path: str) -> None:
    kept(scene, MalformedError, "no path in a bundle", lambda: scene.crafted({path: b"x"}))


def test_two_files_of_one_name_are_refused(scene: Scene) -> None:
    files = {"policy/p.yaml": b"x", "policy/P.yaml": b"y"}
    kept(scene, MalformedError, "two files of one name", lambda: scene.crafted(files))


def test_too_many_files_are_refused(scene: Scene) -> None:
    kept(scene, LimitExceededError, "files", lambda: scene.crafted({f"policy/{n}.yaml": b"x" for n in range(257)}))


def test_a_signed_image_is_no_bundle(scene: Scene) -> None:
    kept(scene, MediaTypeError, "not a policy bundle", lambda: scene.crafted({"policy/p.yaml": b"x"}, "x/y"))


def test_a_bundle_of_which_a_file_is_cut_short_is_refused(scene: Scene) -> None:
    def cut() -> None:
        scene.publish(6)
        digest = pack(scene.write(6)).files["policy/prod.yaml"]
        blob = next(file for file in (scene.place._folder / "blobs/sha256").iterdir() if file.read_bytes() == digest)
        blob.write_bytes(digest[:-1])

    kept(scene, TrustkitError, "sha256:", cut)


def test_both_of_two_signers_are_needed_when_two_are_asked_for(scene: Scene) -> None:
    bundle = scene.publish(1)
    store = scene.store(SIGNER, STRANGER, threshold=2)
    with pytest.raises(UntrustedSignerError, match="found only 0"):
        store.documents(NOW)
    scene.name(bundle, STRANGER)
    assert scene.revision(store=store) == 1


def test_what_is_kept_does_not_count_under_other_signers(scene: Scene) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    with pytest.raises(UntrustedSignerError):
        scene.revision(store=scene.store(STRANGER))


def test_what_is_kept_does_not_count_once_its_signer_is_revoked(scene: Scene) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    life = KeyLife(revoked=KeyRevocation(NOW - HOUR, "stolen"))
    with pytest.raises(UntrustedSignerError, match="stolen"):
        scene.revision(store=scene.store(lives={SIGNER.public.fingerprint: life}))


def test_a_signature_that_was_added_later_is_kept_as_well(scene: Scene) -> None:
    bundle = scene.publish(1)
    scene.store().refresh(NOW)
    scene.name(bundle, STRANGER)
    scene.store().refresh(NOW)
    scene.down = True
    assert scene.revision(store=scene.store(STRANGER)) == 1


JUNK = "application/vnd.dev.sigstore.bundle.v0.3+json"


def attached(scene: Scene, bundle: Descriptor, content: bytes) -> None:
    """Lay something beside a bundle, as anybody may who can push to its repository."""
    layer = Descriptor(JUNK, scene.place.put_blob(content), len(content))
    config = Descriptor(OCI_EMPTY, scene.place.put_blob(b"{}"), 2)
    manifest = Manifest(OCI_MANIFEST, config, (layer,), artifact_type=JUNK, subject=bundle)
    scene.place.put_manifest(manifest_bytes(manifest), OCI_MANIFEST)


def signature_of(bundle: Descriptor) -> bytes:
    """A signature that verifies, and goes on to if spaces follow it."""
    return sign(Subjected(bundle.digest, "registry.example/policies"), SIGNER).content


def beside(scene: Scene) -> int:
    return (next((scene.folder / "kept").iterdir()) / "1" / "evidence.json").stat().st_size


@pytest.mark.parametrize("before", [True, False])
def test_what_others_lay_beside_a_bundle_does_not_stop_decisions(scene: Scene, before: bool) -> None:
    bundle = scene.publish(1)
    if before:
        scene.store().refresh(NOW)
    for letter in (b"A", b"B"):
        attached(scene, bundle, letter * (15 * 1024 * 1024))
    scene.store().refresh(NOW + HOUR)
    assert scene.revision(NOW + HOUR) == 1
    assert beside(scene) < limits.POLICY_EVIDENCE_BYTES


def test_padded_copies_of_the_signature_do_not_stop_decisions(scene: Scene) -> None:
    bundle = scene.publish(1)
    for number in range(3):
        attached(scene, bundle, signature_of(bundle) + b" " * (2 * 1024 * 1024 + number))
    scene.store().refresh(NOW)
    assert scene.revision() == 1
    assert beside(scene) < limits.POLICY_EVIDENCE_BYTES


def test_a_signature_that_cannot_be_kept_is_refused(scene: Scene) -> None:
    def published() -> None:
        other = push(pack(scene.write(6)), scene.place)
        attached(scene, other, signature_of(other) + b" " * limits.POLICY_EVIDENCE_BYTES)
        scene.name(other, None)

    kept(scene, LimitExceededError, "signatures do not fit", published)


@pytest.mark.parametrize(
    ("file", "reason"),
    [("manifest", "is not what was verified"), ("evidence.json", "is not JSON"), ("blobs", "is not what was verified")],
)
def test_what_cannot_be_read_back_does_not_take_the_place(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, file: str, reason: str
) -> None:
    really = bundle_store.write_file

    def lossy(path: Path, content: bytes) -> None:
        really(path, content[: len(content) // 2] if file in (path.name, path.parent.name) else content)

    def published() -> None:
        scene.publish(6)
        monkeypatch.setattr(bundle_store, "write_file", lossy)

    kept(scene, TrustkitError, reason, published)


def test_what_was_not_confirmed_for_too_long_does_not_count(scene: Scene) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    assert scene.revision(NOW + 24 * HOUR - timedelta(seconds=1)) == 1
    with pytest.raises(TrustExpiredError, match="last confirmed"):
        scene.revision(NOW + 24 * HOUR)


@pytest.mark.parametrize("file", ["manifest", "evidence.json", "blob"])
def test_what_was_changed_on_disk_does_not_count(scene: Scene, file: str) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    folder = next((scene.folder / "kept").iterdir()) / "1"
    largest = max((folder / "blobs").iterdir(), key=lambda blob: blob.stat().st_size)
    chosen = largest if file == "blob" else folder / file
    content = bytearray(chosen.read_bytes())
    content[len(content) // 2] ^= 1
    chosen.write_bytes(content)
    with pytest.raises((DigestMismatchError, UntrustedSignerError, MalformedError)):
        scene.revision()


def test_a_manifest_that_says_the_same_in_other_bytes_does_not_count(scene: Scene) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    file = next((scene.folder / "kept").iterdir()) / "1" / "manifest"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(DigestMismatchError):
        scene.revision()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"revision": 1}', b"\xff"])
def test_a_state_that_is_none_does_not_count(scene: Scene, content: bytes) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    (next((scene.folder / "kept").iterdir()) / "state.json").write_bytes(content)
    with pytest.raises(TrustkitError):
        scene.revision()


def test_another_reference_has_a_memory_of_its_own(scene: Scene) -> None:
    scene.publish(9)
    scene.store().refresh(NOW)
    other = BundleStore(scene.folder / "kept", "oci://registry.example/other:prod", pins(SIGNER), scene.open, 24)
    scene.publish(2)
    assert scene.revision(store=other) == 2


def test_a_full_disk_leaves_the_bundle_before_in_force(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise StorageError(f"{path}: no space left on device")

    scene.publish(1)
    scene.store().refresh(NOW)
    scene.publish(2)
    monkeypatch.setattr(bundle_store, "write_file", full)
    with pytest.raises(StorageError):
        scene.store().refresh(NOW)
    assert scene.revision() == 1


@pytest.mark.parametrize("writes", range(6))
def test_a_process_killed_in_the_middle_leaves_one_whole_bundle_in_force(scene: Scene, writes: int) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    scene.publish(2)
    child = os.fork()
    if child == 0:
        done = 0
        really = bundle_store.write_file

        def killed(path: Path, content: bytes) -> None:
            nonlocal done
            if done == writes:
                path.with_name("part").write_bytes(content[: len(content) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            really(path, content)

        bundle_store.write_file = killed
        scene.store().refresh(NOW)
        os._exit(0)
    os.waitpid(child, 0)
    assert scene.revision() in ((1,) if writes < 5 else (1, 2))
    assert scene.store().refresh(NOW).state.revision == 2
    assert scene.revision() == 2


def test_many_at_once_leave_the_newest_in_force(scene: Scene) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    scene.publish(2)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: scene.store().refresh(NOW), range(16)))
    assert sum(one.changed for one in found) == 1
    assert scene.revision() == 2


def test_only_the_bundle_in_force_and_the_one_before_are_kept(scene: Scene) -> None:
    for revision in range(1, 6):
        scene.publish(revision)
        scene.store().refresh(NOW)
    folder = next((scene.folder / "kept").iterdir())
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["4", "5"]


@pytest.fixture
def log(tmp_path: Path) -> DecisionLog:
    return DecisionLog(tmp_path / "audit", provider())


def test_a_daemon_takes_newer_bundles_and_tells_each_refusal_once(scene: Scene, log: DecisionLog) -> None:
    refresher = Refresher(lambda: (scene.store(), 60), log, lambda: NOW)
    scene.publish(1)
    assert refresher.once() == 60
    scene.publish(2, STRANGER)
    refresher.once()
    refresher.once()
    assert [one.event.kind for one in log.records()] == ["policy.refused"]
    assert scene.revision() == 1
    scene.publish(3)
    refresher.once()
    assert scene.revision() == 3


def test_a_daemon_tells_once_why_there_is_no_bundle_yet(scene: Scene, log: DecisionLog) -> None:
    refresher = Refresher(lambda: (scene.store(), 60), log, lambda: NOW)
    scene.publish(1, STRANGER)
    refresher.once()
    refresher.once()
    (told,) = (one.event for one in log.records())
    assert (told.kind, told.body["in_force"]) == ("policy.refused", {"name": "", "digest": ""})
    assert (told.body["file"], told.body["actor"]) == (REFERENCE, "daemon")


def test_a_daemon_with_a_broken_state_goes_on_and_tells(scene: Scene, log: DecisionLog) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    (next((scene.folder / "kept").iterdir()) / "state.json").write_bytes(b"{}")
    assert Refresher(lambda: (scene.store(), 60), log, lambda: NOW).once() == 60
    assert [one.event.kind for one in log.records()] == ["policy.refused"]


def test_a_policy_whose_keys_lie_elsewhere_is_not_packed(scene: Scene, tmp_path: Path) -> None:
    far = tmp_path / "far.pub"
    far.write_bytes(public_key_to_pem(RELEASE.public))
    with pytest.raises(PolicySyntaxError, match="lies outside"):
        pack(scene.write(1, POLICY.replace("../keys/release.pub", str(far))))


def test_a_packed_policy_holds_its_files_and_no_others(scene: Scene) -> None:
    (scene.source / "notes.txt").write_text("x")
    namespaces = scene.source.parent / "namespaces" / "shop"
    namespaces.mkdir(parents=True)
    own = POLICY.replace("name: prod", "name: own").replace("../keys", "../../keys")
    (namespaces / "own.yaml").write_text(own.replace("REVISION", "7"))
    packed = pack(scene.write(3))
    assert sorted(packed.files) == ["keys/release.pub", "namespaces/shop/own.yaml", "policy/prod.yaml"]
    assert packed.revision == 7


def test_the_state_is_what_people_may_read(scene: Scene) -> None:
    scene.publish(1)
    scene.store().refresh(NOW)
    state = json.loads((next((scene.folder / "kept").iterdir()) / "state.json").read_text())
    assert (state["reference"], state["revision"], state["checked"]) == (REFERENCE, 1, NOW.isoformat())
