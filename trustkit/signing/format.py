"""What a signature format must offer (plug point `trustkit.signature_formats`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Protocol

from trustkit.fips.provider import CryptoProvider
from trustkit.model.digest import Digest
from trustkit.model.evidence import Evidence, Place
from trustkit.model.image import Descriptor
from trustkit.model.signature import VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.signing.trust.roots import TrustRoots


class Check(NamedTuple):
    """One verification: which image, trusting what, by which maths, at which moment.

    With `predicates`, verified statements carry what they say as typed values. `target` is the image's descriptor,
    for formats that bind its size and media type too.
    """

    image: Digest
    trust: TrustRoots
    crypto: CryptoProvider
    now: datetime
    predicates: bool = False
    target: Descriptor | None = None


class SignatureFormat(Protocol):
    """One way in which people sign images. No network, no clock, no file."""

    api: ClassVar[int]
    name: ClassVar[str]
    places: ClassVar[tuple[Place, ...]]
    # SIGNATURE, ATTESTATION or both: what its items can prove
    kinds: ClassVar[tuple[str, ...]]

    def recognises(self, item: Evidence) -> bool:
        """Whether the item is meant for this format; carries no trust."""

    def verify(self, item: Evidence, check: Check) -> VerifiedSignature:
        """Return what the item proves. Raises MalformedError, VerificationError, CryptoError."""


class ManySigned(Protocol):
    """What a format offers besides, if one item of it can carry signatures of several signers."""

    def verify_all(self, item: Evidence, check: Check) -> tuple[VerifiedSignature, ...]:
        """Return what the item proves, once for each distinct signer; at least one. Raises as `verify`."""


class Attachment(NamedTuple):
    """What signing made, ready to be pushed: a blob, how it is labelled, and where it belongs."""

    place: Place
    media_type: str
    content: bytes
    annotations: Mapping[str, str]
    artifact_type: str = ""
    manifest_annotations: Mapping[str, str] = {}
    # The referrer's type as the configuration's media type, for peers that look there.
    config_type: str = ""
