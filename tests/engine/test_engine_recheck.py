"""Nothing starts that is not admitted now, as it is, byte for byte."""

from datetime import timedelta
from pathlib import Path

import pytest

from peers import images
from peers.engine_bench import Bench, Blobs, admit, now, resolved
from trustkit.engine.errors import NoSuchImageError
from trustkit.engine.values import Status
from trustkit.errors import AdmissionDenied, DigestMismatchError, StorageError
from trustkit.model.digest import Digest
from trustkit.model.image import ResolvedImage
from trustkit.model.run import Mount, RunSpec


def blob_path(engine: Bench, digest: Digest) -> Path:
    root = engine.settings.directory / "containerd" / "io.containerd.content.v1.content" / "blobs"
    return root / digest.algorithm / digest.hex


def change_one_byte(path: Path) -> None:
    mode = path.stat().st_mode
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(mode)


@pytest.mark.parametrize("which", ["root", "config", "layer"])
def test_one_changed_byte_stops_the_start(own_engine: Bench, which: str) -> None:
    container = own_engine.create("true")
    image = own_engine.image
    digest = {"root": image.root.digest, "config": image.config.digest, "layer": image.layers[0].digest}[which]
    change_one_byte(blob_path(own_engine, digest))
    with pytest.raises(DigestMismatchError) as caught:
        own_engine.start(container)
    assert str(digest) in caught.value.message
    assert own_engine.run(own_engine.service.inspect(container)).status is Status.CREATED
    assert own_engine.run(own_engine.service._parts.tasks.state(container)) is None
    with pytest.raises(DigestMismatchError):
        own_engine.create("true")


def test_what_is_to_happen_before_the_run_does_not_when_a_check_fails(own_engine: Bench) -> None:
    container = own_engine.create("true")
    image = own_engine.image
    change_one_byte(blob_path(own_engine, image.layers[0].digest))
    called = []

    async def before_run() -> None:
        called.append("before the run")

    permit = admit(image, RunSpec(command=("true",), network="none"))
    with pytest.raises(DigestMismatchError):
        own_engine.run(own_engine.service.start(container, permit, now(), before_run))
    assert called == []


def test_nothing_runs_when_what_is_to_happen_before_fails(own_engine: Bench) -> None:
    container = own_engine.create("touch", "/ran")

    async def before_run() -> None:
        raise StorageError("the log is full")

    permit = admit(own_engine.image, RunSpec(command=("touch", "/ran"), network="none"))
    with pytest.raises(StorageError):
        own_engine.run(own_engine.service.start(container, permit, now(), before_run))
    assert own_engine.run(own_engine.service._parts.tasks.state(container)) is None
    assert own_engine.run(own_engine.service.inspect(container)).started_at is None


def test_a_missing_layer_stops_the_start_and_a_pull_heals_it(own_engine: Bench) -> None:
    container = own_engine.create("true")
    path = blob_path(own_engine, own_engine.image.layers[0].digest)
    change_one_byte(path)
    own_engine.pull()
    own_engine.start(container)
    assert own_engine.run(own_engine.service.wait(container)).code == 0
    path.unlink()
    with pytest.raises(DigestMismatchError):
        own_engine.start(container)


def test_an_expired_admission_is_refused(engine: Bench) -> None:
    container = engine.create("true")
    spec = RunSpec(command=("true",), network="none")
    old = admit(engine.image, spec, seconds=10, at=now() - timedelta(seconds=11))
    with pytest.raises(AdmissionDenied):
        engine.run(engine.service.start(container, old, now()))
    with pytest.raises(AdmissionDenied):
        engine.run(engine.service.create(old, spec, now()))


def test_an_admission_from_the_future_is_refused(engine: Bench) -> None:
    spec = RunSpec(command=("true",), network="none")
    with pytest.raises(AdmissionDenied):
        engine.run(engine.service.create(admit(engine.image, spec, at=now() + timedelta(seconds=60)), spec, now()))


