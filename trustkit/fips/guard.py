"""FIPS mode's guard: keeps cryptography outside the module from being loaded or started by accident.

It is a barrier against mistakes, not a sandbox: who can run code in this process can get around it. CPython falls back
to hashes of its own when OpenSSL refuses one (cpython#123112), so those are taken away first.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from trustkit.errors import GuardError, SelfTestError
from trustkit.fips.libcrypto.fips_module import mapped_files
from trustkit.fips.libcrypto.library import SONAME, Library

BUILTIN_HASHES = ("_md5", "_sha1", "_sha2", "_sha256", "_sha512", "_sha3", "_blake2")
LIBRARIES = frozenset({
    "cryptography", "Crypto", "Cryptodome", "nacl", "bcrypt", "rfc3161_client", "pysequoia", "regopy", "M2Crypto",
    "OpenSSL", "ecdsa", "rsa", "gnupg", "psycopg_binary",
})  # fmt: skip
PROGRAMS = frozenset(
    {"gpg", "gpg2", "gpgv", "gpg-agent", "openssl", "ssh", "ssh-keygen", "cosign", "notation", "notary"}
)
# What else may hold cryptography, by the name of its file.
LOOKS_LIKE = (
    "libcrypto", "libssl", "libgcrypt", "libnettle", "libhogweed", "libgnutls", "libsodium", "libmbedcrypto",
    "libbotan", "libnss3", "fips.so", "_rust.abi3", "_sodium", "cygrpc", "_blake2", "_md5", "_sha", "sequoia",
)  # fmt: skip
_UNUSED = (*BUILTIN_HASHES, "cygrpc")
_NULL = None


class _QuietHashlib(MetaPathFinder):
    """Lets hashlib be loaded without its complaints: it logs, with a traceback, each hash the module does not have."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return hashlib's own spec, to be executed in silence; nothing of any other."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == "hashlib" else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _QuietLoader(spec.loader.name, spec.loader.path)
        return spec


class _QuietLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        import logging

        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            super().exec_module(module)
        finally:
            logging.disable(before)


class _Denial(MetaPathFinder):
    """Finds nothing, and says why not."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  (what the import system passes)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Raise GuardError for a library of the list, and leave every other to the next finder."""
        if fullname.partition(".")[0] in LIBRARIES:
            raise GuardError(
                f"{fullname} does cryptography outside the FIPS module and may not be loaded",
                next_step="use a key and a format that the module can check, or do this where FIPS mode is off",
            )
        return None


def enter() -> None:
    """Put the guard up. Raises SelfTestError if a library it would deny is loaded already."""
    for name in BUILTIN_HASHES:
        sys.modules[name] = None  # type: ignore[assignment]
    loaded = sorted(LIBRARIES & {name.partition(".")[0] for name in tuple(sys.modules)})
    if loaded:
        raise SelfTestError(f"loaded before FIPS mode was entered: {', '.join(loaded)}")
    sys.meta_path[:0] = (_Denial(), _QuietHashlib())
    sys.addaudithook(_audit)


def strangers(module: str) -> list[str]:
    """Return mapped files that look like cryptography and are neither the module nor the library that drives it."""
    return sorted(
        path for path in mapped_files(*LOOKS_LIKE) if path != module and not _is_expected(path.rpartition("/")[2])
    )


def require_no_late_strangers(module: str) -> None:
    """Return if nothing was mapped beyond what a daemon may map without using it. Raises SelfTestError.

    That is CPython's own hashes, taken away at the start, and gRPC's BoringSSL, which speaks no TLS here.
    """
    found = [path for path in strangers(module) if not path.rpartition("/")[2].startswith(_UNUSED)]
    if found:
        raise SelfTestError(
            f"cryptography outside the FIPS module was loaded: {', '.join(found)}",
            next_step="find out what loaded it, and start the daemon again",
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


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" or event in {"os.exec", "os.posix_spawn"}:
        program = str(arguments[0] or "").rpartition("/")[2]
        if program in PROGRAMS:
            raise GuardError(f"{program} does cryptography outside the FIPS module and may not be started")
    elif event == "ctypes.dlopen":
        name = str(arguments[0] or "").rpartition("/")[2]
        if name and name != SONAME and any(part in name for part in LOOKS_LIKE):
            raise GuardError(f"{name} does cryptography outside the FIPS module and may not be loaded")
