"""Facts that were written down: in a decision's record, or by hand for a policy's tests.

They are judged by a policy to learn what it would say, and never admitted: an Admission needs a Judgement, which
only the straight path makes.
"""

from collections.abc import Mapping
from datetime import datetime

from trustkit.model.crypto import ModuleStatus
from trustkit.model.digest import Digest
from trustkit.model.facts import Child, Facts, ImageFacts, RequestFacts
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.signature import (
    ATTESTATION,
    SIGNATURE,
    SignerIdentity,
    Statement,
    VerificationReport,
    VerifiedSignature,
)
from trustkit.model.values import NamedTuple

Pairs = tuple[tuple[str, str], ...]


class Written(NamedTuple):
    """A signature or attestation as it was written down; `predicate_type` makes it an attestation.

    `of` is the manifest it is about, if that is not the image itself.
    """

    fingerprint: str = ""
    trust_root: str = ""
    subject: str = ""
    issuer: str = ""
    claims: Pairs = ()
    algorithm: str = "ecdsa-p256-sha256"
    key_bits: int = 0
    format: str = "recorded"
    evidence: Digest | None = None
    claimed_name: str = ""
    annotations: Pairs = ()
    signed_at: datetime | None = None
    time_source: str = ""
    log: str = ""
    predicate_type: str = ""
    predicate: bytes = b"{}"
    said: object = None
    unenforced: tuple[str, ...] = ()
    of: Digest | None = None
    logs: int = 0


class About(NamedTuple):
    """What was written down beside signatures."""

    ref: ImageRef
    digest: Digest
    request: RequestFacts
    crypto: ModuleStatus
    now: datetime
    platform: Platform = Platform("linux", "amd64")
    manifest: Digest | None = None
    created: datetime | None = None
    user: str = ""
    labels: Pairs = ()
    size_bytes: int = 0
    layers: int = 0
    history: tuple[str, ...] = ()
    complete: bool = True
    children: tuple[Child, ...] = ()


def facts_of(about: About, written: tuple[Written, ...]) -> Facts:
    """Return the facts."""
    image = ImageFacts(
        about.ref,
        about.digest,
        about.manifest or about.digest,
        about.platform,
        about.ref.digest is not None,
        about.created,
        about.user,
        about.labels,
        about.size_bytes,
        about.layers,
        about.history,
        about.children,
    )
    accepted = tuple(_proven(one, about.digest) for one in written)
    report = VerificationReport(about.digest, accepted, (), (), complete=about.complete)
    return Facts(image, report, about.crypto, about.request, about.now)


def field_names(kind: type[RequestFacts] = RequestFacts) -> Mapping[str, str]:
    """Return the fields of a request by the names policies and tests write: `host_network` as `hostNetwork`."""
    return {_camel(name): name for name in kind._fields}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _proven(one: Written, image: Digest) -> VerifiedSignature:
    return VerifiedSignature(
        format=one.format,
        kind=ATTESTATION if one.predicate_type else SIGNATURE,
        subject=one.of or image,
        signer=SignerIdentity(one.fingerprint, one.trust_root, one.subject, one.issuer, one.claims, one.key_bits),
        algorithm=one.algorithm,
        evidence=one.evidence or image,
        claimed_name=one.claimed_name,
        annotations=one.annotations,
        signed_at=one.signed_at,
        time_source=one.time_source,
        statement=Statement(one.predicate_type, one.predicate, one.said) if one.predicate_type else None,
        log=one.log,
        logs=one.logs,
        unenforced=one.unenforced,
    )
