"""What the engine remembers: containers, images, references and addresses, in SQLite (WAL).

Rows are JSON of our own values. Nothing here is trusted at a start: digests come from the admission, and the
request is computed again from the spec.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from trustkit.durable import storage_error
from trustkit.engine.errors import ConflictError, EngineError
from trustkit.engine.values import NetworkView, Status
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.model.run import Mount, RunSpec

_SCHEMA = """
create table if not exists containers (id text primary key, name text not null unique, body text not null);
create table if not exists images (digest text primary key, body text not null);
create table if not exists refs (reference text primary key, digest text not null);
create table if not exists addresses (address integer primary key, container text not null unique);
create table if not exists settings (name text primary key, value text not null);
"""
_VERSION = 1


@dataclass(slots=True)
class ContainerRow:
    """A container; `snapshot_parent` is the chain id its file system stands on."""

    id: str
    name: str
    spec: RunSpec
    image: Digest
    manifest: Digest
    image_id: Digest
    reference: str
    admission: str
    created_at: datetime
    request: str = ""
    status: Status = Status.CREATED
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    error: str = ""
    out_of_memory: bool = False
    pid: int = 0
    netns: str = ""
    volumes: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    network: NetworkView = field(default_factory=lambda: NetworkView(mode="none"))
    stop_signal: str = ""


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A stored image by its digests."""

    root: Descriptor
    manifest: Descriptor
    config: Descriptor
    layers: tuple[Descriptor, ...]
    pulled_at: datetime


class State:
    """One open database; used from the event loop only."""

    def __init__(self, path: Path) -> None:
        """Open or make it.

        Raises StorageError, EngineError when a later trustkit wrote it.
        """
        self._path = path
        self._lock = _locked(path.with_suffix(".lock"))
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            path.chmod(0o600)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=normal")
            found = self._db.execute("pragma user_version").fetchone()[0]
            if found > _VERSION:
                message = f"{path} was written by a later trustkit (version {found})"
                raise EngineError(message, next_step="use that trustkit, or another state directory")
            self._db.executescript(_SCHEMA)
            self._db.execute(f"pragma user_version={_VERSION}")
        except sqlite3.OperationalError as error:
            raise storage_error(path, OSError(str(error))) from error

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise storage_error(self._path, OSError(str(error))) from error

    def close(self) -> None:
        """Close it."""
        self._db.close()
        os.close(self._lock)

    # containers

    def save(self, row: ContainerRow) -> None:
        """Write a container.

        Raises ConflictError when its name is taken.
        """
        try:
            self._run(
                "insert into containers values (?, ?, ?) "
                "on conflict (id) do update set name = excluded.name, body = excluded.body",
                (row.id, row.name, _container_text(row)),
            )
        except sqlite3.IntegrityError as error:
            message = f"the container name {row.name!r} is already in use"
            raise ConflictError(message, next_step="remove or rename that container, or give another name") from error

    def free_name(self, container: str) -> None:
        """Let another container take the name; the id stands in its place."""
        self._run("update containers set name = id where id = ?", (container,))

    def delete(self, container: str) -> None:
        """Forget a container and its address."""
        self._run("delete from containers where id = ?", (container,))
        self._run("delete from addresses where container = ?", (container,))

    def containers(self) -> tuple[ContainerRow, ...]:
        """Return all containers."""
        rows = self._run("select id, name, body from containers").fetchall()
        return tuple(_container_row(*row) for row in rows)

    # images and references

    def save_image(self, row: ImageRow) -> None:
        """Write an image."""
        self._run("insert or replace into images values (?, ?)", (str(row.root.digest), _image_text(row)))

    def images(self) -> tuple[ImageRow, ...]:
        """Return all images."""
        return tuple(_image_row(body) for (body,) in self._run("select body from images").fetchall())

    def delete_image(self, digest: Digest) -> None:
        """Forget an image and what names it."""
        self._run("delete from images where digest = ?", (str(digest),))
        self._run("delete from refs where digest = ?", (str(digest),))

    def refer(self, reference: str, digest: Digest) -> None:
        """Let a reference name an image."""
        self._run("insert or replace into refs values (?, ?)", (reference, str(digest)))

    def unrefer(self, reference: str) -> None:
        """Forget a reference."""
        self._run("delete from refs where reference = ?", (reference,))

    def references(self) -> dict[str, str]:
        """Return every reference with the digest it names."""
        return dict(self._run("select reference, digest from refs order by reference").fetchall())

    # network

    def addresses(self) -> set[int]:
        """Return the addresses in use."""
        return {row[0] for row in self._run("select address from addresses").fetchall()}

    def take_address(self, address: int, container: str) -> None:
        """Give an address to a container."""
        self._run("insert or replace into addresses values (?, ?)", (address, container))

    def address_of(self, container: str) -> int | None:
        """Return the container's address."""
        query = "select address from addresses where container = ?"
        found = self._run(query, (container,)).fetchone()
        return found[0] if found else None

    def setting(self, name: str) -> str:
        """Return a remembered setting, or nothing."""
        found = self._run("select value from settings where name = ?", (name,)).fetchone()
        return found[0] if found else ""

    def remember(self, name: str, value: str) -> None:
        """Remember a setting."""
        self._run("insert or replace into settings values (?, ?)", (name, value))