def other_image() -> ResolvedImage:
    return resolved(images.build(files={"other": b"1"}))


def test_an_admission_for_another_image_starts_nothing(engine: Bench) -> None:
    container = engine.create("true")
    other = engine.pull(images.build(files={"other": b"1"}))
    with pytest.raises(AdmissionDenied):
        engine.start(container, other)
    assert engine.run(engine.service.inspect(container)).status is Status.CREATED


def test_an_image_that_is_not_pulled_makes_no_container(engine: Bench) -> None:
    with pytest.raises(NoSuchImageError):
        engine.create("true", image=resolved(images.build(files={"never": b"pulled"})))


WIDER = [
    {"privileged": True},
    {"network": "host"},
    {"mounts": (Mount("/tmp", "/mnt"),)},
    {"capabilities_added": ("SYS_ADMIN",)},
    {"user": "nobody"},
    {"command": ("id",)},
    {"entrypoint": ("/bin/sh",)},
]


@pytest.mark.parametrize("fields", WIDER, ids=lambda fields: next(iter(fields)))
def test_a_wider_request_than_admitted_is_refused(engine: Bench, fields: dict[str, object]) -> None:
    narrow = RunSpec(command=("true",), network="none")
    wide = narrow._replace(**fields)
    with pytest.raises(AdmissionDenied):
        engine.run(engine.service.create(admit(engine.image, narrow), wide, now()))
    assert engine.run(engine.service.list(every=True)) == ()


@pytest.mark.parametrize("fields", WIDER, ids=lambda fields: next(iter(fields)))
def test_a_container_is_not_started_by_a_narrower_admission(engine: Bench, fields: dict[str, object]) -> None:
    narrow = RunSpec(command=("true",), network="none")
    wide = narrow._replace(**fields)
    container = engine.run(engine.service.create(admit(engine.image, wide), wide, now())).id
    with pytest.raises(AdmissionDenied):
        engine.run(engine.service.start(container, admit(engine.image, narrow), now()))
    assert engine.run(engine.service.inspect(container)).status is Status.CREATED


def test_dropped_capabilities_must_be_dropped(engine: Bench) -> None:
    narrow = RunSpec(command=("true",), network="none", capabilities_dropped=("ALL",))
    with pytest.raises(AdmissionDenied):
        engine.run(engine.service.create(admit(engine.image, narrow), narrow._replace(capabilities_dropped=()), now()))


def test_a_layer_that_unpacks_to_other_bytes_is_refused(engine: Bench) -> None:
    honest = images.build(files={"a": b"1"})
    other = images.build(files={"a": b"2"})
    mixed = resolved(honest)._replace(
        layers=(resolved(honest).layers[0], resolved(other).layers[1]),
    )
    with pytest.raises(DigestMismatchError):
        engine.run(engine.service.pull(admit(mixed, RunSpec()), mixed, Blobs({**honest.blobs, **other.blobs}), now()))


def test_a_source_that_lies_leaves_nothing(engine: Bench) -> None:
    built = images.build(files={"lied": b"about"})
    image = resolved(built)
    lies = {
        digest: (content[:-1] + b"!" if digest == built.layers[1] else content)
        for digest, content in built.blobs.items()
    }
    with pytest.raises(DigestMismatchError):
        engine.run(engine.service.pull(admit(image, RunSpec()), image, Blobs(lies), now()))
    assert not blob_path(engine, image.layers[1].digest).exists()
    with pytest.raises(NoSuchImageError):
        engine.run(engine.service.image(str(image.digest)))


def test_an_admission_to_verify_does_not_pull(engine: Bench) -> None:
    built = images.build(files={"seen": b"only"})
    image = resolved(built)
    admission = admit(image, RunSpec())
    looked = admission._replace(request=admission.request._replace(purpose="verify"))
    with pytest.raises(AdmissionDenied):
        engine.run(engine.service.pull(looked, image, Blobs(built.blobs), now()))
