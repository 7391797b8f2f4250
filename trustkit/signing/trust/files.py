"""A root file of either kind to a SigstoreRoot, and the public-good instance's, which comes with trustkit."""

from pathlib import Path

from trustkit.signing.trust.load import sigstore_root
from trustkit.signing.trust.load_pem import PemFiles, sigstore_root_from_pem
from trustkit.signing.trust.roots import SigstoreRoot

PUBLIC_GOOD = Path(__file__).with_name("public_good")
PUBLIC_GOOD_ROOT = PUBLIC_GOOD / "trusted_root.json"
_PEM = b"-----BEGIN "


def root_from_file(content: bytes, name: str) -> SigstoreRoot:
    """Return the root in a trusted_root.json, or in PEM certificates of an authority of one's own.

    Raises MalformedError, MediaTypeError, AlgorithmNotApprovedError.
    """
    if content.lstrip().startswith(_PEM):
        return sigstore_root_from_pem(PemFiles(content), name)
    return sigstore_root(content, name)
