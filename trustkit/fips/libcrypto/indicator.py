"""The service indicator of a FIPS module, read after each service (FIPS 140-3 section 7.4.3, IG 2.4.C).

Modules of OpenSSL from 3.4 on answer `fips-indicator` on the context that did the work: 1 for an approved service.
Older modules say it by the fetch alone: with `fips=yes` nothing else is found.
"""

from ctypes import addressof, c_int, sizeof
from threading import local
from typing import Any

from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips.libcrypto.library import Library, Parameter

SINCE = (3, 4)
# openssl/core.h
_INTEGER = 1
_UNSAID = -1
MAC, KDF, CIPHER, SIGNATURE = (
    "EVP_MAC_CTX_get_params",
    "EVP_KDF_CTX_get_params",
    "EVP_CIPHER_CTX_get_params",
    "EVP_PKEY_CTX_get_params",
)


class Indicator:
    """Reads the indicator, refuses what is not approved, and counts what was."""

    def __init__(self, library: Library) -> None:
        """Look the functions up once."""
        self._read = {name: library.function(name) for name in (MAC, KDF, CIPHER, SIGNATURE)}
        self._rows = _Rows()
        self.approved: dict[str, int] = {}

    def require(self, getter: str, context: object, service: str) -> None:
        """Return if the module calls what this context did approved.

        Raises AlgorithmNotApprovedError, also when the module says nothing: silence is no approval.
        """
        rows, answer = self._rows.rows, self._rows.answer
        answer.value = _UNSAID
        if self._read[getter](context, rows) != 1 or answer.value != 1:
            raise AlgorithmNotApprovedError(
                f"the FIPS module's service indicator does not call {service} approved (FIPS 140-3 IG 2.4.C)",
                next_step="see trustkit fips prove for what the installed module approves",
            )
        self.approved[service] = self.approved.get(service, 0) + 1


class _Rows(local):
    """One parameter a thread: building it anew would cost more than asking."""

    def __init__(self) -> None:
        self.answer = c_int(_UNSAID)
        self.rows: Any = (Parameter * 2)()
        row = self.rows[0]
        row.key, row.data_type, row.data = b"fips-indicator", _INTEGER, addressof(self.answer)
        row.data_size = sizeof(self.answer)
