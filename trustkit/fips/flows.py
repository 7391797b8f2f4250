"""Which module does the cryptography of which of trustkit's services: the rows of an SC-13 table.

The words of `standing` are those of FedRAMP's table of cryptographic modules: validated, update stream, none.
"""

from trustkit.fips.validated import NONE
from trustkit.model.values import NamedTuple

NOT_OURS = "not trustkit's"


class Flow(NamedTuple):
    """One service, what it computes, by which module under which certificate, and on what system; `note` says more."""

    service: str
    functions: str
    module: str
    version: str
    certificate: str
    standing: str
    environment: str
    note: str = ""


class Doer(NamedTuple):
    """A module as a row names it."""

    module: str
    version: str
    certificate: str = ""
    standing: str = NONE
    environment: str = ""


_OURS = (
    ("verification of images", "SHA-2, ECDSA, RSA, EdDSA, ML-DSA, as far as the module approves them", ""),
    ("signatures and keys", "key generation, ECDSA, RSA, EdDSA, ML-DSA, CTR_DRBG", ""),
    ("key files", "PBKDF2-HMAC-SHA-256, AES-256-CBC, CTR_DRBG", ""),
    ("decision log", "SHA-256, signatures of checkpoints", ""),
    ("passwords of the trust server", "PBKDF2-HMAC-SHA-256", ""),
)
_OF_PYTHON = (("TLS, to and from", "TLS 1.2 and 1.3, AES-GCM, ECDHE on P-256 and P-384",
               "Python's ssl on the same file, in OpenSSL's default context"),)  # fmt: skip
# What others compute for us, under certificates of their own that trustkit cannot know.
_OF_OTHERS = (
    ("keys in PKCS #11 tokens", "the signature; its digest is made in the module", "the token",
     "status of the token's own certificate: its maker's"),
    ("keys in a cloud's key service", "the signature; its digest is made in the module", "the service", ""),
    ("unpacking of images", "SHA-256 of blobs", "containerd",
     "gRPC on a local socket, without TLS; what runs is checked by trustkit again"),
    ("credentials of registries", "whatever the helper does", "docker-credential helpers", "if the user has any"),
)  # fmt: skip


def flows(ours: Doer, python: Doer) -> tuple[Flow, ...]:
    """Return every row; `ours` does the maths of this process, `python` its TLS."""
    own = [Flow(service, functions, *ours, note) for service, functions, note in _OURS]
    tls = [Flow(service, functions, *python, note) for service, functions, note in _OF_PYTHON]
    others = [
        Flow(service, functions, module, "", "", NONE, NOT_OURS, note)
        for service, functions, module, note in _OF_OTHERS
    ]
    return (*own, *tls, *others)
