"""A rotation that stops at any step loses no key: the old one verifies and signs under one name or the other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trustkit.errors import StorageError
from trustkit.fips.select import provider
from trustkit.signing import key_rotation, keyring
from trustkit.signing.key_rotation import Overlap, new_file_key, rotate
from trustkit.signing.keyring import Keyring

RIGHT = b"correct horse"
OVERLAP = Overlap(datetime(2026, 11, 24, tzinfo=UTC), timedelta(days=30))
# files that a rotation writes, from the first to the last
STEPS = 6


@pytest.mark.parametrize("step", range(STEPS))
def test_no_step_loses_a_key(step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Keyring(tmp_path, provider())
    old = ring.generate("release", "ecdsa-p256", RIGHT).public
    new = new_file_key("ecdsa-p256", RIGHT, provider())
    written: list[Path] = []

    def failing(real: Callable[..., None]) -> Callable[..., None]:
        def write(path: Path, content: bytes, **options: int) -> None:
            if len(written) == step:
                raise StorageError("the disk is full")
            written.append(path)
            real(path, content, **options)

        return write

    for module in (key_rotation, keyring):
        monkeypatch.setattr(module, "write_file", failing(module.write_file))
    with pytest.raises(StorageError):
        rotate(ring, "release", new, OVERLAP)
    monkeypatch.undo()
    names = [key.name for key in ring.list() if key.public == old]
    assert names
    assert ring.open(names[0], lambda _: RIGHT).public == old
    if "release" not in [key.name for key in ring.list()]:
        ring.generate("release", "ecdsa-p256", RIGHT)
    assert ring.open("release", lambda _: RIGHT).public


def test_a_rotation_writes_as_many_files_as_these_tests_stop_at(tmp_path: Path) -> None:
    ring = Keyring(tmp_path, provider())
    ring.generate("release", "ecdsa-p256", RIGHT)
    rotate(ring, "release", new_file_key("ecdsa-p256", RIGHT, provider()), OVERLAP)
    assert len(list(tmp_path.iterdir())) == STEPS
