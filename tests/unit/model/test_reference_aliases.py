"""One place has one name, so that no spelling of it escapes the policy that names it."""

import pytest

from trustkit.errors import ReferenceSyntaxError
from trustkit.model.reference import ImageRef


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("oci:/srv/images/../../tmp/evil", "oci:/tmp/evil"),
        ("oci:/srv/images/./app/", "oci:/srv/images/app"),
        ("oci://srv//images/app", "oci:/srv/images/app"),
        ("oci-archive:/srv/images/../evil.tar:v1", "oci-archive:/srv/evil.tar"),
        ("docker-archive:/srv/images/../evil.tar:app:v1", "docker-archive:/srv/evil.tar"),
        ("oci:layout", "oci:layout"),
    ],
)
def test_a_layout_is_named_by_the_path_that_is_opened(given: str, name: str) -> None:
    ref = ImageRef.parse(given)
    assert ref.name == name
    assert ref.path == name.partition(":")[2]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("registry.corp.example:443/app", "registry.corp.example/app"),
        ("registry.corp.example:0443/app", "registry.corp.example/app"),
        ("Registry.Corp.Example/app", "registry.corp.example/app"),
        ("registry.corp.example:08443/app", "registry.corp.example:8443/app"),
        ("docker.io:443/app", "docker.io/library/app"),
        ("index.docker.io:443/app", "docker.io/library/app"),
        ("[2001:db8::1]:443/app", "[2001:db8::1]/app"),
        ("localhost:443/app", "localhost:443/app"),
        ("127.0.0.1:443/app", "127.0.0.1:443/app"),
    ],
)
def test_a_registry_has_one_name(given: str, name: str) -> None:
    assert ImageRef.parse(given).name == name


@pytest.mark.parametrize("port", ["", "443443", "\uff14\uff14\uff13", "-1", "x"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ReferenceSyntaxError):
        ImageRef.parse(f"registry.corp.example:{port}/app")
