"""An engine on a private containerd, with images put straight into it and admissions made by hand."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from peers import images
from peers.workspace import short_folder
from trustkit.engine.request import facts_of
from trustkit.engine.service import EngineService
from trustkit.engine.settings import EngineSettings
from trustkit.model.admission import Admission
from trustkit.model.decision import ALLOW, Decision
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor, Platform, ResolvedImage
from trustkit.model.reference import ImageRef
from trustkit.model.run import RunSpec

Result = TypeVar("Result")
TIMEOUT_SECONDS = 60


def now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


class Blobs:
    """A BlobSource over a built image."""

    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        self._blobs = blobs

    def open(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield it in two pieces."""
        content = self._blobs[str(descriptor.digest)]
        yield content[: len(content) // 2]
        yield content[len(content) // 2 :]


def resolved(image: images.Image, name: str = "registry.test/app:1") -> ResolvedImage:
    """The built image as resolution would give it."""
    manifest = json.loads(image.manifest)
    root = Descriptor(image.media_type, Digest.parse(image.digest), len(image.manifest))
    items = [
        Descriptor(i["mediaType"], Digest.parse(i["digest"]), i["size"])
        for i in [manifest["config"], *manifest["layers"]]
    ]
    return ResolvedImage(
        ref=ImageRef.parse(name),
        root=root,
        root_bytes=image.manifest,
        manifest=root,
        manifest_bytes=image.manifest,
        config=items[0],
        config_bytes=image.blobs[image.config],
        layers=tuple(items[1:]),
        platform=Platform("linux", "amd64"),
    )


def admit(image: ResolvedImage, spec: RunSpec, *, seconds: int = 300, at: datetime | None = None) -> Admission:
    """An admission as the gate would make it."""
    config = json.loads(image.config_bytes)["config"]
    issued = at or now()
    return Admission(
        id="admission-1",
        image=image,
        request=facts_of(spec, config, actor="test"),
        decision=Decision(ALLOW, (), Digest("sha256", "0" * 64)),
        issued_at=issued,
        expires_at=issued + timedelta(seconds=seconds),
        record=1,
    )


class Bench:
    """A service with its own event loop, so that tests are plain functions."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.settings = EngineSettings(directory=folder / "s", run_directory=folder / "r", clock=now, **settings)  # type: ignore[arg-type]
        self.runner = asyncio.Runner()
        self.service = self.run(EngineService.open(self.settings))
        self.image = resolved(images.build())
        self.blobs = dict(images.build().blobs)

    def run(self, work: Coroutine[object, object, Result]) -> Result:
        """Run a coroutine to its end, not for ever."""

        async def bounded() -> Result:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await work

        return self.runner.run(bounded())

    def pull(self, image: images.Image | None = None) -> ResolvedImage:
        """Put an image into the engine."""
        found = resolved(image) if image else self.image
        blobs = Blobs(image.blobs if image else self.blobs)
        self.run(self.service.pull(admit(found, RunSpec()), found, blobs, now()))
        return found

    def create(self, *command: str, image: ResolvedImage | None = None, **fields: object) -> str:
        """Create a container."""
        spec = RunSpec(command=command or None, **{"network": "none", **fields})  # type: ignore[arg-type]
        found = image or self.image
        return self.run(self.service.create(admit(found, spec), spec, now())).id

    def start(self, container: str, image: ResolvedImage | None = None) -> None:
        """Start it under a fresh admission for what it is."""
        self.run(self.start_work(container, image))

    async def start_work(self, container: str, image: ResolvedImage | None = None) -> None:
        """Start it under a fresh admission for what it is."""
        spec = self.service._find(container).row.spec
        await self.service.start(container, admit(image or self.image, spec), now())

    def output(self, *command: str, **fields: object) -> tuple[int, str]:
        """Run to the end; exit code and all output."""
        container = self.create(*command, **fields)  # type: ignore[arg-type]
        self.start(container, fields.get("image"))  # type: ignore[arg-type]
        code = self.run(self.service.wait(container)).code
        return code, self.logged(container)

    def logged(self, container: str) -> str:
        """The container's log as text."""

        async def read() -> str:
            return b"".join([c.data async for c in self.service.logs(container)]).decode()

        return self.run(read())

    def restart_daemon(self) -> None:
        """What `kill -9` of the daemon leaves: no good-byes, a new service on the same folders."""
        before = self.service
        for item in before._containers.values():
            if item.watch:
                item.watch.cancel()
            item.watch = None
            for descriptor in item.pump._open.values():
                self.runner.get_loop().remove_reader(descriptor)
                os.close(descriptor)
            item.pump._open.clear()
        if before._supervisor:
            before._supervisor.release()
        if before._parts.network._refill:
            before._parts.network._refill.cancel()
        self.run(before._parts.client.close())
        before._parts.state.close()
        self.service = self.run(EngineService.open(self.settings))

    def containerd_pid(self) -> int:
        """The supervised containerd."""
        return int((self.settings.run_directory / "containerd.pid").read_text())

    def close(self) -> None:
        """Remove everything, also after a failed test."""
        try:
            for item in self.run(self.service.list(every=True)):
                self.run(self.service.remove(item.id, force=True, volumes=True))
        finally:
            self.run(self.service.close(stop_containerd=True))
            self.runner.close()
            self._sweep()

    def _sweep(self) -> None:
        mine = str(self.folder)
        for pid in filter(str.isdigit, (place.name for place in Path("/proc").iterdir())):
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            except OSError:
                continue
            if mine in line:
                os.kill(int(pid), signal.SIGKILL)
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for place in reversed([item for item in mounts if item.startswith(mine)]):
            subprocess.run(["umount", "-l", place], check=False)


@contextmanager
def bench(**settings: object) -> Iterator[Bench]:
    """A bench on a short folder."""
    with short_folder("eng") as folder:
        made = Bench(folder, **settings)
        try:
            yield made
        finally:
            made.close()
