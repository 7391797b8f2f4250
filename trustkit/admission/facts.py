"""A resolved image, a report and a request become the facts a policy judges."""

from datetime import UTC, datetime

from trustkit import limits
from trustkit.admission.covered import children_of
from trustkit.codec import strict_json
from trustkit.codec.oci_manifest import parse_config
from trustkit.codec.strict_json import as_object
from trustkit.model.crypto import ModuleStatus
from trustkit.model.facts import Facts, ImageFacts, RequestFacts
from trustkit.model.image import ResolvedImage
from trustkit.model.signature import VerificationReport


def build_facts(
    image: ResolvedImage,
    report: VerificationReport,
    crypto: ModuleStatus,
    request: RequestFacts,
    now: datetime,
) -> Facts:
    """Return the facts. Raises MalformedError if the image's configuration is."""
    config = parse_config(image.config_bytes) if image.config_bytes else None
    told = _members(image.config_bytes) if config else {}
    about = ImageFacts(
        ref=image.ref,
        digest=image.digest,
        manifest_digest=image.manifest.digest,
        platform=image.platform,
        pinned=image.ref.digest is not None,
        created=_created(told.get("created")),
        user=config.user if config else "",
        labels=tuple(sorted(config.labels.items())) if config else (),
        size_bytes=image.manifest.size_bytes
        + image.config.size_bytes
        + sum(layer.size_bytes for layer in image.layers),
        layers=len(image.layers),
        history=_history(told.get("history")),
        children=children_of(image),
    )
    return Facts(about, report, crypto, effective(request, image), now)


def effective(request: RequestFacts, image: ResolvedImage) -> RequestFacts:
    """Return the request with the user it really would run as. Raises MalformedError."""
    if request.user or not image.config_bytes:
        return request
    return request._replace(user=parse_config(image.config_bytes).user)


def _members(config_bytes: bytes) -> dict[str, object]:
    value = strict_json.parse(
        config_bytes, what="image configuration", limit_bytes=limits.CONFIG_BYTES, fold_names=False
    )
    return as_object(value, "image configuration")


def _created(written: object) -> datetime | None:
    """Return the configuration's `created`, or None; it is informational and often absent or odd."""
    if not isinstance(written, str):
        return None
    try:
        at = datetime.fromisoformat(written)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _history(written: object) -> tuple[str, ...]:
    """Return each step's `created_by`, empty where it is no text: informational as well."""
    steps = written if isinstance(written, list) else []
    made = (step.get("created_by", "") if isinstance(step, dict) else "" for step in steps)
    return tuple(one if isinstance(one, str) else "" for one in made)
