"""FIPS mode's guard: keeps cryptography outside the module from being loaded or started by accident.

It is a barrier against mistakes, not a sandbox: who can run code in this process can get around it. CPython falls back
to hashes of its own when OpenSSL refuses one (cpython#123112), so those are taken away first.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from trustkit.errors import GuardError, SelfTestError
from trustkit.fips.libcrypto.fips_module import mapped_files
from trustkit.fips.libcrypto.library import SONAME, Library

BUILTIN_HASHES = ("_md5", "_sha1", "_sha2", "_sha256", "_sha512", "_sha3", "_blake2")
_TAKEN_AWAY = (*BUILTIN_HASHES, "_crypt", "crypt")
# cffi opens libraries without an audit event, so nothing that stands on it is loaded.
LIBRARIES = frozenset({
    "cryptography", "Crypto", "Cryptodome", "nacl", "bcrypt", "rfc3161_client", "pysequoia", "regopy", "M2Crypto",
    "OpenSSL", "ecdsa", "rsa", "gnupg", "psycopg_binary", "cffi", "_cffi_backend",
})  # fmt: skip
# What trustkit starts, and ctypes to find a library; anything else might be a shell, or do cryptography.
PROGRAMS = frozenset({"containerd", "runc", "iptables", "iptables-restore", "ldconfig"})
CREDENTIAL_HELPER = "docker-credential-"
_OURSELVES = ("-I", "-m", "trustkit")
# Ed25519 in Python, which securesystemslib loads with everything else and uses when `cryptography` is not there.
_VENDORED = "securesystemslib._vendor.ed25519.ed25519"
# What else may hold cryptography, by the name of its file.
LOOKS_LIKE = (
    "libcrypto", "libssl", "libgcrypt", "libnettle", "libhogweed", "libgnutls", "libsodium", "libmbedcrypto",
    "libbotan", "libnss3", "libcrypt.so", "fips.so", "_rust.abi3", "_sodium", "cygrpc", "_blake2", "_md5", "_sha",
    "sequoia",
)  # fmt: skip
_UNUSED = (*BUILTIN_HASHES, "cygrpc")
_NULL = None
_up: list[bool] = []
_denied: dict[str, int] = {}
# Names of what was denied are kept up to here; more of them are counted together.
_MOST_NAMES = 64


class _Altered:
    """Lets one module be loaded in another way than it loads itself."""

    def __init__(self, name: str, loader: type[SourceFileLoader]) -> None:
        self._name, self._loader = name, loader

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the module's own spec with our loader; nothing of any other."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == self._name else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = self._loader(spec.loader.name, spec.loader.path)
        return spec


class _QuietHashlib(SourceFileLoader):
    """Without its complaints: hashlib logs, with a traceback, each hash that the module does not have."""

    def exec_module(self, module: ModuleType) -> None:
        import logging

        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            super().exec_module(module)
        finally:
            logging.disable(before)


class _NarrowTls(SourceFileLoader):
    """With contexts whose protocol and suites are the approved ones, for good."""

    def exec_module(self, module: ModuleType) -> None:
        from trustkit.fips.narrow_tls import narrow

        super().exec_module(module)
        narrow(module)


class _Denial:
    """Finds nothing, and says why not."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  (what the import system passes)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Raise GuardError for a library of the list, and leave every other to the next finder."""
        if fullname.partition(".")[0] in LIBRARIES:
            raise _outside(fullname)
        return None


class _Refusing(ModuleType):
    """Stands in for a module that others import but must not use."""

    SignatureMismatch = Exception

    def __getattr__(self, name: str) -> object:
        """Return what raises GuardError when it is called."""
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object) -> None:
            raise _outside(self.__name__)

        return refuse


def enter(programs: frozenset[str] = frozenset()) -> None:
    """Put the guard up; of programs, only ours and these may be started.

    Raises SelfTestError if a library it would deny is loaded already.
    """
    for name in _TAKEN_AWAY:
        sys.modules[name] = None  # type: ignore[assignment]
    loaded = sorted((LIBRARIES | {"ssl", "hashlib"}) & {name.partition(".")[0] for name in tuple(sys.modules)})
    if loaded:
        raise SelfTestError(f"loaded before FIPS mode was entered: {', '.join(loaded)}")
    _up.append(True)
    sys.modules[_VENDORED] = _Refusing(_VENDORED)
    sys.meta_path[:0] = (_Denial(), _Altered("hashlib", _QuietHashlib), _Altered("ssl", _NarrowTls))
    sys.addaudithook(_hook(PROGRAMS | programs))


