"""The daemon's socket: who may use it, and what may lie in its place."""

import socket
from pathlib import Path

import pytest

from peers.workspace import short_folder
from trustkit.engine.errors import ConflictError
from trustkit.errors import ConfigError, StorageError
from trustkit.server import listen


def test_only_the_owner_may_connect() -> None:
    with short_folder("listen") as folder, listen.bind(folder / "run" / "s"):
        assert (folder / "run" / "s").stat().st_mode & 0o777 == 0o600
        assert (folder / "run").stat().st_mode & 0o777 == 0o700


def test_a_group_that_is_named_may_connect_too() -> None:
    with short_folder("listen") as folder, listen.bind(folder / "s", "root"):
        assert (folder / "s").stat().st_mode & 0o777 == 0o660


def test_a_dead_socket_is_replaced() -> None:
    with short_folder("listen") as folder:
        listen.bind(folder / "s").close()
        with listen.bind(folder / "s"), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(folder / "s"))


def test_a_socket_somebody_answers_on_is_left_alone() -> None:
    with short_folder("listen") as folder, listen.bind(folder / "s"), pytest.raises(ConflictError):
        listen.bind(folder / "s")


def test_a_group_that_does_not_exist_is_refused_before_anything_is_bound() -> None:
    with short_folder("listen") as folder:
        with pytest.raises(ConfigError):
            listen.bind(folder / "s", "no-such-group")
        assert not (folder / "s").exists()


def test_a_path_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        listen.bind(tmp_path / ("x" * 108))


def test_a_folder_in_the_sockets_place_is_a_storage_error() -> None:
    with short_folder("listen") as folder:
        (folder / "s").mkdir()
        with pytest.raises(StorageError):
            listen.bind(folder / "s")


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert listen.actor_of(ours) == Path.home().owner()
