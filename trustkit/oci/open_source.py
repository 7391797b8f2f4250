"""From a reference to the place it names: the only file that knows all of them."""

from collections.abc import Callable
from pathlib import Path

from trustkit.errors import UsageError
from trustkit.model.reference import DOCKER_ARCHIVE, OCI_ARCHIVE, OCI_LAYOUT, ImageRef
from trustkit.oci.registry import RegistryOptions, RegistrySource
from trustkit.oci.session import RegistrySession
from trustkit.oci.source import ImageSource, Repository

OpenRegistry = Callable[[ImageRef, RegistrySession], RegistrySource]


def open_source(
    ref: ImageRef,
    options: RegistryOptions,
    session: RegistrySession | None = None,
    registry: OpenRegistry = RegistrySource,
) -> ImageSource:
    """Return where an image lies; pass one `session` to share connections among many images.

    Raises NotFoundError, MalformedError, LimitExceededError, UsageError.
    """
    # the layouts' modules are loaded only when one is named: start-up time
    if ref.transport == OCI_LAYOUT:
        from trustkit.oci.layout import LayoutFolder

        return LayoutFolder(Path(ref.path))
    if ref.transport == OCI_ARCHIVE:
        from trustkit.oci.archive import open_oci_archive

        return open_oci_archive(Path(ref.path))
    if ref.transport == DOCKER_ARCHIVE:
        from trustkit.oci.archive import open_docker_archive

        return open_docker_archive(Path(ref.path), ref.tag)
    return registry(ref, session or RegistrySession(options))


def open_repository(
    ref: ImageRef,
    options: RegistryOptions,
    session: RegistrySession | None = None,
    registry: OpenRegistry = RegistrySource,
) -> Repository:
    """Return a place that can also be written, for signing.

    Raises UsageError for archives, which cannot.
    """
    if ref.transport == OCI_LAYOUT:
        from trustkit.oci.layout import LayoutFolder

        return LayoutFolder(Path(ref.path))
    if ref.transport in (OCI_ARCHIVE, DOCKER_ARCHIVE):
        raise UsageError(
            f"{ref}: signatures cannot be added to an archive",
            next_step="sign the image in a registry or an oci: layout, then save it",
        )
    return registry(ref, session or RegistrySession(options))
