"""Where a process spends its processor time: its instruction pointer by mapped file (perf_event_open(2))."""

import ctypes
import fcntl
import mmap
import os
import struct
from collections import Counter
from collections.abc import Callable

_SYSCALL = 298
_SOFTWARE, _CPU_CLOCK, _SAMPLE_IP, _SAMPLE_RECORD = 1, 0, 1, 9
_DISABLED, _EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR, _BY_FREQUENCY = 1, 1 << 5, 1 << 6, 1 << 10
_ENABLE, _DISABLE = 0x2400, 0x2401
_ATTRIBUTES_BYTES, _PER_SECOND, _PAGES = 112, 4000, 64
# perf_event_mmap_page: where data_head lies.
_HEAD_AT = 1024


def samples(work: Callable[[], object]) -> Counter[str]:
    """Do the work on this thread and return how many samples fell into each mapped file. Raises OSError."""
    flags = _DISABLED | _EXCLUDE_KERNEL | _EXCLUDE_HYPERVISOR | _BY_FREQUENCY
    fields = (_SOFTWARE, _ATTRIBUTES_BYTES, _CPU_CLOCK, _PER_SECOND, _SAMPLE_IP, 0, flags, 1, 0)
    attributes = ctypes.create_string_buffer(struct.pack("IIQQQQQII", *fields), _ATTRIBUTES_BYTES)
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = library.syscall(_SYSCALL, attributes, 0, -1, -1, 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "perf_event_open")
    try:
        with mmap.mmap(descriptor, (1 + _PAGES) * mmap.PAGESIZE) as ring:
            fcntl.ioctl(descriptor, _ENABLE, 0)
            work()
            fcntl.ioctl(descriptor, _DISABLE, 0)
            head = struct.unpack_from("Q", ring, _HEAD_AT)[0]
            content = ring[mmap.PAGESIZE : mmap.PAGESIZE + min(head, _PAGES * mmap.PAGESIZE)]
    finally:
        os.close(descriptor)
    maps = _maps()
    return Counter(_file_of(pointer, maps) for pointer in _pointers(content))


def _pointers(content: bytes) -> list[int]:
    found, offset = [], 0
    while offset + 16 <= len(content):
        kind, _, size = struct.unpack_from("IHH", content, offset)
        if kind == _SAMPLE_RECORD:
            found.append(struct.unpack_from("Q", content, offset + 8)[0])
        if not size:
            break
        offset += size
    return found


def _maps() -> list[tuple[int, int, str]]:
    rows = []
    with open("/proc/self/maps", encoding="utf-8") as file:
        for line in file:
            fields = line.split(None, 5)
            low, high = (int(part, 16) for part in fields[0].split("-"))
            rows.append((low, high, fields[5].strip() if len(fields) > 5 else ""))
    return rows


def _file_of(pointer: int, maps: list[tuple[int, int, str]]) -> str:
    return next((path for low, high, path in maps if low <= pointer < high), "")
