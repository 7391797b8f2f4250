"""What containerd's image verifier plugin asks (containerd docs/image-verification.md), read strictly.

`-name NAME -digest DIGEST -stdin-media-type TYPE`, and the descriptor of what the name resolved to on standard input.
"""

from collections.abc import Sequence

from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.errors import MalformedError
from trustkit.hooks.errors import HookMismatchError, HookRequestError
from trustkit.model.digest import Digest
from trustkit.model.image import INDEX_TYPES, MANIFEST_TYPES
from trustkit.model.reference import ImageRef

DESCRIPTOR_TYPE = "application/vnd.oci.descriptor.v1+json"
# A descriptor with annotations; real ones have some hundred bytes.
DESCRIPTOR_BYTES = 64 * 1024
_FLAGS = ("name", "digest", "stdin-media-type")


def pulled(arguments: Sequence[str], stdin: bytes) -> ImageRef:
    """Return the image that is about to be pulled, by its digest.

    Raises HookRequestError, HookMismatchError, MalformedError, ReferenceSyntaxError.
    """
    flags = _flags(arguments)
    if flags["stdin-media-type"] != DESCRIPTOR_TYPE:
        raise HookRequestError(f"standard input is {flags['stdin-media-type'][:80]!r}, not {DESCRIPTOR_TYPE}")
    ref, digest = ImageRef.parse(flags["name"]), Digest.parse(flags["digest"])
    if ref.path:
        raise HookRequestError(f"{flags['name'][:120]!r} is no image of a registry")
    if ref.digest not in (None, digest):
        raise HookMismatchError(f"the name says {ref.digest}, and what is pulled is {digest}")
    _require_descriptor(stdin, digest)
    return ref.with_digest(digest)


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    words = list(arguments)
    while words:
        name, equals, value = words.pop(0).lstrip("-").partition("=")
        if name not in _FLAGS or name in found:
            raise HookRequestError(f"unknown or repeated flag {name[:40]!r}", next_step="containerd calls this program")
        if not equals:
            value = words.pop(0) if words else ""
        found[name] = value
    if missing := [name for name in _FLAGS if not found.get(name)]:
        raise HookRequestError(f"-{missing[0]} is missing", next_step="containerd calls this program")
    return found


def _require_descriptor(stdin: bytes, digest: Digest) -> None:
    """Return if the descriptor is one of that image. Raises HookMismatchError, HookRequestError, MalformedError."""
    members = as_object(parse(stdin, what="descriptor", limit_bytes=DESCRIPTOR_BYTES, fold_names=True), "descriptor")
    told = as_text(members.get("digest"), "descriptor digest")
    if told != str(digest):
        raise HookMismatchError(f"the descriptor is of {told[:100]}, and what is pulled is {digest}")
    kind = as_text(members.get("mediaType"), "descriptor mediaType")
    if kind not in (*MANIFEST_TYPES, *INDEX_TYPES):
        raise HookRequestError(f"{kind[:100]!r} is no image's media type")
    size = members.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise MalformedError("descriptor size must be a positive integer")
