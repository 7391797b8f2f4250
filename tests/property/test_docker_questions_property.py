"""Whatever dockerd or its clients send, readers answer or raise our errors, and agree with Go where they answer."""

import base64
import contextlib
import json
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from trustkit.errors import TrustkitError
from trustkit.hooks.docker.container import read_created, read_stored
from trustkit.hooks.docker.question import parse_question
from trustkit.hooks.docker.routes import route_of

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_HOST_NAMES = st.sampled_from(
    ("Binds", "Mounts", "NetworkMode", "PortBindings", "CapAdd", "Privileged", "SecurityOpt", "Sysctls", "Devices",
     "DeviceRequests", "MaskedPaths", "VolumeDriver", "Runtime", "binds", "Other")
)  # fmt: skip
_HOST = st.dictionaries(_HOST_NAMES, _JSON, max_size=4)
_CONFIG = st.fixed_dictionaries(
    {}, optional={"Image": _JSON, "HostConfig": _HOST | _JSON, "Config": _JSON, "Mounts": _JSON, "Cmd": _JSON}
)
_TARGETS = st.text(alphabet="/abcvcontainersimages1.24%2?&=;:@\u00e9 \\#", max_size=60).map(lambda text: f"/{text}")


@given(st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_any_message_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(TrustkitError):
        parse_question(content)


@given(st.sampled_from(("GET", "POST", "DELETE", "x")), _TARGETS, st.binary(max_size=60))
def test_a_request_that_is_answered_has_one_reading(method: str, target: str, body: bytes) -> None:
    message = {"RequestMethod": method, "RequestUri": target, "RequestBody": base64.b64encode(body).decode()}
    try:
        question = parse_question(json.dumps(message).encode())
        route_of(question)
        question.fields()
        question.document()
    except TrustkitError:
        return
    assert unquote(target.partition("?")[0]).endswith(question.path)
    assert "//" not in question.path


@given(_CONFIG)
def test_any_configuration_is_read_or_refused(config: dict[str, object]) -> None:
    for read in (read_created, read_stored):
        with contextlib.suppress(TrustkitError):
            read(config, "")


@given(_HOST)
def test_what_is_admitted_asked_for_nothing_that_is_not_seen(host: dict[str, object]) -> None:
    try:
        asked = read_created({"Image": "a", "HostConfig": host}, "")
    except TrustkitError:
        return
    assert asked.request.privileged == (host.get("Privileged") is True)
    assert asked.request.host_network == (host.get("NetworkMode") == "host")
    assert "binds" not in host
