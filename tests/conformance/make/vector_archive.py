"""Where vectors of our own making are kept: one archive, the same bytes for the same files."""

import io
import lzma
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent.parent / "vectors"


def write(name: str, cases: Iterable[Mapping[str, bytes]]) -> None:
    """Write `vectors/NAME` with the files of all cases, by their paths."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for files in cases:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    (_FOLDER / name).write_bytes(lzma.compress(plain.getvalue(), preset=9 | lzma.PRESET_EXTREME))