def is_up() -> bool:
    """Whether this process is guarded."""
    return bool(_up)


def denials() -> dict[str, int]:
    """Return what was denied in this process, and how often."""
    return dict(_denied)


def strangers(module: str) -> list[str]:
    """Return mapped files that look like cryptography and are neither the module nor the library that drives it."""
    return sorted(
        path for path in mapped_files(*LOOKS_LIKE) if path != module and not _is_expected(path.rpartition("/")[2])
    )


def late_strangers(module: str) -> list[str]:
    """Return the strangers but for those that nobody uses.

    That is CPython's own hashes, taken away at the start, and gRPC's BoringSSL, which speaks no TLS here.
    """
    return [path for path in strangers(module) if not path.rpartition("/")[2].startswith(_UNUSED)]


def require_no_late_strangers(module: str) -> None:
    """Return if nothing was mapped beyond what a daemon may map without using it. Raises SelfTestError."""
    if found := late_strangers(module):
        raise SelfTestError(
            f"cryptography outside the FIPS module was loaded: {', '.join(found)}",
            next_step="find out what loaded it, and start the command or daemon without it",
        )


def require_default_is_fips() -> None:
    """Return if Python's own OpenSSL (TLS, hashlib) runs on the FIPS module too. Raises SelfTestError.

    Proven by fetching: what is forbidden must not be found, what is approved must come from the module. The flag
    that `is_fips_enabled` functions read says nothing.
    """
    library = Library()
    method = library.made("EVP_MD_fetch", _NULL, b"SHA2-256", None)
    name = library.call("OSSL_PROVIDER_get0_name", library.call("EVP_MD_get0_provider", method))
    forbidden = [bad for bad in (b"MD5", b"SM3", b"BLAKE2B-512") if library.call("EVP_MD_fetch", _NULL, bad, None)]
    library.call("ERR_clear_error")
    if name != b"fips" or forbidden:
        found = ", ".join(bad.decode() for bad in forbidden) or f"SHA-256 of provider {name!r}"
        raise SelfTestError(
            f"Python's own OpenSSL does not run on the FIPS module: it offers {found}",
            next_step="start trustkit by its command, and not as a part of another program",
        )


def _is_expected(name: str) -> bool:
    return name in {SONAME, "libssl.so.3"}


def _count(name: str) -> None:
    known = name if name in _denied or len(_denied) < _MOST_NAMES else "others"
    _denied[known] = _denied.get(known, 0) + 1


def _outside(name: str) -> GuardError:
    _count(name)
    return GuardError(
        f"{name} does cryptography outside the FIPS module and may not be used",
        next_step="use a key and a format that the module can check, or do this where FIPS mode is off",
    )


def _hook(programs: frozenset[str]) -> Callable[[str, tuple[object, ...]], None]:
    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event in {"subprocess.Popen", "os.exec", "os.posix_spawn"}:
            _require_known(arguments[0], arguments[1], programs)
        elif event == "os.system":
            _require_known("a shell", (), programs)
        elif event == "ctypes.dlopen":
            _require_harmless(arguments[0])
        # of an extension that is loaded by its file, whoever asks for it
        elif event == "import" and arguments[1] is not None:
            _require_harmless(arguments[1])

    return audit


def _require_known(program: object, words: object, programs: frozenset[str]) -> None:
    path, given = _text(program), tuple(map(_text, words)) if isinstance(words, (list, tuple)) else ()
    name = path.rpartition("/")[2]
    if path == sys.executable and given[1 : 1 + len(_OURSELVES)] == _OURSELVES:
        return
    if name not in programs and not name.startswith(CREDENTIAL_HELPER):
        _count(name)
        raise GuardError(
            f"{name} is no program that trustkit starts in FIPS mode: it may do cryptography outside the module",
            next_step="do this where FIPS mode is off",
        )


def _require_harmless(file: object) -> None:
    *folders, name = _text(file).split("/")
    if name in {"", SONAME} or name.startswith("cygrpc"):
        return
    if LIBRARIES & set(folders) or any(part in name for part in LOOKS_LIKE):
        raise _outside(name)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
