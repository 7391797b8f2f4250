"""Whatever bytes come as a policy.json, only our errors come out, and no change of one accepts more in silence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.errors import TrustkitError
from trustkit.model.reference import ImageRef
from trustkit.policy.containers_policy import ACCEPT, REJECT, read

KEYED: dict[str, object] = {
    "type": "sigstoreSigned", "keyPath": "k.pub", "rekorPublicKeyPath": "r.pub",
    "signedIdentity": {"type": "matchRepository"},
}  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)
HOSTS = st.sampled_from(["r.example", "r.example:5000", "a.b.r.example", "127.0.0.1:5000"])


@given(st.sampled_from(sorted(KEYED)), VALUES)
def test_a_changed_requirement_is_one_or_our_error(name: str, value: object) -> None:
    try:
        read(json.dumps({"default": [{**KEYED, name: value}]}).encode())
    except TrustkitError:
        return


@given(st.binary(max_size=200))
def test_any_bytes_are_no_policy(content: bytes) -> None:
    with pytest.raises(TrustkitError):
        read(content)


@given(HOSTS, st.lists(st.sampled_from(["shop", "web", "a"]), min_size=1, max_size=4), st.data())
def test_a_longer_scope_comes_before_a_shorter_one(host: str, path: list[str], data: st.DataObject) -> None:
    name = "/".join((host, *path))
    parts = name.split("/")
    longer = data.draw(st.integers(1, len(parts)))
    shorter = data.draw(st.integers(0, longer - 1))
    scopes = {"/".join(parts[:longer]): [{"type": REJECT}], "/".join(parts[:shorter]): [{"type": ACCEPT}]}
    found = read(json.dumps({"default": [{"type": ACCEPT}], "transports": {"docker": scopes}}).encode())
    assert [one.kind for one in found.of(ImageRef.parse(f"{name}:v1"))[1]] == [REJECT]


def test_a_wildcard_is_for_hosts_below_a_domain_only() -> None:
    scopes = {"*.r.example": [{"type": ACCEPT}]}
    found = read(json.dumps({"default": [{"type": REJECT}], "transports": {"docker": scopes}}).encode())
    kinds = {
        host: found.of(ImageRef.parse(f"{host}/shop/web:v1"))[1][0].kind
        for host in ("a.r.example", "b.a.r.example:5000", "r.example", "evilr.example")
    }
    assert kinds == {
        "a.r.example": ACCEPT, "b.a.r.example:5000": ACCEPT, "r.example": REJECT, "evilr.example": REJECT,
    }  # fmt: skip


def test_scopes_of_another_transport_are_not_passed_over() -> None:
    found = read(b'{"default": [{"type": "insecureAcceptAnything"}], "transports": {"oci": {"/x": []}}}')
    with pytest.raises(TrustkitError):
        found.of(ImageRef.parse("oci:/x:v1"))
