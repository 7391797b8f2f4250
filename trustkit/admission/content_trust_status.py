"""Until when the metadata of content trust counts, as it was seen last, and that of a trust root."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from trustkit.admission.trust_status import OK, UNUSABLE, Moment, Trusted
from trustkit.codec import notary_tuf
from trustkit.codec.notary_tuf import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from trustkit.errors import TrustkitError
from trustkit.signing.content_trust.signers import require_key
from trustkit.signing.trust.roots import TrustRoots
from trustkit.signing.trust_root.cache import Distributed

KIND, TRUST_ROOT = "content trust", "trust root"
# Clients update daily: what ends within two days was not updated lately.
_SOON = timedelta(days=2)
_SHORT = 16
_FIRST = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)


def content_trust_status(seen: Mapping[str, Mapping[str, bytes]], trust: TrustRoots, at: Moment) -> tuple[Trusted, ...]:
    """Return each file of each repository seen, and the roots that the policy pins for repositories never seen."""
    pinned = {one.gun: one.root for one in trust.repositories if one.gun and one.root}
    found: list[Trusted] = []
    for gun, files in seen.items():
        roles = sorted(files, key=lambda role: (_FIRST.index(role) if role in _FIRST else len(_FIRST), role))
        if gun in pinned and ROOT in files:
            roles.remove(ROOT)
            found.append(_pinned(gun, files[ROOT], pinned[gun], at))
        found += (_file(gun, role, files[role], at, "") for role in roles)
    strange = (gun for gun in pinned if gun not in seen)
    found += (_file(gun, ROOT, pinned[gun], at, "pinned by the policy, not seen yet") for gun in strange)
    return tuple(found)


def trust_root_status(found: Distributed, now: datetime) -> Trusted:
    """Return until when counts what a trust root distributed."""
    state = Moment(now, _SOON).state(None, found.expires)
    note = "trustkit trust root update" if state != OK else ""
    what = f"{len(found.files)} files in {found.folder.parent.parent}"
    return Trusted(TRUST_ROOT, "trust.root", what, None, found.expires, state, note)


def _pinned(gun: str, seen: bytes, pinned: bytes, at: Moment) -> Trusted:
    """Return the root that was seen, and how it stands to the pinned one, which has to prove it."""
    try:
        ours, theirs = (notary_tuf.parse(content, ROOT) for content in (pinned, seen))
        version, found = notary_tuf.read_root(ours).version, notary_tuf.read_root(theirs).version
    except TrustkitError as error:
        return Trusted(KIND, gun, ROOT, None, None, UNUSABLE, error.message)
    if found == version and ours.signed != theirs.signed:
        note = "another root than the policy pins; remove what was seen if the pin is right"
        return Trusted(KIND, gun, f"{ROOT} {found}", None, None, UNUSABLE, note)
    note = f"root {version} is pinned by the policy" if found != version else "pinned by the policy"
    return _file(gun, ROOT, seen, at, note)


def _file(gun: str, role: str, content: bytes, at: Moment, note: str) -> Trusted:
    try:
        version, expires, keys = _read(role, content)
    except TrustkitError as error:
        return Trusted(KIND, gun, role, None, None, UNUSABLE, error.message)
    what = " ".join((f"{role} {version}", *keys))
    if role == TIMESTAMP:
        # at every look the server gives a new one
        return Trusted(KIND, gun, what, None, expires, at.state(None, expires), "renewed by the server", counts=False)
    return Trusted(KIND, gun, what, None, expires, at.state(None, expires), note)


def _read(role: str, content: bytes) -> tuple[int, datetime, tuple[str, ...]]:
    """Return version and end of a file, and the keys of a root. Raises MalformedError, LimitExceededError."""
    envelope = notary_tuf.parse(content, role)
    if role == ROOT:
        root = notary_tuf.read_root(envelope)
        return root.version, root.expires, tuple(f"key {one}" for one in _fingerprints(root))
    if role in (SNAPSHOT, TIMESTAMP):
        listing = notary_tuf.read_listing(envelope, role)
        return listing.version, listing.expires, ()
    targets = notary_tuf.read_targets(envelope, role)
    return targets.version, targets.expires, ()


def _fingerprints(root: notary_tuf.Root) -> Iterator[str]:
    for key_id in root.roles[ROOT].key_ids:
        if key_id in root.keys:
            yield require_key(key_id, root.keys[key_id]).fingerprint[:_SHORT]
