"""Form uploads: what Go's clients write is read, what readers could disagree about is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.codec import multipart
from trustkit.codec.multipart import Part
from trustkit.errors import LimitExceededError, MalformedError, TrustkitError

TYPE = "multipart/form-data; boundary=XyZ"
PARTS = (Part("files", "root", b'{"a":1}'), Part("files", "targets/releases", b""))
BODY = multipart.build(PARTS, "XyZ")


def test_what_was_built_is_read_back():
    assert multipart.parse(BODY, TYPE, most_parts=2) == PARTS


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"preamble\r\n" + BODY,
        BODY + b"epilogue",
        BODY[:-6],
        BODY.replace(b'filename="root"', b""),
        BODY.replace(b'filename="root"', b'filename="ro\\"ot"'),
        BODY.replace(b"Content-Type: application/octet-stream", b"Content-Transfer-Encoding: base64", 1),
        BODY.replace(b"Content-Type: application/octet-stream", b"Content-Disposition: form-data", 1),
        BODY.replace(b"octet-stream\r\n", b"octet-stream\r\n folded\r\n", 1),
        BODY.replace(b"--XyZ\r\nContent", b"--XyZ \r\nContent", 1),
    ],
    ids=["empty", "preamble", "epilogue", "cut", "no-file", "escape", "encoding", "twice", "folded", "padding"],
)
def test_another_form_is_refused(body):
    with pytest.raises(MalformedError):
        multipart.parse(body, TYPE, most_parts=2)


@pytest.mark.parametrize(
    "media_type", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=a; boundary=b"]
)
def test_another_media_type_is_refused(media_type):
    with pytest.raises(MalformedError):
        multipart.parse(BODY, media_type, most_parts=2)


def test_one_file_too_many_is_refused():
    with pytest.raises(LimitExceededError):
        multipart.parse(BODY, TYPE, most_parts=1)


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"--XyZ", b"\r\n", b"--", BODY, BODY[:90]]), max_size=6))
def test_any_bytes_are_read_or_refused(pieces):
    with contextlib.suppress(TrustkitError):
        multipart.parse(b"".join(pieces), TYPE, most_parts=4)


@given(st.lists(st.binary(max_size=80).filter(lambda content: b"XyZ" not in content), min_size=1, max_size=4))
def test_any_contents_come_back(contents):
    parts = tuple(Part("files", "root", content) for content in contents)
    assert multipart.parse(multipart.build(parts, "XyZ"), TYPE, most_parts=4) == parts
