"""Maths by pycryptodome: a second, independent implementation to compare the first with."""

import os
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import ClassVar

from Crypto.Hash import HMAC, SHA256, SHA384, SHA512
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import DSS, eddsa, pkcs1_15, pss

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips import algorithms, spki
from trustkit.fips.algorithms import Algorithm
from trustkit.fips.ecdsa_signature import require_in_range
from trustkit.fips.provider import Hasher, PrivateKey
from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey

_HASHES: dict[str, ModuleType] = {"sha256": SHA256, "sha384": SHA384, "sha512": SHA512}
_CURVES = {"ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521"}
_ED25519_SIGNATURE_BYTES = 64


class PycryptodomeProvider:
    """The second provider."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "pycryptodome"

    def status(self) -> ModuleStatus:
        """Name the package; it brings its own arithmetic."""
        found = version("pycryptodome")
        return ModuleStatus(self.name, found, f"pycryptodome {found}")
