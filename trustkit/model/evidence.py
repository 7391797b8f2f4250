"""Evidence: bytes found beside an image. Unverified, and named so."""

from collections.abc import Mapping

from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple

REFERRERS = "referrers"
TAG_SUFFIX = "tag-suffix"
# Beside the registry and not in it: containers/image's lookaside, and the signatures API of OpenShift's registry.
LOOKASIDE = "lookaside"
SIGNATURE_API = "signature-api"
# The media and artifact type under which a GPG simple signature travels where neither exists.
SIMPLE_SIGNING = "application/vnd.trustkit.simple-signing.v1+pgp"
NOTARY_SIGNATURE = "application/vnd.cncf.notary.signature"


class Place(NamedTuple):
    """Where a format's evidence may lie: `referrers` with an artifact type, or a tag suffix.

    `referrers`: pattern is the artifact type (`""` takes all). `tag-suffix`: pattern is `.sig`,
    the tag is `sha256-<hex>.sig`. `lookaside` and `signature-api` have no pattern: the source knows where.
    """

    kind: str
    pattern: str


class Evidence(NamedTuple):
    """One unverified item: the blob's bytes and what the manifest around it says of it.

    `content` hashes to `digest` (checked while reading); `annotations` are the layer's for tag
    places, the manifest's for referrers. `artifact_type` is the referrer manifest's, or of an older one its
    configuration's media type. `layers` is how many items the manifest holds.
    """

    place: Place
    media_type: str
    digest: Digest
    content: bytes
    annotations: Mapping[str, str]
    artifact_type: str = ""
    manifest_digest: Digest | None = None
    layers: int = 1


class Rejection(NamedTuple):
    """Evidence that proves nothing, and the check that said so."""

    evidence: Digest
    format: str
    code: str
    message: str


class Gathered(NamedTuple):
    """All evidence found for one image; `complete` is False if a limit cut gathering off."""

    items: tuple[Evidence, ...]
    complete: bool
    notes: tuple[str, ...] = ()
