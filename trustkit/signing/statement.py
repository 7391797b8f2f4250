"""A DSSE envelope to a proven in-toto statement: the part attestations and bundles share."""

from trustkit.codec import dsse, intoto
from trustkit.codec.canonical_json import canonical
from trustkit.codec.dsse import Envelope
from trustkit.codec.intoto import InTotoStatement
from trustkit.errors import MalformedError, PayloadTypeError, SubjectMismatchError
from trustkit.model.digest import Digest
from trustkit.model.signature import Statement
from trustkit.model.values import NamedTuple
from trustkit.signing.format import Check
from trustkit.signing.identify import Identified, Signed
from trustkit.signing.signer import ReadAlong, signer_of, signers_of

# cosign's predicate for "this image is signed" and nothing more
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"


class Proven(NamedTuple):
    """Who signed which statement, and what it says of the image's subject."""

    identified: Identified
    statement: Statement
    claimed_name: str
    annotations: tuple[tuple[str, str], ...]


class Come(NamedTuple):
    """What came along with an envelope: hints which key signed, whether a certificate did, and how to read the rest."""

    read: ReadAlong
    hints: tuple[str, ...] = ()
    certified: bool = False


def prove(envelope: Envelope, check: Check, come: Come) -> Proven:
    """Return the statement after these checks: payload type, a signature, its form, its subject.

    One signature by a trusted signer is enough (DSSE threshold 1); others are ignored.
    Raises PayloadTypeError, MalformedError, SubjectMismatchError and what `signer_of` raises.
    """
    return _proven(signer_of(_signed(envelope, come), check, come.read), envelope, check)


def prove_all(envelope: Envelope, check: Check, come: Come) -> tuple[Proven, ...]:
    """Return the statement once for each distinct trusted signer of it, at least one. Raises as `prove`."""
    return tuple(_proven(one, envelope, check) for one in signers_of(_signed(envelope, come), check, come.read))


def _signed(envelope: Envelope, come: Come) -> Signed:
    if envelope.payload_type != dsse.IN_TOTO_TYPE:
        raise PayloadTypeError(f"payloadType is {envelope.payload_type[:80]!r}, not {dsse.IN_TOTO_TYPE}")
    message = dsse.pae(envelope.payload_type, envelope.payload)
    signatures = tuple(one.signature for one in envelope.signatures)
    return Signed(message, signatures, come.hints, come.certified)


def _proven(identified: Identified, envelope: Envelope, check: Check) -> Proven:
    statement = intoto.parse(envelope.payload)
    name, annotations = _subject(statement, check.image)
    return Proven(identified, _stated(statement, check), name, annotations)


def _stated(statement: InTotoStatement, check: Check) -> Statement:
    """Return the statement, with what it says if that was asked for and it is no mere signature."""
    content = _predicate(statement)
    if not check.predicates or statement.predicate_type == SIGN_PREDICATE:
        return Statement(statement.predicate_type, content)
    from trustkit.codec.predicates.read import read_value

    try:
        said = read_value(statement.predicate_type, {} if statement.predicate is None else statement.predicate)
    except MalformedError as error:
        # signed all the same: it proves who said it, and rules that look inside find nothing to rely on
        return Statement(statement.predicate_type, content, problem=error.message)
    return Statement(statement.predicate_type, content, said)


def _subject(statement: InTotoStatement, image: Digest) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return name and annotations of the subject that is the image; other subjects do not matter."""
    for subject in statement.subjects:
        if subject.digests.get(image.algorithm) == image.hex:
            return subject.name, tuple(sorted(subject.annotations.items()))
    raise SubjectMismatchError(f"the statement is about {_named(statement)}, not {image}")


def _predicate(statement: InTotoStatement) -> bytes:
    # in-toto: an absent predicate is the same as an empty one
    return canonical({} if statement.predicate is None else statement.predicate)


def _named(statement: InTotoStatement) -> str:
    digests = [f"{kind}:{value}"[:72] for one in statement.subjects for kind, value in one.digests.items()]
    return ", ".join(digests[:3]) or "no digest at all"
