"""Evidence to a report: every item accepted, rejected, or recognised by no format."""

from collections.abc import Callable

from trustkit.errors import AlgorithmNotApprovedError, MalformedError, VerificationError
from trustkit.model.digest import Digest
from trustkit.model.evidence import Evidence, Gathered, Rejection
from trustkit.model.signature import VerificationReport, VerifiedSignature
from trustkit.signing.format import Check, SignatureFormat
from trustkit.signing.revoked import without_revoked_keys

_MESSAGE_CHARS = 400


def verify(items: Gathered, formats: tuple[SignatureFormat, ...], check: Check) -> VerificationReport:
    """Return what each item proves about `check.image`; a bad item never hides a good one.

    Raises nothing for evidence, however bad; SelfTestError or another fault of the crypto module
    passes through, because it says nothing about the evidence.
    """
    accepted: list[VerifiedSignature] = []
    rejected: list[Rejection] = []
    unrecognised: list[Digest] = []
    for item in items.items:
        reader = next((one for one in formats if one.recognises(item)), None)
        if reader is None:
            unrecognised.append(item.digest)
            continue
        try:
            accepted += _proven(reader, item, check)
        except (AlgorithmNotApprovedError, MalformedError, VerificationError) as error:
            rejected.append(_rejection(item, reader, error))
    report = VerificationReport(
        image=check.image,
        accepted=tuple(accepted),
        rejected=tuple(rejected),
        unrecognised=tuple(unrecognised),
        complete=items.complete,
        notes=items.notes,
    )
    return without_revoked_keys(report, check.trust.revoked)


def _proven(reader: SignatureFormat, item: Evidence, check: Check) -> tuple[VerifiedSignature, ...]:
    many: Callable[[Evidence, Check], tuple[VerifiedSignature, ...]] | None = getattr(reader, "verify_all", None)
    return many(item, check) if many else (reader.verify(item, check),)


def _rejection(
    item: Evidence, reader: SignatureFormat, error: AlgorithmNotApprovedError | MalformedError | VerificationError
) -> Rejection:
    # messages quote evidence, which may be long
    return Rejection(item.digest, reader.name, error.code, error.message[:_MESSAGE_CHARS])
