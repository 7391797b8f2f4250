"""Whatever a client sends, the server answers in HTTP or hangs up; no bytes bring out an exception."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from peers.http_bytes import recording, talk
from trustkit.errors import TrustkitError, UsageError
from trustkit.server.shapes import create, execution, filters

_FRAGMENTS = [
    b"GET ", b"POST ", b"/containers/create", b"/v1.44", b"%", b"?a=b", b" HTTP/1.1", b"\r\n", b"\r\n\r\n",
    b"Host: x", b"Content-Length: ", b"5", b"Transfer-Encoding: chunked", b"Expect: 100-continue",
    b"Connection: Upgrade", b"Upgrade: tcp", b"0\r\n\r\n",
]  # fmt: skip


@given(st.lists(st.one_of(st.binary(max_size=64), st.sampled_from(_FRAGMENTS)), max_size=20))
@settings(max_examples=100)
def test_any_bytes_are_answered_in_http_or_not_at_all(pieces: list[bytes]) -> None:
    said = talk(recording([]), *pieces)
    assert said == b"" or said.startswith(b"HTTP/1.1 ")


@given(st.binary(max_size=300))
def test_any_create_body_is_refused_by_a_usage_error_at_most(body: bytes) -> None:
    with contextlib.suppress(UsageError):
        create.parse(body, "")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = ["Image", "Cmd", "Entrypoint", "Env", "User", "Labels", "Volumes", "HostConfig", "NetworkingConfig", "image"]
_HOST = ["Binds", "Mounts", "Memory", "NanoCpus", "CapAdd", "NetworkMode", "Privileged", "PidMode", "SecurityOpt"]


@given(
    st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=5),
    st.dictionaries(st.sampled_from(_HOST), _JSON, max_size=5),
)
def test_any_shape_of_create_body_is_refused_by_our_errors_only(
    config: dict[str, object], host: dict[str, object]
) -> None:
    import json

    body = json.dumps({**config, "HostConfig": host}).encode()
    for parse in (lambda: create.parse(body, ""), lambda: execution.parse(body)):
        with contextlib.suppress(TrustkitError):
            parse()


@given(st.text(max_size=60))
def test_any_filter_text_is_refused_by_a_usage_error_at_most(text: str) -> None:
    with contextlib.suppress(UsageError):
        filters.parse(text.encode("utf-8", "replace").decode(), filters.CONTAINER_FILTERS)
