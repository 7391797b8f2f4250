"""Stored images: pulling what was admitted, names, removal, and reading back for another judgement."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.engine.blobs import BlobSource
from trustkit.engine.containerd import content
from trustkit.engine.containerd.client import Client
from trustkit.engine.containerd.snapshots import Snapshots
from trustkit.engine.errors import ConflictError, NoSuchImageError
from trustkit.engine.names import new_id
from trustkit.engine.recheck import BlobCheck, blobs_of
from trustkit.engine.settings import EngineSettings
from trustkit.engine.state import ImageRow, State
from trustkit.engine.values import ImageView, PullProgress
from trustkit.errors import MalformedError
from trustkit.fips.hashing import digest_of, require_digest, verifying
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor, Platform, ResolvedImage, chain_ids
from trustkit.model.reference import ImageRef

Progress = Callable[[PullProgress], None]
_PARALLEL = 3
_CHUNK_BYTES = 1024 * 1024
_LEASE = timedelta(hours=24)
_SHORTEST_PREFIX = 4


def config_of(image: ResolvedImage) -> dict[str, object]:
    """Return the image's config document.

    Raises MalformedError.
    """
    return _config(image.config_bytes)


def _config(text: bytes) -> dict[str, object]:
    document = strict_json.parse(text, what="the image's config", limit_bytes=limits.CONFIG_BYTES, fold_names=False)
    return strict_json.as_object(document, "the image's config")


def run_config_of(document: Mapping[str, object]) -> dict[str, object]:
    """Return the `config` object of a config document: what a container takes from the image."""
    found = document.get("config")
    return dict(found) if isinstance(found, Mapping) else {}


def chain_of(image: ResolvedImage) -> tuple[Digest, ...]:
    """Return the chain ids of the image's layers, lowest first.

    Raises MalformedError when the config names other layers than the manifest.
    """
    return chain_ids(_diff_ids(image), digest_of)


def _diff_ids(image: ResolvedImage) -> tuple[Digest, ...]:
    rootfs = strict_json.as_object(config_of(image).get("rootfs"), "rootfs of the image's config")
    listed = strict_json.as_list(rootfs.get("diff_ids"), "rootfs.diff_ids of the image's config")
    found = tuple(Digest.parse(strict_json.as_text(item, "a diff id")) for item in listed)
    if len(found) != len(image.layers):
        message = f"the image has {len(image.layers)} layers, its config names {len(found)}"
        raise MalformedError(message, next_step="the image is inconsistent: rebuild and push it")
    return found


class Images:
    """The images of our namespace."""

    def __init__(self, settings: EngineSettings, client: Client, state: State, check: BlobCheck) -> None:
        """Bind the parts."""
        self._settings = settings
        self._client = client
        self._state = state
        self._check = check
        self._snapshots = Snapshots(client, settings.snapshotter)

    # pull

    async def pull(
        self, image: ResolvedImage, blobs: BlobSource, now: datetime, progress: Progress | None
    ) -> ImageView:
        """Store and unpack; a killed pull leaves only what its lease's end removes."""
        chain = chain_of(image)
        for item, text in _documents(image):
            require_digest(text, item.digest, f"the image's {item.media_type}")
        expires = (now + _LEASE).strftime("%Y-%m-%dT%H:%M:%SZ")
        async with content.lease(self._client, f"trustkit-pull-{new_id()}", expires) as held:
            await self._hold(image, chain, held)
            await self._store(image, blobs, held, progress or _silent)
            await self._unpack(image, chain, held, progress or _silent)
            await self._label(image, chain)
            await content.name_image(self._client, _record(image.digest), image.root)
        row = ImageRow(image.root, image.manifest, image.config, image.layers, now)
        self._state.save_image(row)
        self._state.refer(str(image.ref), image.digest)
        return await self._view(row)

    async def _hold(self, image: ResolvedImage, chain: tuple[Digest, ...], held: str) -> None:
        """Keep what a failed pull left and the collector is about to take."""
        for item in blobs_of(image):
            await content.hold(self._client, held, "content", str(item.digest))
        for name in chain:
            await content.hold(self._client, held, f"snapshots/{self._settings.snapshotter}", str(name))

    async def _store(self, image: ResolvedImage, blobs: BlobSource, held: str, progress: Progress) -> None:
        for item, text in _documents(image):
            if not await self._has(item):
                await self._write(item, iter((text,)), held, progress)
        free = asyncio.Semaphore(_PARALLEL)

        async def fetch(layer: Descriptor) -> None:
            async with free:
                if await self._has(layer):
                    progress(PullProgress(layer.digest, "exists", layer.size_bytes, layer.size_bytes))
                    return
                chunks = verifying(blobs.open(layer), layer, f"layer {layer.digest}")
                await self._write(layer, chunks, held, progress)

        async with _one_error(), asyncio.TaskGroup() as group:
            for layer in {item.digest: item for item in image.layers}.values():
                group.create_task(fetch(layer))

    async def _has(self, item: Descriptor) -> bool:
        if not await content.has_blob(self._client, item):
            return False
        if await self._check.matches(item):
            return True
        # A blob that was changed on disk is replaced, so that a second pull heals the store.
        await content.delete_blob(self._client, item.digest, f"trustkit-heal-{new_id()}")
        return False

    async def _write(self, item: Descriptor, chunks: Iterator[bytes], held: str, progress: Progress) -> None:
        stream = _stream(chunks, lambda done: progress(PullProgress(item.digest, "downloading", done, item.size_bytes)))
        await content.write_blob(self._client, item, stream, ref=f"trustkit-{new_id()}", held=held)
        progress(PullProgress(item.digest, "done", item.size_bytes, item.size_bytes))

    async def _unpack(self, image: ResolvedImage, chain: tuple[Digest, ...], held: str, progress: Progress) -> None:
        parents = (None, *chain[:-1])
        steps = zip(image.layers, _diff_ids(image), zip(parents, chain, strict=True), strict=True)
        for layer, diff_id, link in steps:
            progress(PullProgress(layer.digest, "unpacking", layer.size_bytes, layer.size_bytes))
            ref = f"unpack-{new_id()}"
            await self._snapshots.unpack(layer, diff_id, link, ref=ref, held=held)

    async def _label(self, image: ResolvedImage, chain: tuple[Digest, ...]) -> None:
        """Tie blobs and snapshots to the image record, or the collector takes them."""
        below = {f"containerd.io/gc.ref.content.l.{n}": str(item.digest) for n, item in enumerate(image.layers)}
        below["containerd.io/gc.ref.content.config"] = str(image.config.digest)
        await content.label_blob(self._client, image.manifest.digest, below)
        if image.root.digest != image.manifest.digest:
            link = {"containerd.io/gc.ref.content.m.0": str(image.manifest.digest)}
            await content.label_blob(self._client, image.root.digest, link)
        if chain:
            link = {f"containerd.io/gc.ref.snapshot.{self._settings.snapshotter}": str(chain[-1])}
            await content.label_blob(self._client, image.config.digest, link)

    # names and views

    def find(self, wanted: str) -> ImageRow:
        """Return the image with this reference, digest, config digest, or unique prefix of one.

        Raises NoSuchImageError, ConflictError when a prefix fits several.
        """
        rows = self._state.images()
        named = self._state.references().get(wanted)
        for row in rows:
            if str(row.root.digest) == named or wanted in (str(row.root.digest), str(row.config.digest)):
                return row
        # `name@sha256:...` names the image itself, whatever name stands before it.
        digits = wanted.rpartition("@")[2].removeprefix("sha256:")
        found = [row for row in rows if len(digits) >= _SHORTEST_PREFIX and _has_prefix(row, digits)]
        if len(found) > 1:
            raise ConflictError(f"{wanted!r} fits {len(found)} images", next_step="give more digits")
        if not found:
            raise NoSuchImageError(f"no such image: {wanted}", next_step=f"trustkit pull {wanted}")
        return found[0]

    async def view(self, wanted: str) -> ImageView:
        """Return the image."""
        return await self._view(self.find(wanted))

    async def views(self) -> tuple[ImageView, ...]:
        """Return all images, newest first."""
        rows = sorted(self._state.images(), key=lambda row: row.pulled_at, reverse=True)
        return tuple([await self._view(row) for row in rows])

    async def _view(self, row: ImageRow) -> ImageView:
        document = _config(await self._bytes(row.config))
        created = document.get("created")
        names = self._state.references().items()
        return ImageView(
            digest=row.root.digest,
            image_id=row.config.digest,
            manifest=row.manifest.digest,
            references=tuple(name for name, digest in names if digest == str(row.root.digest)),
            size_bytes=sum(item.size_bytes for item in (row.manifest, row.config, *row.layers)),
            created=created if isinstance(created, str) else "",
            config=document,
            pulled_at=row.pulled_at,
        )

    async def _bytes(self, item: Descriptor) -> bytes:
        text = b"".join([chunk async for chunk in content.read_blob(self._client, item.digest)])
        require_digest(text, item.digest, f"stored blob {item.digest}")
        return text

    async def resolved(self, row: ImageRow, ref: ImageRef) -> ResolvedImage:
        """Return the stored image as a resolved one, read back and checked against its digests."""
        root = await self._bytes(row.root)
        config = await self._bytes(row.config)
        document = _config(config)
        parts = (document.get("os"), document.get("architecture"), document.get("variant"))
        names = [part if isinstance(part, str) else "" for part in parts]
        return ResolvedImage(
            ref=ref,
            root=row.root,
            root_bytes=root,
            manifest=row.manifest,
            manifest_bytes=await self._bytes(row.manifest),
            config=row.config,
            config_bytes=config,
            layers=row.layers,
            platform=Platform(*names),
        )

    async def remove(self, wanted: str, in_use: Iterable[Digest], *, force: bool) -> tuple[str, ...]:
        """Take away a name, or with the last one (or by id) the image."""
        row = self.find(wanted)
        digest = row.root.digest
        names = [name for name, named in self._state.references().items() if named == str(digest)]
        if wanted in names and len(names) > 1:
            self._state.unrefer(wanted)
            return (f"untagged:{wanted}",)
        if wanted not in names and len(names) > 1 and not force:
            raise ConflictError(
                f"image {digest.short} has {len(names)} names", next_step="remove it by name, or use --force"
            )
        if digest in set(in_use):
            raise ConflictError(f"image {digest.short} is used by a container", next_step="remove that container first")
        await content.forget_image(self._client, _record(digest))
        self._state.delete_image(digest)
        return (*(f"untagged:{name}" for name in names), f"deleted:{digest}")


def _record(digest: Digest) -> str:
    return f"trustkit.local/image@{digest}"


def _has_prefix(row: ImageRow, digits: str) -> bool:
    return any(item.digest.hex.startswith(digits) for item in (row.root, row.manifest, row.config))


def _documents(image: ResolvedImage) -> tuple[tuple[Descriptor, bytes], ...]:
    found = ((image.manifest, image.manifest_bytes), (image.config, image.config_bytes))
    if image.root.digest == image.manifest.digest:
        return found
    return ((image.root, image.root_bytes), *found)


def _silent(_: PullProgress) -> None:
    return


async def _stream(chunks: Iterator[bytes], done: Callable[[int], None]) -> AsyncIterator[bytes]:
    """Draw from a blocking iterator in a thread, in pieces that fit a message."""
    total = 0
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        for start in range(0, len(chunk), _CHUNK_BYTES):
            yield chunk[start : start + _CHUNK_BYTES]
        total += len(chunk)
        done(total)


class _one_error:  # noqa: N801  (used as a statement)
    """Let the first error of a task group out as itself, so that callers see our own classes."""

    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BaseExceptionGroup):
            first: BaseException = error
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None
