"""Whoever is first at a guessable path must not be able to play the daemon."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trustkit.cli.client.wire import Connection
from trustkit.config import load
from trustkit.durable import require_private
from trustkit.errors import ConfigError, StorageError

NOBODY = 65534
LISTEN = f"""
import os, socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.bind(sys.argv[1])
os.setuid({NOBODY})
peer.listen()
print(flush=True)
peer.accept()
"""


@pytest.fixture(name="strangers_socket")
def strangers_socket_(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "s"
    with subprocess.Popen([sys.executable, "-c", LISTEN, path], stdout=subprocess.PIPE) as peer:
        assert peer.stdout is not None
        peer.stdout.readline()
        yield path
        peer.kill()


def test_a_daemon_of_another_user_is_not_spoken_to(strangers_socket: Path) -> None:
    with pytest.raises(ConfigError, match=f"user {NOBODY} listens there"):
        Connection(str(strangers_socket))


def deep_home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": "/root", "TRUSTKIT_HOME": str(tmp_path / ("d" * 60) / ("e" * 60))}


@pytest.fixture(name="fallback")
def fallback_(tmp_path: Path) -> Iterator[Path]:
    folder = load(deep_home(tmp_path)).run
    yield folder
    if folder.is_symlink():
        folder.unlink()
    else:
        folder.rmdir()


def test_the_folder_for_a_deep_state_directory_is_private(tmp_path: Path, fallback: Path) -> None:
    assert fallback.stat().st_mode & 0o777 == 0o700
    assert load(deep_home(tmp_path)).socket == fallback / "trustkit.sock"


def test_a_folder_others_may_write_to_is_refused(tmp_path: Path, fallback: Path) -> None:
    fallback.chmod(0o777)
    with pytest.raises(StorageError, match="somebody else"):
        _ = load(deep_home(tmp_path)).socket


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    folder.chmod(0o700)
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(StorageError, match="somebody else"):
        require_private(folder)


def test_a_link_is_refused(tmp_path: Path, fallback: Path) -> None:
    fallback.rmdir()
    fallback.symlink_to(tmp_path)
    with pytest.raises(StorageError, match="somebody else"):
        _ = load(deep_home(tmp_path)).run
