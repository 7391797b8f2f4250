"""`signedIdentity`: which name in a signature counts for the name that was asked for (containers-policy.json(5))."""

import pytest

from trustkit.errors import PolicySyntaxError
from trustkit.model.reference import ImageRef
from trustkit.policy.signed_identity import mismatch, read_signed_identity

HEX = "ab" * 32
WEB = "registry.example/shop/web"


@pytest.mark.parametrize(
    ("rule", "claimed", "asked", "fits"),
    [
        ("matchRepoDigestOrExact", f"{WEB}:v1", f"{WEB}:v1", True),
        ("matchRepoDigestOrExact", f"{WEB}:v2", f"{WEB}:v1", False),
        ("matchRepoDigestOrExact", WEB, f"{WEB}:v1", False),
        ("matchRepoDigestOrExact", f"{WEB}:v2", f"{WEB}@sha256:{HEX}", True),
        ("matchRepoDigestOrExact", "registry.example/shop/other:v1", f"{WEB}@sha256:{HEX}", False),
        ("matchRepoDigestOrExact", f"{WEB}:v2", f"{WEB}:v1@sha256:{HEX}", False),
        ("matchExact", f"{WEB}:v1", f"{WEB}:v1", True),
        ("matchExact", WEB, f"{WEB}:latest", False),
        ("matchExact", f"{WEB}:v1", f"{WEB}@sha256:{HEX}", False),
        ("matchExact", f"{WEB}@sha256:{HEX}", f"{WEB}@sha256:{HEX}", True),
        ("matchRepository", f"{WEB}:v2", f"{WEB}:v1", True),
        ("matchRepository", WEB, f"{WEB}:v1", True),
        ("matchRepository", f"{WEB}-evil:v1", f"{WEB}:v1", False),
        ("matchRepository", "evil.example/shop/web:v1", f"{WEB}:v1", False),
        (f"exactReference={WEB}:v1", f"{WEB}:v1", "mirror.example/x:9", True),
        (f"exactReference={WEB}:v1", f"{WEB}:v2", "mirror.example/x:9", False),
        (f"exactRepository={WEB}", f"{WEB}:v2", "mirror.example/x:9", True),
        (f"exactRepository={WEB}", "registry.example/shop/web2:v2", f"{WEB}:v1", False),
        ("remapIdentity=mirror.example=registry.example", f"{WEB}:v1", "mirror.example/shop/web:v1", True),
        ("remapIdentity=mirror.example=registry.example", f"{WEB}:v2", "mirror.example/shop/web:v1", False),
        ("remapIdentity=mirror.ex=registry.example", f"{WEB}:v1", "mirror.example/shop/web:v1", False),
        ("remapIdentity=mirror.example=registry.example", "mirror.example/shop/web:v1", "mirror.example/shop/web:v1",
         False),
        ("matchRepository", "docker.io/library/busybox:1", "busybox:1", True),
        ("matchRepository", "busybox:1", "docker.io/library/busybox:2", True),
        ("matchRepository", "", f"{WEB}:v1", False),
        ("matchRepository", "UPPER/Case", f"{WEB}:v1", False),
        ("matchRepository", f"docker://{WEB}:v1", f"{WEB}:v1", False),
        ("matchRepository", f"{WEB}:v1", "oci:/images/web:v1", False),
        (f"exactRepository={WEB}", f"{WEB}:v1", "oci:/images/web:v1", True),
    ],
)  # fmt: skip
def test_the_names_are_compared_as_containers_image_does(rule: str, claimed: str, asked: str, fits: bool) -> None:
    why = mismatch(read_signed_identity(rule), claimed, ImageRef.parse(asked))
    assert (why == "") is fits, why


@pytest.mark.parametrize(
    "rule",
    [
        "", "matchAnything", "matchExact=x", "matchRepository=a=b", "exactReference", "exactReference=",
        "exactRepository",
        f"exactReference={WEB}", f"exactRepository={WEB}:v1", "exactRepository=UPPER", "remapIdentity",
        "remapIdentity=a", "remapIdentity==b", "remapIdentity=a=",
    ],
)  # fmt: skip
def test_a_rule_that_is_written_wrongly_is_refused(rule: str) -> None:
    with pytest.raises(PolicySyntaxError):
        read_signed_identity(rule)


@pytest.mark.parametrize("rule", ["matchExact", f"exactRepository={WEB}", "remapIdentity=a.example=b.example/c"])
def test_a_rule_is_written_as_it_was_read(rule: str) -> None:
    assert str(read_signed_identity(rule)) == rule
