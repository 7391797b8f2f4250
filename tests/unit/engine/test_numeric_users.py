"""A number is that id, whatever an image's passwd and group call by it."""

import pytest

from trustkit.engine.users import resolve
from trustkit.errors import UsageError

PASSWD = b"root:x:0:0:root:/root:/bin/sh\n1000:x:0:0:not root:/:/bin/sh\napp:x:1000:50::/app:/bin/sh\n"
GROUP = b"root:x:0:\n50:x:0:\nstaff:x:7:app\n"


def test_a_number_is_no_name_in_passwd() -> None:
    assert resolve("1000", PASSWD, GROUP) == (1000, 50, (7,), "/app")


def test_a_number_is_no_name_in_group() -> None:
    assert resolve("1000:50", PASSWD, GROUP).gid == 50


def test_a_number_nobody_knows_is_taken_as_it_is() -> None:
    assert resolve("4242:4343", PASSWD, GROUP) == (4242, 4343, (), "/")


def test_a_name_still_means_its_entry() -> None:
    assert resolve("app", PASSWD, GROUP).uid == 1000


@pytest.mark.parametrize("wanted", ["4294967296", "1000:4294967296", "-1", "0x0"])
def test_a_number_too_large_to_be_an_id_is_a_name_nobody_has(wanted: str) -> None:
    with pytest.raises(UsageError):
        resolve(wanted, PASSWD, GROUP)
