"""NIST's response files, as the `cryptography-vectors` package carries them."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

_FOUND = importlib.util.find_spec("cryptography_vectors")
assert _FOUND is not None
assert _FOUND.origin is not None
VECTORS = Path(_FOUND.origin).parent
DIGESTS = {"SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512",
           "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}  # fmt: skip
CURVES = {"P-256": "ecdsa-p256", "P-384": "ecdsa-p384", "P-521": "ecdsa-p521"}


def blocks(path: Path, *ends: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each response under its heading, with what stands above it; a response ends with one of these fields."""
    heading, fields = "", {}
    for line in path.read_text().splitlines():
        if found := re.fullmatch(r"\[(.*)\]", line.strip()):
            heading, fields = found[1], {}
        elif " =" in line:
            name, _, value = line.partition("=")
            fields[name.strip()] = value.strip()
            if name.strip() in ends:
                yield heading, dict(fields)
