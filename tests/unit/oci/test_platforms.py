import pytest

from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor, Platform
from trustkit.oci.platforms import choose


def children(*texts):
    return [
        Descriptor("m", Digest("sha256", f"{n:064x}"), 1, platform=Platform(*text.split("/")))
        for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("offered", "wanted", "expected"),
    [
        (["linux/amd64", "linux/arm64"], "linux/arm64", 1),
        (["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", 1),
        (["linux/arm/v7", "linux/arm/v6"], "linux/arm/v6", 1),
        (["linux/arm/v5", "linux/arm/v6"], "linux/arm/v7", 1),
        (["linux/arm64"], "linux/arm64/v8", 0),
        (["linux/arm64/v8"], "linux/arm64", 0),
        (["linux/arm"], "linux/arm/v7", 0),
        (["linux/amd64", "linux/amd64"], "linux/amd64", 0),
        (["linux/amd64/v3", "linux/amd64"], "linux/amd64", 1),
        (["linux/arm/v7"], "linux/arm/v6", None),
        (["linux/arm/v7"], "linux/arm64", None),
        (["unknown/unknown", "windows/amd64"], "linux/amd64", None),
        ([], "linux/amd64", None),
    ],
)
def test_the_newest_variant_that_runs_is_chosen(offered, wanted, expected):
    all_children = children(*offered)
    found = choose(all_children, Platform(*wanted.split("/")))
    assert found == (None if expected is None else all_children[expected])
