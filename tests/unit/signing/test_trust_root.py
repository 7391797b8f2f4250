"""A trust root: what clients take, and every attack of TUF's list that they refuse."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import Metadata, TargetFile

from peers.web import serving
from trustkit.errors import (
    AlgorithmNotApprovedError,
    DigestMismatchError,
    LimitExceededError,
    MalformedError,
    RollbackError,
    SignatureMismatchError,
    TrustExpiredError,
    TrustkitError,
    UnreachableError,
    UsageError,
    VerificationError,
)
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.provider import PrivateKey
from trustkit.fips.select import provider
from trustkit.model.keys import KeyRevocation
from trustkit.signing.trust.roots import TrustedKey, TrustRoots
from trustkit.signing.trust_root import cache, revocations
from trustkit.signing.trust_root.client import Asked, update
from trustkit.signing.trust_root.door import DoorKey, signature_of
from trustkit.signing.trust_root.layout import REVOKED, path_of, require_path, require_role
from trustkit.signing.trust_root.publish import publish
from trustkit.signing.trust_root.repository import Repository, RolePlan

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
KEYS = [provider().generate("ecdsa-p256") for _ in range(6)]
A, B, C, ONLINE, STRANGER, TEAM = KEYS
RELEASE = public_key_to_pem(provider().generate("ed25519").public)
PATH = "keys/release.pub"


def plans(threshold: int = 2, keepers: tuple[PrivateKey, ...] = (A, B, C)) -> dict[str, RolePlan]:
    """Say who signs: two of three keepers, and one key that publishes."""
    keeping = RolePlan(tuple(key.public for key in keepers), threshold)
    online = RolePlan((ONLINE.public,))
    return {"root": keeping, "targets": keeping, "snapshot": online, "timestamp": online}


def made(folder: Path, *, now: datetime = NOW, keys: tuple[PrivateKey, ...] = (A, B)) -> Repository:
    """Make a trust root with one key in it, and publish it."""
    repository = Repository.create(folder / "repository", plans(), {}, now)
    repository.put(PATH, RELEASE)
    signed(repository, *keys)
    return repository


def signed(repository: Repository, *keys: PrivateKey) -> None:
    """Sign by each, and publish."""
    for key in keys:
        repository.sign(key)
    publish(repository, [ONLINE])


class Client:
    """A client of one folder that starts from the first root."""

    def __init__(self, folder: Path, url: str, first: bytes) -> None:
        self.folder, self.url, self.first = folder / "client", url, first

    def update(self, *mirrors: str, now: datetime = NOW) -> cache.State:
        return update(self.folder, Asked(mirrors or (self.url,), self.first), now)

    def read(self, now: datetime = NOW, grace: float = 0) -> cache.Distributed:
        return cache.read_cache(self.folder, now, grace)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return made(tmp_path)


@pytest.fixture
def client(tmp_path: Path, repository: Repository) -> Iterator[Client]:
    first = (repository.folder / "metadata" / "1.root.json").read_bytes()
    with serving(repository.folder) as url:
        yield Client(tmp_path, url, first)


def edited(repository: Repository, name: str, change: Callable[[Metadata], None], *keys: PrivateKey) -> None:  # type: ignore[type-arg]
    """Change published metadata, and sign it anew by the keys."""
    file = repository.folder / "metadata" / name
    metadata: Metadata = Metadata.from_bytes(file.read_bytes())  # type: ignore[type-arg]
    change(metadata)
    if keys:
        metadata.signatures.clear()
    for key in keys:
        one = signature_of(key, metadata.signed_bytes)
        metadata.signatures[one.keyid] = one
    file.write_bytes(metadata.to_bytes())


# --- what works ------------------------------------------------------------------------------------------------------


def test_a_client_gets_what_is_distributed(client: Client) -> None:
    assert client.update().root == 1
    assert client.read().keys == {"release": RELEASE}


def test_a_client_follows_the_next_version(client: Client, repository: Repository) -> None:
    client.update()
    repository.put("keys/next.pub", RELEASE)
    signed(repository, B, C)
    client.update()
    assert set(client.read().keys) == {"release", "next"}


def test_a_client_that_knows_its_mirrors_needs_no_url(client: Client) -> None:
    client.update()
    assert update(client.folder, Asked(), NOW).number == 2


def test_what_is_dropped_is_gone(client: Client, repository: Repository) -> None:
    client.update()
    assert repository.drop(PATH)
    signed(repository, A, B)
    client.update()
    assert client.read().keys == {}


def test_two_rotations_are_followed_in_order(client: Client, repository: Repository) -> None:
    client.update()
    repository.rotate("root", [TEAM.public], [A.public.fingerprint], None)
    signed(repository, A, B, TEAM)
    repository.rotate("root", [], [B.public.fingerprint], None)
    signed(repository, B, C, TEAM)
    assert client.update().root == 3


def test_a_new_client_starts_from_the_first_root(client: Client, repository: Repository) -> None:
    repository.rotate("root", [TEAM.public], [A.public.fingerprint], None)
    signed(repository, A, B, TEAM)
    assert client.update().root == 2


def test_renewing_gives_new_ends(client: Client, repository: Repository) -> None:
    later = Repository(repository.folder, NOW + 5 * DAY)
    later.renew()
    signed(later, A, B)
    assert client.update().expires == NOW + 19 * DAY


def test_the_first_mirror_that_answers_is_taken(client: Client) -> None:
    assert client.update("http://127.0.0.1:9", client.url).mirrors == ("http://127.0.0.1:9", client.url)


def test_a_mirror_that_lies_does_not_hide_one_that_does_not(client: Client, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "repository", tmp_path / "lying")
    for file in (tmp_path / "lying" / "targets" / "keys").iterdir():
        file.write_bytes(b"x" * len(RELEASE))
    with serving(tmp_path / "lying") as url:
        client.update(url, client.url)
    assert client.read().keys == {"release": RELEASE}


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-3072"])
@pytest.mark.parametrize("name", ["openssl", "pyca", "pycryptodome"])
def test_every_kind_of_key_signs(kind: str, name: str) -> None:
    key = provider(name).generate(kind)
    made_by = signature_of(key, b"content")
    written = DoorKey.of(key.public).to_dict()
    read = DoorKey.from_dict("id", written)
    read.verify_signature(made_by, b"content")
    assert read.public.fingerprint == key.public.fingerprint
    with pytest.raises(Exception, match="not signed by"):
        read.verify_signature(made_by, b"Content")


# --- delegations -----------------------------------------------------------------------------------------------------


def delegated(repository: Repository, path: str = "keys/team-*.pub") -> None:
    """Let the team sign for its keys."""
    repository.delegate("team", RolePlan((TEAM.public,)), [path])
    repository.put("keys/team-one.pub", RELEASE, "team")
    signed(repository, A, B, TEAM)


def test_a_delegated_role_distributes_what_it_may(client: Client, repository: Repository) -> None:
    delegated(repository)
    client.update()
    assert set(client.read().keys) == {"release", "team-one"}


def test_a_delegated_role_distributes_nothing_else(client: Client, repository: Repository) -> None:
    delegated(repository)
    repository.put("keys/other.pub", RELEASE, "team")
    signed(repository, TEAM)
    client.update()
    assert set(client.read().keys) == {"release", "team-one"}


def test_a_delegated_role_does_not_replace_what_the_keepers_distribute(client: Client, repository: Repository) -> None:
    delegated(repository, "keys/*.pub")
    other = public_key_to_pem(STRANGER.public)
    repository.put(PATH, other, "team")
    signed(repository, TEAM)
    client.update()
    assert client.read().keys["release"] == RELEASE


def test_a_stranger_does_not_sign_for_a_delegated_role(client: Client, repository: Repository) -> None:
    delegated(repository)
    edited(repository, "1.team.json", lambda _: None, STRANGER)
    with pytest.raises(SignatureMismatchError):
        client.update()


@pytest.mark.parametrize("role", ["root", "targets", "Team", "../team", "", "a.b", "a" * 60])
def test_names_that_no_delegated_role_may_have(role: str) -> None:
    with pytest.raises(UsageError):
        require_role(role)


# --- attacks ---------------------------------------------------------------------------------------------------------


def test_an_older_timestamp_is_a_rollback(client: Client, repository: Repository) -> None:
    before = (repository.folder / "metadata" / "timestamp.json").read_bytes()
    repository.put("keys/next.pub", RELEASE)
    signed(repository, A, B)
    client.update()
    (repository.folder / "metadata" / "timestamp.json").write_bytes(before)
    with pytest.raises(RollbackError):
        client.update()
    assert "next" in client.read().keys


def test_an_older_list_under_a_newer_timestamp_is_a_rollback(client: Client, repository: Repository) -> None:
    repository.put("keys/next.pub", RELEASE)
    signed(repository, A, B)
    client.update()

    def back(metadata: Metadata) -> None:  # type: ignore[type-arg]
        metadata.signed.meta["targets.json"].version = 1
        metadata.signed.version = 3

    folder = repository.folder / "metadata"
    shutil.copy(folder / "2.snapshot.json", folder / "3.snapshot.json")
    edited(repository, "3.snapshot.json", back, ONLINE)

    def on(metadata: Metadata) -> None:  # type: ignore[type-arg]
        metadata.signed.version += 1
        metadata.signed.snapshot_meta.version = 3

    edited(repository, "timestamp.json", on, ONLINE)
    with pytest.raises(RollbackError):
        client.update()


def test_mixed_versions_do_not_match(client: Client, repository: Repository) -> None:
    repository.put("keys/next.pub", RELEASE)
    signed(repository, A, B)
    folder = repository.folder / "metadata"
    shutil.copy(folder / "1.snapshot.json", folder / "2.snapshot.json")
    with pytest.raises(RollbackError):
        client.update()


def test_a_frozen_repository_expires(tmp_path: Path) -> None:
    repository = made(tmp_path, now=NOW - 20 * DAY)
    first = (repository.folder / "metadata" / "1.root.json").read_bytes()
    with serving(repository.folder) as url, pytest.raises(TrustExpiredError):
        Client(tmp_path, url, first).update()


def test_an_expired_root_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    repository = Repository.create(folder, plans(), {"root": 1}, NOW - 2 * DAY)
    signed(repository, A, B)
    first = (folder / "metadata" / "1.root.json").read_bytes()
    with serving(folder) as url, pytest.raises(TrustExpiredError):
        Client(tmp_path, url, first).update()


@pytest.mark.parametrize("name", ["1.root.json", "1.targets.json"])
def test_below_the_threshold_is_unsigned(client: Client, repository: Repository, name: str) -> None:
    def strip(metadata: Metadata) -> None:  # type: ignore[type-arg]
        metadata.signatures.popitem()

    edited(repository, name, strip)
    client.first = (repository.folder / "metadata" / "1.root.json").read_bytes()
    with pytest.raises(SignatureMismatchError):
        client.update()


@pytest.mark.parametrize("name", ["1.targets.json", "1.snapshot.json", "timestamp.json"])
@pytest.mark.parametrize("keys", [(STRANGER,), (TEAM, STRANGER), (C,)])
def test_other_keys_count_for_nothing(
    client: Client, repository: Repository, name: str, keys: tuple[PrivateKey, ...]
) -> None:
    edited(repository, name, lambda _: None, *keys)
    with pytest.raises(SignatureMismatchError):
        client.update()


def test_a_signature_under_anothers_identifier_counts_for_nothing(client: Client, repository: Repository) -> None:
    def borrow(metadata: Metadata) -> None:  # type: ignore[type-arg]
        for keyid in metadata.signatures:
            metadata.signatures[keyid].signature = signature_of(STRANGER, metadata.signed_bytes).signature

    edited(repository, "1.targets.json", borrow)
    with pytest.raises(SignatureMismatchError):
        client.update()


def test_a_root_by_its_own_keys_alone_is_refused(client: Client, repository: Repository) -> None:
    client.update()
    other = Repository.create(repository.folder.parent / "other", plans(1, (STRANGER,)), {}, NOW)
    root = other.root()
    root.signed.version = 2
    made_by = signature_of(STRANGER, root.signed_bytes)
    root.signatures[made_by.keyid] = made_by
    (repository.folder / "metadata" / "2.root.json").write_bytes(root.to_bytes())
    with pytest.raises(SignatureMismatchError):
        client.update()


def test_a_root_that_skips_a_version_is_refused(client: Client, repository: Repository) -> None:
    client.update()
    folder = repository.folder / "metadata"
    shutil.copy(folder / "1.root.json", folder / "2.root.json")

    def skip(metadata: Metadata) -> None:  # type: ignore[type-arg]
        metadata.signed.version = 3

    edited(repository, "2.root.json", skip, A, B)
    with pytest.raises(RollbackError):
        client.update()


def test_a_dropped_key_signs_no_more(client: Client, repository: Repository) -> None:
    repository.rotate("targets", [], [A.public.fingerprint], None)
    signed(repository, A, B, C)
    client.update()
    edited(repository, "2.targets.json", lambda _: None, A, B)
    shutil.rmtree(client.folder)
    with pytest.raises(SignatureMismatchError):
        client.update()


def test_one_key_under_two_identifiers_does_not_count_twice(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "repository", plans(2, (A, B)), {}, NOW)
    root = repository.root()
    twin = DoorKey("f" * 64, **{name: DoorKey.of(A.public).to_dict()[name] for name in ("keytype", "scheme", "keyval")})
    root.signed.keys[twin.keyid] = twin
    for role in ("root", "targets"):
        root.signed.roles[role].keyids = [DoorKey.of(A.public).keyid, twin.keyid]
    repository.stage("root", root)
    for role in ("root", "targets"):
        file = repository.folder / "staged" / f"{role}.json"
        metadata: Metadata = Metadata.from_bytes(file.read_bytes())  # type: ignore[type-arg]
        for keyid in (DoorKey.of(A.public).keyid, twin.keyid):
            one = signature_of(A, metadata.signed_bytes)
            one.keyid = keyid
            metadata.signatures[keyid] = one
        file.write_bytes(metadata.to_bytes())
    publish(repository, [ONLINE])
    first = (repository.folder / "metadata" / "1.root.json").read_bytes()
    with serving(repository.folder) as url, pytest.raises(VerificationError, match="one key twice"):
        Client(tmp_path, url, first).update()


def _only_file(repository: Repository) -> Path:
    (file,) = (repository.folder / "targets" / "keys").iterdir()
    return file


def test_a_changed_file_is_refused(client: Client, repository: Repository) -> None:
    _only_file(repository).write_bytes(RELEASE.replace(b"M", b"N", 1))
    with pytest.raises(DigestMismatchError):
        client.update()
    with pytest.raises(UsageError):
        client.read()


def test_a_file_that_does_not_end_is_refused(client: Client, repository: Repository) -> None:
    _only_file(repository).write_bytes(RELEASE + b"\n" * 100_000)
    with pytest.raises(LimitExceededError):
        client.update()


def test_metadata_that_does_not_end_is_refused(client: Client, repository: Repository) -> None:
    file = repository.folder / "metadata" / "timestamp.json"
    file.write_bytes(file.read_bytes() + b" " * 20_000)
    with pytest.raises(LimitExceededError):
        client.update()


def test_a_missing_file_is_no_update(client: Client, repository: Repository) -> None:
    _only_file(repository).unlink()
    with pytest.raises(UnreachableError):
        client.update()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"signed": {}, "signatures": []}', b"[" * 10_000])
def test_metadata_that_is_none(client: Client, repository: Repository, content: bytes) -> None:
    (repository.folder / "metadata" / "timestamp.json").write_bytes(content)
    with pytest.raises(TrustkitError):
        client.update()


@pytest.mark.parametrize(
    "path",
    ["../evil.pub", "keys/../../evil.pub", "/etc/passwd", "keys/a.json", "other/a.pub", "keys/a/b.pub", "keys/.pub",
     "keys/.hidden.pub", "a", "keys/a\n.pub", "policies/a.yml", "keys\\a.pub", "trust.json"],
)  # fmt: skip
def test_a_path_that_no_trust_root_may_distribute(client: Client, repository: Repository, path: str) -> None:
    with pytest.raises(MalformedError):
        require_path(path)

    def add(metadata: Metadata) -> None:  # type: ignore[type-arg]
        metadata.signed.targets[path] = TargetFile(1, {"sha256": "0" * 64}, path)

    edited(repository, "1.targets.json", add, A, B)
    with pytest.raises(TrustkitError):
        client.update()
    assert not (client.folder / cache.STATE).exists()


def test_a_given_root_is_no_way_back(client: Client, repository: Repository) -> None:
    repository.rotate("root", [], [A.public.fingerprint], None)
    signed(repository, A, B, C)
    client.update()
    (repository.folder / "metadata" / "2.root.json").unlink()
    assert client.update().root == 2


@pytest.mark.parametrize("asked", [Asked(), Asked(("http://127.0.0.1:9",)), Asked((), b"{}")])
def test_an_update_needs_a_place_and_a_root(tmp_path: Path, asked: Asked) -> None:
    with pytest.raises(UsageError):
        update(tmp_path, asked, NOW)


def test_nobody_answers(tmp_path: Path, client: Client) -> None:
    with pytest.raises(UnreachableError):
        client.update("http://127.0.0.1:9")


# --- what a client holds ---------------------------------------------------------------------------------------------


def test_it_counts_without_a_network_until_it_expires(client: Client) -> None:
    expires = client.update().expires
    assert client.read(now=expires)
    with pytest.raises(TrustExpiredError):
        client.read(now=expires + timedelta(seconds=1))


def test_grace_is_added_and_ends(client: Client) -> None:
    expires = client.update().expires
    assert client.read(now=expires + timedelta(hours=5), grace=5)
    with pytest.raises(TrustExpiredError):
        client.read(now=expires + timedelta(hours=5, seconds=1), grace=5)


def test_a_file_changed_on_the_disk_is_refused(client: Client) -> None:
    client.update()
    (client.folder / "files" / "1" / PATH).write_bytes(public_key_to_pem(STRANGER.public))
    with pytest.raises(DigestMismatchError):
        client.read()


def test_a_file_missing_on_the_disk_is_refused(client: Client) -> None:
    client.update()
    (client.folder / "files" / "1" / PATH).unlink()
    with pytest.raises(TrustkitError, match="no such file"):
        client.read()


def test_only_the_files_in_force_are_kept(client: Client) -> None:
    client.update()
    client.update()
    assert [one.name for one in (client.folder / "files").iterdir()] == ["2"]


def test_before_the_first_update_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        cache.read_cache(tmp_path, NOW, 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
STATE = {
    "mirrors": [], "checked": NOW.isoformat(), "expires": NOW.isoformat(), "root": 1, "number": 1, "files": {},
}  # fmt: skip


@given(st.sampled_from(sorted(STATE)), json_values)
def test_any_value_in_the_state(tmp_path_factory: pytest.TempPathFactory, name: str, value: object) -> None:
    folder = tmp_path_factory.getbasetemp() / "state"
    folder.mkdir(exist_ok=True)
    (folder / cache.STATE).write_text(json.dumps({**STATE, name: value}), encoding="utf-8")
    try:
        cache.read_cache(folder, NOW, 0)
    except TrustkitError:
        return


@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps({"keys": [value]}).encode()))
def test_any_bytes_as_revocations(content: bytes) -> None:
    try:
        revocations.read(content)
    except TrustkitError:
        return


# --- revocation ------------------------------------------------------------------------------------------------------


def test_a_revoked_key_is_marked_wherever_it_is_trusted(client: Client, repository: Repository) -> None:
    lost = KeyRevocation(NOW, "stolen", allow_before=True)
    revoked = (revocations.Revoked(TEAM.public.fingerprint, "team", lost),)
    repository.put(REVOKED, revocations.write(revoked))
    signed(repository, A, B)
    client.update()
    assert client.read().revoked == revoked
    trust = TrustRoots((TrustedKey("mine", TEAM.public), TrustedKey("other", A.public)))
    assert [key.revoked for key in client.read().applied(trust).keys] == [lost, None]


LATE = NOW + DAY


@pytest.mark.parametrize(
    ("policys", "roots", "strict"),
    [
        (KeyRevocation(NOW, "stolen"), KeyRevocation(LATE, "rotated", allow_before=True), KeyRevocation(NOW, "stolen")),
        (KeyRevocation(LATE, "lost", allow_before=True), KeyRevocation(NOW, "stolen"), KeyRevocation(NOW, "stolen")),
        (KeyRevocation(LATE, "lost"), KeyRevocation(NOW, "old", allow_before=True), KeyRevocation(NOW, "old")),
        (None, KeyRevocation(NOW, "old", allow_before=True), KeyRevocation(NOW, "old", allow_before=True)),
    ],
)
def test_the_strictest_word_on_a_key_counts(
    tmp_path: Path, policys: KeyRevocation | None, roots: KeyRevocation, strict: KeyRevocation
) -> None:
    trust = TrustRoots((TrustedKey("mine", TEAM.public, revoked=policys),))
    listed = (revocations.Revoked(TEAM.public.fingerprint, "team", roots),)
    assert [one.revoked for one in cache.Distributed(tmp_path, NOW, (), listed).applied(trust).keys] == [strict]


@pytest.mark.parametrize("turn", [1, -1])
def test_the_strictest_word_of_two_in_one_list_counts(tmp_path: Path, turn: int) -> None:
    words = (KeyRevocation(NOW, "stolen"), KeyRevocation(LATE, "rotated", allow_before=True))
    listed = tuple(revocations.Revoked(TEAM.public.fingerprint, "team", one) for one in words)[::turn]
    trust = TrustRoots((TrustedKey("mine", TEAM.public),))
    assert [one.revoked for one in cache.Distributed(tmp_path, NOW, (), listed).applied(trust).keys] == [words[0]]


# --- keepers' mistakes -----------------------------------------------------------------------------------------------


def test_publishing_below_a_threshold_changes_nothing(repository: Repository) -> None:
    before = sorted((repository.folder / "metadata").iterdir())
    repository.put("keys/next.pub", RELEASE)
    repository.sign(A)
    with pytest.raises(VerificationError, match="1 of 2"):
        publish(repository, [ONLINE])
    assert sorted((repository.folder / "metadata").iterdir()) == before


def test_a_new_root_needs_the_old_keepers(repository: Repository) -> None:
    repository.rotate("root", [TEAM.public, STRANGER.public], [A.public.fingerprint, B.public.fingerprint], None)
    for key in (TEAM, STRANGER):
        repository.sign(key)
    with pytest.raises(VerificationError, match="root version 2 has 0 of 2"):
        publish(repository, [ONLINE])


def test_a_change_after_signing_takes_the_signatures_away(repository: Repository) -> None:
    repository.put("keys/one.pub", RELEASE)
    repository.sign(A)
    repository.sign(B)
    repository.put("keys/two.pub", RELEASE)
    with pytest.raises(VerificationError, match="0 of 2"):
        publish(repository, [ONLINE])


def test_publishing_needs_the_online_key(repository: Repository) -> None:
    with pytest.raises(UsageError, match="snapshot needs 1"):
        publish(repository, [A])


def test_a_stranger_has_nothing_to_sign(repository: Repository) -> None:
    repository.put("keys/next.pub", RELEASE)
    with pytest.raises(UsageError, match="nothing staged waits"):
        repository.sign(STRANGER)


@pytest.mark.parametrize("plan", [RolePlan((A.public,), 2), RolePlan((A.public,), 0), RolePlan((A.public, A.public))])
def test_thresholds_that_cannot_be(tmp_path: Path, plan: RolePlan) -> None:
    with pytest.raises(UsageError):
        Repository.create(tmp_path / "r", {**plans(), "root": plan}, {}, NOW)


@pytest.mark.parametrize(("kind", "name"), [("key", "a"), ("keys", "../a"), ("keys", ""), ("keys", "a/b"), ("", "a")])
def test_names_that_nothing_may_have(kind: str, name: str) -> None:
    with pytest.raises(UsageError):
        path_of(kind, name)


@pytest.mark.parametrize("size", [0, 4 * 1024 * 1024 + 1])
def test_files_that_are_too_small_or_too_large(repository: Repository, size: int) -> None:
    with pytest.raises(LimitExceededError):
        repository.put(PATH, b"x" * size)


def test_a_folder_holds_one_trust_root(repository: Repository) -> None:
    with pytest.raises(UsageError):
        Repository.create(repository.folder, plans(), {}, NOW)


def test_a_folder_without_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Repository(tmp_path, NOW)


def test_dropping_a_key_that_does_not_sign(repository: Repository) -> None:
    with pytest.raises(UsageError):
        repository.rotate("root", [], [STRANGER.public.fingerprint], None)


def test_the_keys_kind_must_fit_its_scheme() -> None:
    written = DoorKey.of(A.public).to_dict()
    with pytest.raises(ValueError, match="of kind ecdsa-p256"):
        DoorKey.from_dict("id", {**written, "scheme": "ecdsa-sha2-nistp384"})


def test_a_p521_key_signs_no_metadata() -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        DoorKey.of(A.public._replace(kind="ecdsa-p521"))
