"""Our own predicate: under which Docker Content Trust a tag stood for the image before it was signed anew.

The attestation's subject is the image; `docs/content-trust.md` describes the members.
"""

from collections.abc import Mapping
from datetime import datetime

from trustkit.codec.predicates.fields import Digests, each, inner, members, moment, one_text, required
from trustkit.codec.predicates.fields import digests as read_digests
from trustkit.codec.strict_json import as_int
from trustkit.errors import MalformedError
from trustkit.model.values import NamedTuple

TYPE = "https://trustkit.dev/attestation/content-trust-migration/v1"
_WHAT = "content trust migration"
_KEYS = 1024


class Migration(NamedTuple):
    """Which tag of which repository stood for the image, by whose keys, and what it was signed as instead.

    Keys by their fingerprints (SHA-256 of the public key). `root` and `metadata` are the digests of the TUF files.
    """

    repository: str
    tag: str
    root: Digests
    root_version: int
    root_keys: tuple[str, ...]
    role: str
    role_version: int
    metadata: Digests
    signers: tuple[str, ...]
    signed_as: str
    key: str
    verified_at: datetime | None


def value_of(said: Migration) -> dict[str, object]:
    """Return the predicate's JSON value."""
    at = said.verified_at
    return {
        "contentTrust": {
            "repository": said.repository,
            "tag": said.tag,
            "root": {"version": said.root_version, "digest": dict(said.root), "keys": list(said.root_keys)},
            "role": {
                "name": said.role,
                "version": said.role_version,
                "digest": dict(said.metadata),
                "keys": list(said.signers),
            },
        },
        "signed": {"format": said.signed_as, "key": said.key},
        "verifiedAt": at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else "",
    }


def read(value: object) -> Migration:
    """Return what it says. Raises MalformedError, LimitExceededError."""
    found = members(value, _WHAT)
    before, signed = inner(found, "contentTrust", _WHAT), inner(found, "signed", _WHAT)
    root, role = inner(before, "root", _WHAT), inner(before, "role", _WHAT)
    return Migration(
        repository=required(before, "repository", _WHAT),
        tag=required(before, "tag", _WHAT),
        root=read_digests(root.get("digest", {}), f"{_WHAT} root digest"),
        root_version=_version(root),
        root_keys=each(root, "keys", _WHAT, one_text, _KEYS),
        role=required(role, "name", _WHAT),
        role_version=_version(role),
        metadata=read_digests(role.get("digest", {}), f"{_WHAT} role digest"),
        signers=each(role, "keys", _WHAT, one_text, _KEYS),
        signed_as=required(signed, "format", _WHAT),
        key=required(signed, "key", _WHAT),
        verified_at=moment(found, "verifiedAt", _WHAT),
    )


def _version(holder: Mapping[str, object]) -> int:
    version = as_int(holder.get("version"), f"{_WHAT} version")
    if version < 1:
        raise MalformedError(f"{_WHAT} version is {version}")
    return version
