"""trustkit's own copy of a FIPS module: the file, the configuration it runs under, and what it was when installed.

    fips.so        the module
    openssl.cnf    its configuration (`libcrypto.configuration`), used by this process and by Python's TLS
    module.json    {"sha256": HEX, "mac": HEX, "crc32": HEX, "source": PATH}

The folder is made beside the old one and renamed over it, so that it is whole or not there.
"""

from pathlib import Path
from zlib import crc32

from trustkit import durable, limits
from trustkit.codec import strict_json
from trustkit.codec.canonical_json import canonical
from trustkit.errors import ConfigError, MalformedError, SelfTestError, StorageError
from trustkit.fips.libcrypto.configuration import INTEGRITY_KEY, configuration
from trustkit.fips.libcrypto.module import Module
from trustkit.model.values import NamedTuple

_RECORDED = ("sha256", "mac", "crc32", "source")
MODULE, CONFIGURATION, RECORD = "fips.so", "openssl.cnf", "module.json"
# Where distributions put the provider (Debian: openssl-provider-fips; RHEL, Fedora, Alpine).
USUAL_PLACES = (
    "/usr/lib/x86_64-linux-gnu/ossl-modules/fips.so",
    "/usr/lib/aarch64-linux-gnu/ossl-modules/fips.so",
    "/usr/lib64/ossl-modules/fips.so",
    "/usr/lib/ossl-modules/fips.so",
)


class Installation(NamedTuple):
    """An installed module: its folder, and the SHA-256, integrity MAC and CRC-32 its file must have (hex)."""

    folder: Path
    sha256: str
    mac: str
    crc32: str
    source: str

    @property
    def module(self) -> Path:
        """The module's file."""
        return self.folder / MODULE

    @property
    def configuration(self) -> Path:
        """The configuration's file."""
        return self.folder / CONFIGURATION


def find() -> Path | None:
    """Return the distribution's module, None where its package is not installed."""
    return next((Path(place) for place in USUAL_PLACES if Path(place).is_file()), None)


def install(source: Path, folder: Path, origin: str = "") -> Installation:
    """Copy a module in and write its configuration; `origin` says where it is from, if its path does not.

    Raises ConfigError, StorageError.
    """
    import shutil

    content = _module_bytes(source)
    measured = Module.default()
    running = measured.hasher("sha256")
    running.update(content)
    mac = measured.hmac("sha256", INTEGRITY_KEY, content)
    made = Installation(folder, running.digest().hex(), mac.hex(), _crc32(content), origin or str(source))
    record = canonical({name: getattr(made, name) for name in _RECORDED})
    fresh, old = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    try:
        for left in (fresh, old):
            shutil.rmtree(left, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o755)
        durable.write_file(fresh / MODULE, content, mode=0o644)
        durable.write_file(fresh / CONFIGURATION, configuration(folder / MODULE, mac).encode(), mode=0o644)
        durable.write_file(fresh / RECORD, record, mode=0o644)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise StorageError(f"{folder}: {(error.strerror or str(error)).lower()}") from error
    return made


def read(folder: Path) -> Installation:
    """Return the installed module, its files whole as far as a checksum tells. Raises ConfigError, SelfTestError.

    No cryptography is done here: the module checks its own integrity when it is loaded. But a broken library may
    crash whoever loads it, before it can check anything.
    """
    try:
        content = (folder / RECORD).read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"no FIPS module is installed in {folder}", next_step="trustkit fips install") from error
    except OSError as error:
        raise ConfigError(f"{folder / RECORD}: {(error.strerror or '').lower()}") from error
    what = str(folder / RECORD)
    try:
        members = strict_json.as_object(
            strict_json.parse(content, what=what, limit_bytes=limits.FIPS_RECORD_BYTES), what
        )
        found = Installation(folder, *(strict_json.as_text(members.get(name), name) for name in _RECORDED))
        expected = configuration(found.module, bytes.fromhex(found.mac))
    except (MalformedError, ValueError) as error:
        raise _altered(what) from error
    if _text(found.configuration) != expected:
        raise _altered(str(found.configuration))
    try:
        whole = _crc32(found.module.read_bytes()) == found.crc32
    except OSError:
        whole = False
    if not whole:
        raise _altered(str(found.module))
    return found


def _crc32(content: bytes) -> str:
    return f"{crc32(content):08x}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _altered(what: str) -> SelfTestError:
    return SelfTestError(
        f"{what} is not what `trustkit fips install` wrote",
        next_step="find out who changed it, then run trustkit fips install again",
    )


def _module_bytes(source: Path) -> bytes:
    try:
        with source.open("rb") as file:
            content = file.read(limits.FIPS_MODULE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{source}: {(error.strerror or '').lower()}", next_step="name the module's file") from error
    if len(content) > limits.FIPS_MODULE_BYTES or not content.startswith(b"\x7fELF"):
        raise ConfigError(f"{source}: not a shared library", next_step="name the module's file, mostly called fips.so")
    return content
