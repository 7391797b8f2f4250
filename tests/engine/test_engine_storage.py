"""A disk that is full or read-only ends in one clear error, and a second try works."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peers import images
from peers.engine_bench import Bench, Blobs, admit, now, resolved
from peers.workspace import short_folder
from trustkit.engine.errors import EngineError, NoSuchImageError
from trustkit.engine.service import EngineService
from trustkit.engine.settings import EngineSettings
from trustkit.errors import StorageError
from trustkit.model.run import RunSpec

FREE = 24


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    place = folder / "s"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)


def test_a_read_only_state_folder_is_a_storage_error() -> None:
    with short_folder("ro") as folder, disk(folder, "ro") as place:
        settings = EngineSettings(place, folder / "r", now)
        with pytest.raises(StorageError):
            asyncio.run(EngineService.open(settings))


def test_a_pull_onto_a_full_disk_fails_cleanly_and_works_once_there_is_room() -> None:
    built = images.build(files={"big": os.urandom(FREE << 20)})
    with short_folder("full") as folder, disk(folder, f"size={FREE}m") as place:
        engine = Bench(folder)
        try:
            image = resolved(built)
            pull = (admit(image, RunSpec()), image, Blobs(built.blobs))
            with pytest.raises((EngineError, StorageError)) as caught:
                engine.run(engine.service.pull(*pull, now()))
            assert "\n" not in caught.value.message
            with pytest.raises(NoSuchImageError):
                engine.run(engine.service.image(str(image.digest)))
            subprocess.run(["mount", "-o", f"remount,size={8 * FREE}m", place], check=True)
            engine.run(engine.service.pull(*pull, now()))
            assert engine.output("ls", "/big", image=image) == (0, "/big\n")
        finally:
            engine.close()


def test_many_pulls_of_one_image_at_once_all_succeed(own_engine: Bench) -> None:
    built = images.build(files={"big": os.urandom(8 << 20)})
    image = resolved(built)

    async def pulled() -> None:
        pulls = (own_engine.service.pull(admit(image, RunSpec()), image, Blobs(built.blobs), now()) for _ in range(6))
        await asyncio.gather(*pulls)

    own_engine.run(pulled())
    assert own_engine.output("ls", "/big", image=image) == (0, "/big\n")
