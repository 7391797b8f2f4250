"""A file and a sigstore bundle to who signed it: messageSignature on the bytes, or an attestation about them."""

from trustkit import limits
from trustkit.codec import dsse
from trustkit.codec.dsse import Envelope
from trustkit.codec.sigstore_bundle import Bundle, MessageSignature, parse_bundle
from trustkit.errors import MalformedError, SignatureMismatchError, SubjectMismatchError, UntrustedSignerError
from trustkit.model.digest import Digest
from trustkit.model.signature import SignerIdentity, Statement
from trustkit.model.values import NamedTuple
from trustkit.signing.format import Check
from trustkit.signing.identify import Identified, Signed, require_in_force
from trustkit.signing.keyless.attribution import Accompanied, attributed
from trustkit.signing.keyless.certificate import certified
from trustkit.signing.keyless.material import from_bundle
from trustkit.signing.keyless.signature import require_fits
from trustkit.signing.log.recorded import SignedContent
from trustkit.signing.revoked import require_not_revoked
from trustkit.signing.statement import Come, prove


class Blob(NamedTuple):
    """A file: its digests, sha256 first, and its bytes if they are at hand."""

    digests: tuple[Digest, ...]
    content: bytes | None = None


class SignedBlob(NamedTuple):
    """What a bundle proves about a file; `statement` if it is an attestation."""

    digest: Digest
    identified: Identified
    statement: Statement | None = None


def verify_blob(blob: Blob, bundle: bytes, check: Check) -> SignedBlob:
    """Return who signed the file, or attested something about it; `check.image` is the file's digest.

    Raises SubjectMismatchError if the bundle is about another file, and as `attributed` does; KeyRevokedError.
    """
    found = _verified(blob, bundle, check)
    require_not_revoked(found.identified.signer, found.identified.signed_at, check.trust.revoked)
    return found


def _verified(blob: Blob, bundle: bytes, check: Check) -> SignedBlob:
    if len(bundle) > limits.ATTESTATION_BYTES:
        raise MalformedError(f"bundle is over {limits.ATTESTATION_BYTES} bytes")
    read = parse_bundle(bundle)
    if read.envelope is not None:
        return _attested(read, read.envelope, check)
    # one of the two is there, as the codec saw to
    message = read.message or MessageSignature(b"", None)
    if message.digest is not None and message.digest not in blob.digests:
        raise SubjectMismatchError(f"the bundle is about {message.digest}, not {blob.digests[0]}")
    return SignedBlob(blob.digests[0], _signer(read, message, blob, check))


def _attested(bundle: Bundle, envelope: Envelope, check: Check) -> SignedBlob:
    content = SignedContent(b"", dsse.pae(envelope.payload_type, envelope.payload), envelope.payload)
    come = Come(lambda: Accompanied(from_bundle(bundle), content), bundle.hints, bool(bundle.certificates))
    proven = prove(envelope, check, come)
    return SignedBlob(check.image, proven.identified, proven.statement)


def _signer(bundle: Bundle, message: MessageSignature, blob: Blob, check: Check) -> Identified:
    along = Accompanied(from_bundle(bundle), SignedContent(message.signature, blob.content, digests=blob.digests))
    if blob.content is not None:
        signed = Signed(blob.content, (message.signature,), bundle.hints, bool(bundle.certificates))
        return attributed(signed, along, check)[0]
    if along.material.certificates and not check.trust.keys:
        return certified(along.material, along.content, check)
    return _by_key(along, blob, check)


def _by_key(along: Accompanied, blob: Blob, check: Check) -> Identified:
    """Return the key that signed a file of which only the digest is known. No proofs are read: a key needs none."""
    if not check.trust.keys:
        raise UntrustedSignerError("nobody is trusted", next_step="give --key, or --certificate-identity")
    for trusted in check.trust.keys:
        try:
            algorithm = require_fits(trusted.key, along.content.signature, blob.digests, check.crypto)
        except SignatureMismatchError:
            continue
        require_in_force(trusted, None, check)
        return Identified(SignerIdentity(trusted.key.fingerprint, trusted.name, key_bits=trusted.key.bits), algorithm)
    raise SignatureMismatchError("the signature does not fit the digest and any trusted key")