def _locked(path: Path) -> int:
    """Take the folder for this process; the kernel lets go of it when the process ends, however it ends."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        message = f"another engine uses {path.parent}"
        raise ConflictError(message, next_step="stop that daemon, or use another state directory") from error
    return descriptor


def _time_text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


_PLAIN = ("reference", "admission", "request", "exit_code", "error", "out_of_memory", "pid", "netns", "stop_signal")
_DIGESTS = ("image", "manifest", "image_id")
_TUPLES = ("volumes", "arguments")


def _container_text(row: ContainerRow) -> str:
    body: dict[str, object] = {name: getattr(row, name) for name in (*_PLAIN, *_TUPLES)}
    body |= {name: str(getattr(row, name)) for name in _DIGESTS}
    body["spec"] = row.spec._asdict()
    body["status"] = row.status.value
    body["times"] = [_time_text(row.created_at), _time_text(row.started_at), _time_text(row.finished_at)]
    network = row.network
    body["network"] = [getattr(network, name) for name in _NETWORK]
    return json.dumps(body)


_NETWORK = ("mode", "address", "prefix_length", "gateway", "mac_address", "interface")


def _container_row(container: str, name: str, text: str) -> ContainerRow:
    body = json.loads(text)  # noqa: TID251  (our own row)
    created, started, finished = (_time(item) for item in body["times"])
    if created is None:
        raise EngineError(f"the record of container {container} is damaged")
    return ContainerRow(
        id=container,
        name=name,
        spec=_spec(body["spec"]),
        status=Status(body["status"]),
        created_at=created,
        started_at=started,
        finished_at=finished,
        network=NetworkView(*body["network"]),
        image=Digest.parse(body["image"]),
        manifest=Digest.parse(body["manifest"]),
        image_id=Digest.parse(body["image_id"]),
        volumes=tuple(body["volumes"]),
        arguments=tuple(body["arguments"]),
        **{key: body[key] for key in _PLAIN},
    )


def _spec(body: dict[str, object]) -> RunSpec:
    known = {name: _frozen(value) for name, value in body.items() if name in RunSpec._fields}
    spec = RunSpec(**known)  # type: ignore[arg-type]  # our own row: written from a RunSpec
    mounts = tuple(Mount(*item) for item in spec.mounts)
    return spec._replace(mounts=mounts)


def _frozen(value: object) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _descriptor_body(item: Descriptor) -> list[object]:
    return [item.media_type, str(item.digest), item.size_bytes]


def _image_text(row: ImageRow) -> str:
    items: Iterable[Descriptor] = (row.root, row.manifest, row.config, *row.layers)
    return json.dumps({"blobs": [_descriptor_body(item) for item in items], "at": _time_text(row.pulled_at)})


def _image_row(text: str) -> ImageRow:
    body = json.loads(text)  # noqa: TID251  (our own row)
    blobs = [Descriptor(kind, Digest.parse(digest), size) for kind, digest, size in body["blobs"]]
    return ImageRow(blobs[0], blobs[1], blobs[2], tuple(blobs[3:]), datetime.fromisoformat(body["at"]))
