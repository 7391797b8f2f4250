"""Credentials for registries, from the files that docker and podman keep.

    {"auths":{"host":{"auth":"base64(user:password)","identitytoken":"..."}},
     "credHelpers":{"host":"ecr-login"},"credsStore":"secretservice"}

Looked up in the order docker has: the host's helper, the store, the file itself. Secrets never
appear in messages.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from trustkit import limits
from trustkit.codec import base64, strict_json
from trustkit.codec.strict_json import as_object, as_text
from trustkit.errors import ConfigError, MalformedError
from trustkit.model.values import NamedTuple

_HUB = "https://index.docker.io/v1/"
_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")
# docker-credential-ecr-login and the like say this when they have nothing.
_NOTHING = "credentials not found"
_SECRET = "pull secret"  # noqa: S105  (what messages call it)
_TOKEN_USER = "<token>"  # noqa: S105  (the name that marks an identity token)


class _Fields(NamedTuple):
    user: str
    password: str
    identity_token: str = ""


class Credential(_Fields):
    """A user and password, or an identity token; its text shows neither secret."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show the user only."""
        return f"Credential({self.user!r})"

    __str__ = __repr__


def find(files: Iterable[Path], host: str, repository: str = "") -> Credential | None:
    """Return the first credential for a registry in these files; absent files are skipped.

    Raises ConfigError.
    """
    for file in files:
        members = _read(file)
        if members is None:
            continue
        found = _from_file(members, host, repository, file)
        if found is not None:
            return found
    return None


def find_in(texts: Iterable[bytes], host: str, repository: str = "") -> Credential | None:
    """Return the first credential for a registry in these texts, which somebody else wrote.

    Of them only `auths` is read: a store or a helper would be a program of his choice. Raises MalformedError.
    """
    for text in texts:
        value = strict_json.parse(text, what=_SECRET, limit_bytes=limits.CREDENTIALS_BYTES, fold_names=False)
        auths = as_object(as_object(value, _SECRET).get("auths") or {}, f"{_SECRET}: auths")
        for name in _keys(host, repository):
            if name in auths:
                return _from_entry(as_object(auths[name], f"{_SECRET}: auths"), _SECRET)
    return None


def _read(file: Path) -> dict[str, object] | None:
    try:
        with file.open("rb") as opened:
            content = opened.read(limits.CREDENTIALS_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", next_step="make it readable") from error
    try:
        value = strict_json.parse(content, what=str(file), limit_bytes=limits.CREDENTIALS_BYTES, fold_names=False)
        return as_object(value, str(file))
    except MalformedError as error:
        raise ConfigError(error.message, next_step="repair the file, or log in again") from error


def _from_file(members: dict[str, object], host: str, repository: str, file: Path) -> Credential | None:
    try:
        helpers = as_object(members.get("credHelpers") or {}, f"{file}: credHelpers")
        auths = as_object(members.get("auths") or {}, f"{file}: auths")
        store = as_text(members.get("credsStore") or "", f"{file}: credsStore")
        for name in _names(host):
            helper = as_text(helpers.get(name) or "", f"{file}: credHelpers")
            if helper:
                return ask_helper(helper, name)
        if store:
            for name in _names(host):
                if (found := ask_helper(store, name)) is not None:
                    return found
        for name in _keys(host, repository):
            if name in auths:
                return _from_entry(as_object(auths[name], f"{file}: auths"), file)
    except MalformedError as error:
        raise ConfigError(f"{file}: {error.message}", next_step="log in again") from error
    return None


def _names(host: str) -> tuple[str, ...]:
    return (_HUB, "docker.io") if host in _HUB_NAMES else (host,)


def _keys(host: str, repository: str) -> Iterator[str]:
    """Yield the keys of `auths` for a repository, the most specific first (auth.json(5))."""
    parts = repository.split("/") if repository else []
    for name in _HUB_NAMES if host in _HUB_NAMES else (host,):
        for count in range(len(parts), 0, -1):
            yield "/".join([name, *parts[:count]])
        yield from (name, f"https://{name}", f"https://{name}/", f"https://{name}/v1/")


def _from_entry(entry: dict[str, object], file: Path | str) -> Credential | None:
    what = f"{file}: auths"
    token = as_text(entry.get("identitytoken") or "", what)
    packed = as_text(entry.get("auth") or "", what)
    user = as_text(entry.get("username") or "", what)
    password = as_text(entry.get("password") or "", what)
    if packed:
        try:
            text = base64.decode(packed, what).decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedError("an auth entry is not UTF-8") from error
        user, colon, password = text.partition(":")
        if not colon:
            raise MalformedError("an auth entry is not user:password")
        password = password.rstrip("\0")
    if not (user or token):
        return None
    return Credential(user, password, token)


def ask_helper(name: str, host: str) -> Credential | None:
    """Return what `docker-credential-NAME get` knows of a host, None if nothing.

    Raises ConfigError.
    """
    import subprocess

    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise ConfigError(f"{name[:40]!r} is not the name of a credential helper")
    program = f"docker-credential-{name}"
    try:
        done = subprocess.run(  # noqa: S603  (the user's own configuration names the program)
            [program, "get"],
            input=host.encode(),
            capture_output=True,
            timeout=limits.HELPER_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        message = f"the credential helper {program} is not installed"
        raise ConfigError(message, next_step=f"install {program}, or log in without it") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{program} does not answer within {limits.HELPER_SECONDS:g} seconds"
        raise ConfigError(message, next_step=f"run `{program} get` by hand") from error
    if done.returncode:
        if _NOTHING in (done.stdout + done.stderr).decode("utf-8", "replace").lower():
            return None
        message = f"{program} failed with status {done.returncode}"
        raise ConfigError(message, next_step=f"run `{program} get` by hand to see why")
    return _from_helper(done.stdout, program)


def _from_helper(content: bytes, program: str) -> Credential:
    try:
        value = strict_json.parse(content, what=program, limit_bytes=limits.CREDENTIALS_BYTES)
        members = as_object(value, program)
        user = as_text(members.get("Username"), f"{program}: Username")
        secret = as_text(members.get("Secret"), f"{program}: Secret")
    except MalformedError as error:
        raise ConfigError(error.message, next_step="update the credential helper") from error
    return Credential("", "", secret) if user == _TOKEN_USER else Credential(user, secret)
