"""A layout is known by its whole path, however its caller wrote it: a policy's patterns hold for that."""

from pathlib import Path

import pytest

from peers.images import Image, write_layout
from peers.trustkit import Trustkit


@pytest.fixture(name="layout")
def layout_(trustkit: Trustkit, image: Image) -> Path:
    folder = trustkit.user_home / "layout"
    folder.mkdir()
    write_layout(image, folder, "1")
    return folder


@pytest.mark.parametrize("command", [("verify",), ("policy", "explain")])
@pytest.mark.parametrize("given", ["oci:layout:1", "oci:./layout:1", "oci:../user/layout:1"])
def test_a_relative_layout_is_judged_by_its_whole_path(
    trustkit: Trustkit, layout: Path, command: tuple[str, ...], given: str
) -> None:
    judged = trustkit.json(*command, given)
    assert isinstance(judged, dict)
    assert judged["reference"].startswith("oci:/"), judged


def test_a_signature_in_a_relative_layout_is_on_record_by_its_whole_path(trustkit: Trustkit, layout: Path) -> None:
    trustkit.must("key", "generate", "mine", env={"TRUSTKIT_PASSWORD": "x"})
    signed = trustkit.json("sign", "--key", "mine", "oci:layout:1", env={"TRUSTKIT_PASSWORD": "x"})
    assert str(layout) in str(signed), signed
