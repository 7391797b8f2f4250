"""A path that is no plain file is refused at once: a daemon waiting for a named pipe would serve nobody."""

import os
from pathlib import Path

import pytest

from trustkit.errors import SourceError
from trustkit.model.reference import ImageRef
from trustkit.oci.open_source import open_source
from trustkit.oci.registry import RegistryOptions


@pytest.mark.timeout(20)
@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, transport: str, kind: str) -> None:
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(SourceError, match="is no plain file"):
        open_source(ImageRef.parse(f"{transport}:{path}"), RegistryOptions())
