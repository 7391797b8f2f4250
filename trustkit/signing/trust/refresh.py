"""A newer trusted_root.json from the TUF repository that sigstore distributes it by, when somebody asks for it.

The first root.json is given or shipped; later ones have to be signed by it (TUF specification 5.3). Rollback and
freeze are refused by `tuf`. Nothing of this happens while verifying.
"""

from pathlib import Path

from trustkit.durable import make_folder, write_file
from trustkit.errors import MalformedError, UnreachableError, UsageError, VerificationError
from trustkit.signing.trust.files import PUBLIC_GOOD
from trustkit.signing.trust.load import sigstore_root

PUBLIC_MIRROR = "https://tuf-repo-cdn.sigstore.dev"
TARGET = "trusted_root.json"


def refresh(folder: Path, mirror: str = PUBLIC_MIRROR, first_root: bytes | None = None) -> Path:
    """Fetch and check the repository's trusted_root.json into the folder, and return its path.

    Raises UnreachableError, VerificationError if the metadata does not hold, MalformedError, UsageError,
    StorageError. What was there before stays if anything fails.
    """
    metadata = folder / "metadata"
    make_folder(metadata)
    if first_root is None and mirror == PUBLIC_MIRROR:
        first_root = (PUBLIC_GOOD / "root.json").read_bytes()
    if first_root is None and not (metadata / "root.json").exists():
        raise UsageError(f"nothing says which keys to trust for {mirror}", next_step="give --root root.json")
    content = _fetched(metadata, mirror.rstrip("/"), first_root)
    sigstore_root(content, mirror)
    target = folder / TARGET
    write_file(target, content, mode=0o644)
    return target


def _fetched(metadata: Path, mirror: str, first_root: bytes | None) -> bytes:
    from tuf.api.exceptions import DownloadError, RepositoryError
    from tuf.ngclient.updater import Updater

    try:
        updater = Updater(
            metadata_dir=str(metadata),
            metadata_base_url=mirror,
            target_base_url=f"{mirror}/targets/",
            target_dir=str(metadata),
            bootstrap=first_root,
        )
        updater.refresh()
        found = updater.get_targetinfo(TARGET)
        if found is None:
            raise MalformedError(f"{mirror} distributes no {TARGET}")
        return Path(updater.download_target(found)).read_bytes()
    except DownloadError as error:
        raise UnreachableError(f"{mirror}: {str(error)[:300]}", next_step="check the mirror's URL") from error
    except RepositoryError as error:
        raise VerificationError(
            f"{mirror} does not hold: {str(error)[:300]}", next_step="the trusted root in force stays as it was"
        ) from error
