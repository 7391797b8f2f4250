"""Who a container's process is: `user[:group]` by the container's own /etc/passwd and /etc/group, as docker does."""

from typing import NamedTuple

from trustkit.errors import UsageError

FILE_BYTES = 4 * 1024 * 1024
_MAX_ID = 2**31 - 1


class User(NamedTuple):
    """A process's ids and home."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


class _Account(NamedTuple):
    name: str
    uid: int
    gid: int
    home: str


class _Group(NamedTuple):
    name: str
    gid: int
    members: tuple[str, ...]


def resolve(wanted: str, passwd: bytes, group: bytes) -> User:
    """Return the ids for `user`, `uid`, `user:group`, ... ; nothing wanted means root.

    A number needs no entry; a name does. A number is never looked up as a name: `1000:x:0:0` in an image's passwd
    must not make root of a user that a policy took for another one.

    Raises UsageError.
    """
    name, _, group_name = (wanted or "0").partition(":")
    accounts, groups = _accounts(passwd), _groups(group)
    number = _number(name)
    account = next((item for item in accounts if _is(item.name, item.uid, name, number)), None)
    if account is None and number is None:
        raise _unknown("user", name, "/etc/passwd")
    uid = account.uid if account else number or 0
    home = account.home if account and account.home else "/"
    if group_name:
        return User(uid, _gid(group_name, groups), (), home)
    gid = account.gid if account else 0
    extra = sorted({item.gid for item in groups if account and account.name in item.members} - {gid})
    return User(uid, gid, tuple(extra), home)


def _gid(name: str, groups: list[_Group]) -> int:
    number = _number(name)
    found = next((item.gid for item in groups if _is(item.name, item.gid, name, number)), number)
    if found is None:
        raise _unknown("group", name, "/etc/group")
    return found


def _is(name: str, number: int, wanted: str, wanted_number: int | None) -> bool:
    return name == wanted if wanted_number is None else number == wanted_number


def _unknown(kind: str, name: str, file: str) -> UsageError:
    message = f"unable to find {kind} {name}: no matching entries in the image's {file}"
    return UsageError(message, next_step=f"give a numeric id, or a {kind} that the image knows")


def _number(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_ID)) and int(text) <= _MAX_ID:
        return int(text)
    return None


def _lines(content: bytes, columns: int) -> list[list[str]]:
    lines = content.decode("utf-8", "replace").splitlines()
    rows = [line.split(":") for line in lines if line and not line.startswith("#")]
    return [row for row in rows if len(row) >= columns]


def _accounts(content: bytes) -> list[_Account]:
    rows = ((row, _number(row[2]), _number(row[3])) for row in _lines(content, 4))
    return [
        _Account(row[0], uid, gid, row[5] if len(row) > 5 else "")  # noqa: PLR2004  (passwd(5): field 6 is the home)
        for row, uid, gid in rows
        if uid is not None and gid is not None
    ]


def _groups(content: bytes) -> list[_Group]:
    rows = ((row, _number(row[2])) for row in _lines(content, 3))
    return [
        _Group(row[0], gid, tuple(row[3].split(",")) if len(row) > 3 else ())  # noqa: PLR2004  (group(5): members)
        for row, gid in rows
        if gid is not None
    ]
