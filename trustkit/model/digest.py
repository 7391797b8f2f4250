"""A digest: algorithm and lower-case hex (OCI image-spec, descriptor.md, "Digests")."""

import re
from typing import Self

from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

_HEX_CHARS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+\Z")


class _Fields(NamedTuple):
    algorithm: str
    hex: str


class Digest(_Fields):
    """A checked digest; `str()` is `algorithm:hex`."""

    __slots__ = ()

    def __new__(cls, algorithm: str, hex: str) -> Self:  # noqa: A002  (the spec's word)
        """Check algorithm and length. Raises MalformedError."""
        if _HEX_CHARS.get(algorithm) != len(hex) or not _HEX.match(hex):
            shown = f"{algorithm}:{hex}"[:160]
            message = f"not a digest: {shown!r}"
            raise MalformedError(message, next_step="write sha256:<64 hex digits>")
        return super().__new__(cls, algorithm, hex)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `algorithm:hex`. Raises MalformedError."""
        algorithm, _, digits = text.partition(":")
        return cls(algorithm, digits)

    def __str__(self) -> str:
        """Return `algorithm:hex`."""
        return f"{self.algorithm}:{self.hex}"

    @property
    def short(self) -> str:
        """The first twelve digits, for tables."""
        return self.hex[:12]
