"""Policy bundles: a policy's files as an OCI artifact, one layer a file, as `oras pull` unpacks them.

    artifactType  application/vnd.trustkit.policy.bundle.v1
    layers        application/vnd.trustkit.policy.file.v1, each with org.opencontainers.image.title: its path
    annotations   dev.trustkit.policy.revision: what the documents say, for people and for `policy push`

`policy/NAME.yaml` are documents, `namespaces/NAMESPACE/NAME.yaml` those of one namespace; whatever else there is are
the keys and roots that they name, relative to themselves.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from trustkit import limits
from trustkit.codec.oci_build import manifest_bytes
from trustkit.codec.oci_manifest import Manifest, parse_manifest
from trustkit.errors import LimitExceededError, MalformedError, MediaTypeError
from trustkit.model.image import OCI_EMPTY, OCI_MANIFEST, Descriptor

ARTIFACT_TYPE = "application/vnd.trustkit.policy.bundle.v1"
FILE_TYPE = "application/vnd.trustkit.policy.file.v1"
REVISION = "dev.trustkit.policy.revision"
POLICY, NAMESPACES = "policy", "namespaces"
EMPTY = b"{}"

_WHAT = "policy bundle"
_TITLE = "org.opencontainers.image.title"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_DEPTH = 8
_SUFFIXES = (".yaml", ".yml")


def build(files: Mapping[str, Descriptor], config: Descriptor, revision: int) -> bytes:
    """Return the manifest of a bundle. Raises MalformedError, LimitExceededError."""
    _require_paths(tuple(files))
    layers = tuple(
        file._replace(media_type=FILE_TYPE, annotations={_TITLE: path}) for path, file in sorted(files.items())
    )
    told = config._replace(media_type=OCI_EMPTY)
    return manifest_bytes(
        Manifest(OCI_MANIFEST, told, layers, artifact_type=ARTIFACT_TYPE, annotations={REVISION: str(revision)})
    )


def parse(content: bytes, what: str) -> dict[str, Descriptor]:
    """Return the files of a bundle by their paths, none of which leads anywhere else.

    Raises MediaTypeError for another artifact, MalformedError, LimitExceededError.
    """
    manifest = parse_manifest(content, OCI_MANIFEST, what)
    if manifest.artifact_type != ARTIFACT_TYPE:
        raise MediaTypeError(f"{what} is {(manifest.artifact_type or 'an image')[:80]!r}, not a policy bundle")
    if any(layer.media_type != FILE_TYPE for layer in manifest.layers):
        raise MediaTypeError(f"{what} holds something else than files of a policy")
    paths = tuple(layer.annotations.get(_TITLE, "") for layer in manifest.layers)
    _require_paths(paths)
    total = sum(layer.size_bytes for layer in manifest.layers)
    if total > limits.POLICY_BUNDLE_BYTES:
        raise LimitExceededError(f"{what} has {total} bytes; {limits.POLICY_BUNDLE_BYTES} are allowed")
    return dict(zip(paths, manifest.layers, strict=True))


def revision_told(content: bytes, what: str) -> int:
    """Return the revision that a manifest tells, 0 if it tells none: for people, decides nothing."""
    told = parse_manifest(content, OCI_MANIFEST, what).annotations.get(REVISION, "")
    return int(told) if told.isdecimal() and told.isascii() and len(told) < 17 else 0  # noqa: PLR2004  (2**53 has 16)


def documents(paths: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return which of these paths are documents, each after the namespace it is for, empty for all."""
    found = []
    for path in sorted(paths):
        head, *rest = PurePosixPath(path).parts
        if not path.endswith(_SUFFIXES):
            continue
        if head == POLICY and len(rest) == 1:
            found.append(("", path))
        elif head == NAMESPACES and len(rest) == 2:  # noqa: PLR2004  (the namespace and the file)
            found.append((rest[0], path))
    return tuple(found)


def _require_paths(paths: tuple[str, ...]) -> None:
    if not 0 < len(paths) <= limits.POLICY_BUNDLE_FILES:
        raise LimitExceededError(f"{_WHAT} has {len(paths)} files; 1 to {limits.POLICY_BUNDLE_FILES} are allowed")
    for path in paths:
        parts = path.split("/")
        if len(parts) > _DEPTH or not all(_PART.match(part) for part in parts):
            raise MalformedError(f"{_WHAT} has a file called {path[:120]!r}, which is no path in a bundle")
    # two readers must not disagree about which of two files a name means
    if len({path.casefold() for path in paths}) != len(paths):
        raise MalformedError(f"{_WHAT} has two files of one name")
