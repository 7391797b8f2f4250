"""Where a document of a policy finds the keys and roots that it names.

    a document of the cluster      any file of this machine, and keys in services and tokens
    a document of a namespace      files in its folder, and those that documents of the cluster name
    a document out of a bundle     files of the bundle

Who writes documents of a namespace, or a bundle, has this machine read, load or ask nothing else.
"""

import os
import stat
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from trustkit.errors import MalformedError, PolicySyntaxError, TrustkitError

# Reads a file of trust: its path, the most bytes it may have, what it is.
Read = Callable[[Path, int, str], bytes]


def content(path: Path, limit_bytes: int, what: str) -> bytes:
    """Return what a file holds. Raises PolicySyntaxError."""
    try:
        with path.open("rb") as stream:
            found = stream.read(limit_bytes + 1)
    except (OSError, ValueError) as error:
        raise unreadable(path, error, what) from error
    return _within(found, limit_bytes, f"{what}: {path}", path)


def unreadable(path: Path, error: OSError | ValueError, what: str = "") -> TrustkitError:
    """Return the error that says why a path cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return PolicySyntaxError(
        f"{what or path}: cannot read {path}: {reason}",
        next_step="check the path; keys are looked for beside the policy file",
        file=str(path),
    )


def noted(read: Read, named: dict[Path, bytes]) -> Read:
    """Return the same reader, which notes in `named` what it read."""

    def reading(path: Path, limit_bytes: int, what: str) -> bytes:
        return named.setdefault(_plain(path), read(path, limit_bytes, what))

    return reading


def out_of_bundle(beside: Mapping[Path, bytes]) -> Read:
    """Return what reads the files of a bundle."""

    def reading(path: Path, limit_bytes: int, what: str) -> bytes:
        found = beside.get(Path(os.path.normpath(path)))
        if found is None:
            step = "`trustkit policy push` takes it along"
            raise PolicySyntaxError(f"{what}: not in the bundle", next_step=step, file=str(path))
        return _within(found, limit_bytes, what, path)

    return reading


def of_folder(folder: Path, named: Mapping[Path, bytes]) -> Read:
    """Return what reads the files of a namespace's folder, and those in `named`, which were read before."""

    def reading(path: Path, limit_bytes: int, what: str) -> bytes:
        known = named.get(_plain(path))
        if known is not None:
            return _within(known, limit_bytes, what, path)
        return inside(folder, path, limit_bytes, what)

    return reading


def inside(folder: Path, path: Path, limit_bytes: int, what: str) -> bytes:
    """Return what a file holds that lies in a namespace's folder, wherever links lead on the way there.

    Raises PolicySyntaxError, in the same words for every other place, whatever is there.
    """
    try:
        found = _content_inside(folder, path, limit_bytes)
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) or _is_inside(folder, os.path.realpath(path)):
            raise unreadable(path, error, what) from error
        found = None
    if found is None:
        step = f"keep documents, keys and roots as files in {folder}, or name a file that the cluster's policy names"
        raise PolicySyntaxError(f"{what}: no file in this namespace's folder", next_step=step, file=str(path))
    return _within(found, limit_bytes, f"{what}: {path}", path)


def _content_inside(folder: Path, path: Path, limit_bytes: int) -> bytes | None:
    """Return the content, None for what lies elsewhere or is no plain file. Raises OSError, ValueError."""
    # What was found is looked at, and not its name again: who may write to the folder could turn a link in between.
    # With O_PATH nothing is opened yet: a pipe would be waited for, and a device might do something.
    found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        same = Path(f"/proc/self/fd/{found}")
        if not stat.S_ISREG(os.fstat(found).st_mode) or not _is_inside(folder, same.readlink()):
            return None
        with same.open("rb") as stream:
            return stream.read(limit_bytes + 1)
    finally:
        os.close(found)


def _is_inside(folder: Path, real: str | Path) -> bool:
    return Path(real).is_relative_to(os.path.realpath(folder))


def require_askable(uri: str, file: Path, *, namespace: str, bundled: bool) -> None:
    """Return if the document may have this machine ask for a key that is no file. Raises PolicySyntaxError.

    The library of a token is code that runs here: only this machine's own configuration names it.
    """
    scheme = uri.partition(":")[0]
    if namespace or bundled:
        whose = f"a document of the namespace {namespace}" if namespace else "a document out of a bundle"
        reason = f"{whose} has this machine ask for no key of a service or token ({scheme}:)"
        step = "put the public half into a file beside the document, and name it as pem"
        raise PolicySyntaxError(f"{file}: {reason}", next_step=step, file=str(file))
    if scheme == "pkcs11":
        _require_no_library(uri, file)


def _require_no_library(uri: str, file: Path) -> None:
    from trustkit.codec.pkcs11_uri import parse_pkcs11_uri

    try:
        wanted = parse_pkcs11_uri(uri)
    except MalformedError as error:
        step = "write pkcs11:token=LABEL;object=NAME (RFC 7512)"
        raise PolicySyntaxError(f"{file}: {error.message}", next_step=step, file=str(file)) from error
    if wanted.module_path is not None or wanted.module_name is not None:
        raise PolicySyntaxError(
            f"{file}: {wanted}: a policy does not say which library is loaded here",
            next_step="leave out module-path and module-name, and set keys.pkcs11_module on this machine",
            file=str(file),
        )


def remote_key(uri: str, file: Path, module: Path | None) -> bytes:
    """Return the public half of a key in a service, or in a token by this library.

    A key that cannot be had makes the document one that does not load: raises PolicySyntaxError.
    """
    try:
        return _asked(uri, module)
    except TrustkitError as error:
        message = f"{file}: a key cannot be loaded: {error.message}"
        raise PolicySyntaxError(message, next_step=error.next_step, file=str(file)) from error


@lru_cache(maxsize=256)
def _asked(uri: str, module: Path | None) -> bytes:
    """Ask once in each process. Raises as `public_pem`."""
    from trustkit.fips.select import provider
    from trustkit.signing.key_providers.remote import public_pem

    found = public_pem(uri, provider(), module)
    if found is None:
        raise PolicySyntaxError(f"{uri[:120]!r} is no key of a service", next_step="write its URI")
    return found[1]


def _within(found: bytes, limit_bytes: int, what: str, path: Path) -> bytes:
    if len(found) > limit_bytes:
        raise PolicySyntaxError(f"{what} is larger than {limit_bytes} bytes", file=str(path))
    return found


def _plain(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))
