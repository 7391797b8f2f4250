"""Manifests and indexes written as Go's tools write them: compact, members in struct order.

The bytes matter: cosign and trustkit must make the same manifest of the same parts, so that a
second signature on an image replaces nothing but the tag.
"""

import json
from collections.abc import Iterable, Mapping

from trustkit.codec.oci_manifest import Index, Manifest
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor


def compact(value: object) -> bytes:
    """Return JSON without white space, in the order given, as UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest. image-spec manifest.md."""
    config = _descriptor(manifest.config)
    members: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": manifest.media_type,
        "config": config,
        "layers": [_descriptor(each) for each in manifest.layers],
        **_tail(manifest),
    }
    return compact(members)


def index_bytes(index: Index) -> bytes:
    """Return the bytes of an index. image-spec image-index.md."""
    members: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": index.media_type,
        "manifests": [_descriptor(each) for each in index.manifests],
        **_tail(index),
    }
    return compact(members)


def signature_config(layers: Iterable[Digest]) -> bytes:
    """Return the image configuration that cosign gives a `.sig` or `.att` manifest."""
    created = "0001-01-01T00:00:00Z"
    diff_ids = [str(each) for each in layers]
    return compact(
        {
            "architecture": "",
            "created": created,
            "history": [{"created": created} for _ in diff_ids],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "config": {},
        }
    )


def _tail(document: Manifest | Index) -> dict[str, object]:
    """Return the optional members, in go-containerregistry's order."""
    members: dict[str, object] = {}
    if document.annotations:
        members["annotations"] = _sorted(document.annotations)
    if document.subject is not None:
        members["subject"] = _descriptor(document.subject)
    if document.artifact_type:
        members["artifactType"] = document.artifact_type
    return members


def _descriptor(descriptor: Descriptor) -> dict[str, object]:
    members: dict[str, object] = {
        "mediaType": descriptor.media_type,
        "size": descriptor.size_bytes,
        "digest": str(descriptor.digest),
    }
    if descriptor.annotations:
        members["annotations"] = _sorted(descriptor.annotations)
    if descriptor.platform is not None:
        names = ("architecture", "os", "variant")
        platform = descriptor.platform
        values = (platform.architecture, platform.os, platform.variant)
        members["platform"] = {n: v for n, v in zip(names, values, strict=True) if v}
    if descriptor.artifact_type:
        members["artifactType"] = descriptor.artifact_type
    return members


def _sorted(texts: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(texts.items()))
