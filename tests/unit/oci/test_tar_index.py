import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError, TrustkitError
from trustkit.oci.tar_index import follow, plain_path, read_table


def tar(*entries, kind=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, content, link in entries:
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname = tarfile.SYMTYPE, link
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def table(content):
    return read_table(io.BytesIO(content), "a.tar")


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["a", "./a", "x/" * 20 + "a", "y" * 90 + "/" + "z" * 60, "d" * 60 + "/" + "e" * 60])
def test_files_are_found_as_any_tool_writes_them(kind, name):
    content = tar((name, b"hello", ""), kind=kind)
    entry = table(content)[plain_path(name)]
    assert content[entry.offset : entry.offset + entry.size_bytes] == b"hello"


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_read(kind):
    assert plain_path("n" * 300) in table(tar(("n" * 300, b"x", ""), kind=kind))


def test_a_link_is_followed_inside_the_archive():
    found = table(tar(("a/layer.tar", b"x", ""), ("b/layer.tar", b"", "../a/layer.tar")))
    assert follow(found, "b/layer.tar", "a.tar") == found["a/layer.tar"]


@pytest.mark.parametrize("target", ["../../etc/passwd", "/etc/passwd", "nowhere", "."])
def test_a_link_that_leads_out_leads_nowhere(target):
    assert follow(table(tar(("a/x", b"", target))), "a/x", "a.tar") is None


def test_links_in_a_ring_are_refused():
    found = table(tar(("a", b"", "b"), ("b", b"", "a")))
    with pytest.raises(MalformedError, match="chain"):
        follow(found, "a", "a.tar")


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b"])
def test_a_path_out_of_the_archive_is_no_file(name):
    assert table(tar((name, b"x", ""), ("ok", b"x", ""))).keys() == {"ok"}


def test_a_name_twice_is_refused():
    with pytest.raises(MalformedError, match="twice"):
        table(tar(("a", b"1", ""), ("./a", b"2", "")))


def test_a_cut_off_archive_is_refused():
    with pytest.raises(MalformedError, match="cut off"):
        table(tar(("a", b"x" * 2000, ""))[:1024])


@pytest.mark.parametrize("content", [b"", b"x" * 600, b"PK\3\4" + b"\0" * 2000])
def test_what_is_no_tar_is_refused(content):
    with pytest.raises(MalformedError, match="no tar"):
        table(content)


def test_too_many_entries_are_refused(monkeypatch):
    monkeypatch.setattr(limits, "ARCHIVE_ENTRIES", 2)
    with pytest.raises(LimitExceededError):
        table(tar(*[(str(n), b"", "") for n in range(3)]))


def test_an_endless_name_is_refused():
    with pytest.raises(LimitExceededError):
        table(tar(("n" * (limits.ARCHIVE_HEADER_BYTES + 1), b"", ""), kind=tarfile.GNU_FORMAT))


@given(st.binary(max_size=60), st.integers(0, 1500), st.booleans())
def test_any_damage_is_read_or_refused(damage, at, keep_checksum):
    content = bytearray(tar(("a" * 120, b"x" * 600, ""), ("b", b"", "a")))
    content[at : at + len(damage)] = damage
    if keep_checksum:
        total = sum(content[:148]) + 8 * 32 + sum(content[156:512])
        content[148:156] = b"%06o\0 " % total
    with suppress(TrustkitError):
        for entry in table(bytes(content)).values():
            assert entry.offset + entry.size_bytes <= len(content)
