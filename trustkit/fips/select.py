"""Which provider does the maths in this process. It never falls back to another one."""

from threading import Lock

from trustkit.errors import UsageError
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.selftest import SelfTestedProvider

PYCA = "pyca"
PYCRYPTODOME = "pycryptodome"
NAMES = (PYCA, PYCRYPTODOME)

_ready: dict[str, CryptoProvider] = {}
_lock = Lock()


def provider(name: str = PYCA) -> CryptoProvider:
    """Return the named provider, made once for the process; it tests itself before each first use.

    Raises UsageError for an unknown name. An error inside a provider never leads to another one.
    """
    ready = _ready.get(name)
    if ready is not None:
        return ready
    with _lock:
        if name not in _ready:
            _ready[name] = _open(name)
        return _ready[name]


def _open(name: str) -> CryptoProvider:
    if name == PYCA:
        from trustkit.fips.providers.pyca import PycaProvider

        return SelfTestedProvider(PycaProvider())
    if name == PYCRYPTODOME:
        from trustkit.fips.providers.pycryptodome import PycryptodomeProvider

        return SelfTestedProvider(PycryptodomeProvider())
    message = f"no crypto provider is called {name!r}"
    raise UsageError(message, next_step=f"use one of: {', '.join(NAMES)}")
