"""Which keys a repository gets: those given, those that are in the folder already, or new ones."""

from trustkit.cli.signer import open_private
from trustkit.cli.trust.author import Author
from trustkit.codec.notary_tuf import ROOT, TARGETS
from trustkit.errors import UsageError
from trustkit.signing.keys import SigningKey


def root_key(author: Author, given: str | None) -> SigningKey:
    """Return the root key: given, the only one of the folder, or a new one. Raises UsageError, KeyFileError."""
    if given:
        return author.keys.add(open_private(author.config, given))
    filed = author.keys.folder.of_role(ROOT)
    if len(filed) > 1:
        raise UsageError(
            f"{len(filed)} root keys are in {filed[0].path.parent}",
            next_step="choose one with --root-key: " + " ".join(str(one.path) for one in filed[:8]),
        )
    return author.keys.open_filed(filed[0]) if filed else author.keys.make(ROOT, author.gun)


def targets_key(author: Author, given: str | None) -> SigningKey:
    """Return the targets key: given, one that an interrupted beginning left, or a new one. Raises KeyFileError."""
    if given:
        return author.keys.add(open_private(author.config, given))
    filed = author.keys.folder.of_role(TARGETS, author.gun)
    return author.keys.open_filed(filed[-1]) if filed else author.keys.make(TARGETS, author.gun)


def new_key(author: Author, role: str, given: str | None) -> SigningKey:
    """Return the key that a role is to have from now on. Raises KeyFileError, StorageError."""
    return author.keys.add(open_private(author.config, given)) if given else author.keys.make(role, author.gun)
