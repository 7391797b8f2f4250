"""The distribution's FIPS module where the system has none: its package, fetched, checked by apt and unpacked.

Nothing is installed on the system: trustkit keeps a copy of the module of its own.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trustkit.errors import ConfigError

PACKAGE = "openssl-provider-fips"
_OF_DNF = "openssl-fips-provider"
_SECONDS = 300
_SAID_LINES = 2


@contextmanager
def fetched() -> Iterator[tuple[Path, str]]:
    """Give the module's file and the words that say where it is from. Raises ConfigError, saying what to do instead."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise _unknown()
    with TemporaryDirectory(prefix="trustkit-fips-") as name:
        folder = Path(name)
        # apt checks the package against the repository's signed index
        _run(["apt-get", "--quiet", "download", PACKAGE], folder)
        packages = list(folder.glob(f"{PACKAGE}_*.deb"))
        if len(packages) != 1:
            raise ConfigError(f"apt-get download {PACKAGE} brought {len(packages)} packages", next_step=_GIVE)
        _run(["dpkg-deb", "--extract", packages[0].name, "unpacked"], folder)
        found = [file for file in (folder / "unpacked").rglob("fips.so") if file.is_file() and not file.is_symlink()]
        if len(found) != 1:
            raise ConfigError(f"{packages[0].name} holds {len(found)} files called fips.so", next_step=_GIVE)
        yield found[0], f"package {packages[0].stem}, fetched by apt-get"


_GIVE = "give the file with --module: of your vendor if it has to be validated"


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603  (two programs of the system, by fixed words)
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{command[0]}: {error}", next_step=_GIVE) from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg"))][:_SAID_LINES]
        raise ConfigError(
            f"no FIPS module is on this system, and {' '.join(command)} failed: {' '.join(lines) or done.returncode}",
            next_step=f"Debian has the package from 13 on; apt-get update, or {_GIVE}",
        )


def _unknown() -> ConfigError:
    if shutil.which("dnf"):
        return ConfigError("no FIPS module is on this system", next_step=f"dnf install {_OF_DNF}, then run this again")
    return ConfigError("no FIPS module is on this system, and no apt-get to fetch one", next_step=_GIVE)
