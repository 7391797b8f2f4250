"""Which provider does the maths in this process. It never falls back to another one."""

from threading import Lock

from trustkit.errors import AlgorithmNotApprovedError, UsageError
from trustkit.fips.algorithms import EDDSA_PREHASH
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.selftest import SelfTestedProvider

OPENSSL = "openssl"
PYCA = "pyca"
PYCRYPTODOME = "pycryptodome"
NAMES = (OPENSSL, PYCA, PYCRYPTODOME)

_ready: dict[str, CryptoProvider] = {}
_chosen: list[str] = []
# The provider of FIPS mode, once the process is in it: there is no other from then on, and no way out.
_fixed: list[str] = []
# Its mode and its file, for those who must agree.
_standing: list[str] = []
OFF = "off"
_lock = Lock()


def fix(crypto: CryptoProvider, standing: str) -> CryptoProvider:
    """Enter FIPS mode: this provider and no other does the maths of this process, for as long as it lives.

    `standing` is what other processes must be in, too, to work with this one.
    """
    if _fixed:
        raise UsageError("this process is in FIPS mode already")
    with _lock:
        _ready.clear()
        _ready[crypto.name] = SelfTestedProvider(crypto)
        _fixed.append(crypto.name)
        _standing.append(standing)
    return _ready[crypto.name]


def is_fixed() -> bool:
    """Whether this process is in FIPS mode."""
    return bool(_fixed)


def standing() -> str:
    """Return the FIPS mode of this process with its module's SHA-256: two that work together have the same."""
    return _standing[0] if _standing else OFF


def choose(name: str) -> CryptoProvider:
    """Make the named provider this process's, and return it; the composition root calls this once at start.

    Raises UsageError for an unknown name, CryptoError if the provider cannot be loaded.
    """
    found = provider(name)
    _chosen[:] = [name]
    return found


def usage() -> dict[str, dict[str, int]]:
    """Return what FIPS mode's module counted in this process; nothing when it is in no such mode."""
    crypto = provider()
    return crypto.usage() if isinstance(crypto, SelfTestedProvider) else {}


def provider(name: str = "") -> CryptoProvider:
    """Return the named provider, else the chosen, else OpenSSL's; it tests itself before each first use.

    Raises UsageError for an unknown name, CryptoError if the provider cannot be loaded. An error inside a
    provider never leads to another one.
    """
    wanted = name or (_fixed or _chosen or [OPENSSL])[0]
    if _fixed and wanted != _fixed[0]:
        raise AlgorithmNotApprovedError(
            f"crypto provider {wanted!r} may not be used in FIPS mode", next_step=f"leave the maths to {_fixed[0]}"
        )
    ready = _ready.get(wanted)
    if ready is not None:
        return ready
    with _lock:
        if wanted not in _ready:
            _ready[wanted] = _open(wanted)
        return _ready[wanted]


def _open(name: str) -> CryptoProvider:
    if name == OPENSSL:
        from trustkit.fips.providers.openssl import OpenSslProvider

        found = OpenSslProvider()
        # Debian 12's library has no Ed25519ph, which cosign 3.1 writes. Said in every record, and not in FIPS mode.
        return SelfTestedProvider(found, {} if found.has_ed25519ph else {EDDSA_PREHASH: PYCRYPTODOME}, provider)
    if name == PYCA:
        from trustkit.fips.providers.pyca import PycaProvider

        return SelfTestedProvider(PycaProvider())
    if name == PYCRYPTODOME:
        from trustkit.fips.providers.pycryptodome import PycryptodomeProvider

        return SelfTestedProvider(PycryptodomeProvider())
    message = f"no crypto provider is called {name!r}"
    raise UsageError(message, next_step=f"use one of: {', '.join(NAMES)}")
