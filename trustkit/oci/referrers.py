"""The referrers tag schema, for registries without the referrers API (distribution-spec 1.1).

An index at the tag `sha256-<hex>` lists the manifests whose `subject` is that digest. It is read,
extended and written back by every signer, so writers can overwrite each other; hence the condition
on the write where the registry heeds it, and a look afterwards where it does not.
"""

from typing import Protocol

from trustkit import limits
from trustkit.codec.oci_build import index_bytes
from trustkit.codec.oci_manifest import Index, parse_index
from trustkit.errors import NotFoundError, ProtocolError, SourceError
from trustkit.model.digest import Digest
from trustkit.model.image import OCI_INDEX, Descriptor
from trustkit.oci.source import Fetched

_TAG_CHARS = 128
_RACES = 12


class TagStore(Protocol):
    """What keeping the fallback index needs of a registry."""

    def manifest_to_update(self, at: str) -> Fetched:
        """Return what a tag holds where it will be written, past any mirror."""

    def put_tag_if(self, content: bytes, media_type: str, tag: str, seen: Digest | None) -> None:
        """Store a manifest under a tag if the tag still is what was seen."""

    def settle(self) -> None:
        """Wait until writers that looked at a tag before our write have written theirs."""


def fallback_tag(digest: Digest) -> str:
    """Return `sha256-<hex>`: a tag may not hold a colon."""
    return f"{digest.algorithm}-{digest.hex}"[:_TAG_CHARS]


def merge_fallback(store: TagStore, subject: Digest, manifest: Descriptor) -> None:
    """Add a manifest to the index of its subject's referrers, keeping what others add meanwhile.

    Raises SourceError, MalformedError.
    """
    tag = fallback_tag(subject)
    for _ in range(_RACES):
        index, seen = _index_at(store, tag)
        if any(each.digest == manifest.digest for each in index.manifests):
            return
        if len(index.manifests) >= limits.INDEX_CHILDREN:
            message = f"{tag} already lists {len(index.manifests)} referrers"
            raise ProtocolError(message, next_step="remove old signatures from the image")
        grown = index._replace(manifests=(*index.manifests, manifest))
        try:
            store.put_tag_if(index_bytes(grown), OCI_INDEX, tag, seen)
        except SourceError as error:
            if error.details.get("status") not in ("409", "412"):
                raise
        store.settle()
        # no early return: whether it is there is seen by reading it again
    index, _ = _index_at(store, tag)
    if all(each.digest != manifest.digest for each in index.manifests):
        raise ProtocolError(f"other writers kept replacing {tag}", next_step="sign again when they are done")


def _index_at(store: TagStore, tag: str) -> tuple[Index, Digest | None]:
    try:
        fetched = store.manifest_to_update(tag)
    except NotFoundError:
        return Index(OCI_INDEX, ()), None
    index = parse_index(fetched.content, fetched.descriptor.media_type, tag)
    return index, fetched.descriptor.digest
