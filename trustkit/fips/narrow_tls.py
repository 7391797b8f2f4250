"""TLS in FIPS mode: whatever context is made has the approved protocols, suites and curves, and no caller widens it.

OpenSSL's configuration alone does not do: CPython writes suites of its own over it in every new context.
"""

from types import ModuleType
from typing import Any, NoReturn

from trustkit.errors import GuardError
from trustkit.fips.libcrypto.configuration import SUITES


def narrow(ssl: ModuleType) -> None:
    """Change the `ssl` module's contexts, before anybody has one."""
    kind: Any = ssl.SSLContext
    make, set_suites, minimum = kind.__new__, kind.set_ciphers, kind.minimum_version

    def made_narrow(cls: Any, *words: Any, **named: Any) -> Any:
        made = make(cls, *words, **named)
        set_suites(made, SUITES)
        minimum.__set__(made, ssl.TLSVersion.TLSv1_2)
        return made

    def set_minimum(self: Any, version: Any) -> None:
        if version not in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.MAXIMUM_SUPPORTED):
            _refuse()
        minimum.__set__(self, version)

    def refuse(*_: object) -> NoReturn:
        _refuse()

    kind.__new__ = made_narrow
    kind.minimum_version = property(minimum.__get__, set_minimum)
    for setter in ("set_ciphers", "set_ecdh_curve", "load_dh_params"):
        setattr(kind, setter, refuse)


def _refuse() -> NoReturn:
    raise GuardError(
        "TLS settings are fixed in FIPS mode: TLS 1.2 or 1.3, AES-GCM, P-256 or P-384 (SP 800-52 r2)",
        next_step="leave them as they are, or do this where FIPS mode is off",
    )
