"""What authors of content trust write: certificates, key files, signatures of every kind, and edits of a repository."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trustkit.codec import notary_tuf, pem
from trustkit.codec.certificate import parse_certificate
from trustkit.codec.notary_build import listing_value, targets_value
from trustkit.codec.notary_tuf import RELEASES, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, FileMeta, Key, Listing, Role
from trustkit.errors import (
    AlgorithmNotApprovedError,
    KeyFileError,
    KeyUnavailableError,
    MalformedError,
    RollbackError,
    SignatureExpiredError,
    UsageError,
)
from trustkit.fips import keyfile
from trustkit.fips.provider import PrivateKey
from trustkit.fips.select import provider
from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey
from trustkit.signing.content_trust.choice import roles_to_clear, roles_to_sign
from trustkit.signing.content_trust.draft import Draft, empty
from trustkit.signing.content_trust.edits import (
    RoleKeys,
    add_signer,
    begun,
    delegate,
    delegation_of,
    rekeyed,
    renewed,
    undelegate,
    with_tags,
)
from trustkit.signing.content_trust.errors import NotSignedError, RootChainError, ThresholdError
from trustkit.signing.content_trust.files import meta_of
from trustkit.signing.content_trust.identifiers import bare, certified, id_of
from trustkit.signing.content_trust.key_folder import KeyFolder
from trustkit.signing.content_trust.publication import signed
from trustkit.signing.content_trust.sign import signed_file
from trustkit.signing.content_trust.signers import require_role_signed
from trustkit.signing.content_trust.values import Trusted, VerifiedRepository
from trustkit.signing.content_trust.verify import verify_repository

NOW = datetime(2026, 11, 24, tzinfo=UTC)
GUN = "registry.example/team/app"
Files = Mapping[str, bytes]
ONE = FileMeta((("sha256", b"\x11" * 32),), 401)


class Held:
    """Keys in memory."""

    def __init__(self, *keys: PrivateKey) -> None:
        self.keys = {id_of(bare(key.public)): key for key in keys}

    def holds(self, key_id: str) -> bool:
        return key_id in self.keys

    def open(self, key_id: str) -> PrivateKey:
        return self.keys[key_id]


@pytest.fixture(name="root", scope="module")
def root_() -> PrivateKey:
    return provider().generate("ecdsa-p256")


@pytest.fixture(name="own", scope="module")
def own_() -> PrivateKey:
    return provider().generate("ecdsa-p256")


@pytest.fixture(name="other", scope="module")
def other_() -> PrivateKey:
    return provider().generate("ecdsa-p256")


@pytest.fixture(name="draft")
def draft_(root: PrivateKey, own: PrivateKey) -> Draft:
    """A repository whose every key but the timestamp's is `own`, but for the root's."""
    key = bare(own.public)
    roles = {ROOT: [certified(root, GUN, NOW)], TARGETS: [key], SNAPSHOT: [key], TIMESTAMP: [key]}
    first = begun(GUN, {name: RoleKeys(keys) for name, keys in roles.items()}, NOW)
    return Draft(GUN, signed(first, Held(root, own), provider()), NOW)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-3072"])
def test_openssl_reads_and_verifies_a_root_certificate(kind: str, tmp_path: Path) -> None:
    key = certified(provider().generate(kind), GUN, NOW)
    file = tmp_path / "root.pem"
    file.write_bytes(key.public)
    when = str(int((NOW + timedelta(days=1)).timestamp()))
    words = ["openssl", "verify", "-attime", when, "-check_ss_sig", "-partial_chain", "-trusted", file, file]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = subprocess.run(
        ["openssl", "x509", "-in", file, "-noout", "-text"], check=True, capture_output=True, text=True
    )
    for part in (f"Subject: CN = {GUN}", "CA:FALSE", "Code Signing", "Digital Signature", "Nov 21 00:00:00 2036 GMT"):
        assert part in text.stdout


def test_a_certificate_that_ends_after_2049_says_so(root: PrivateKey) -> None:
    key = certified(root, GUN, datetime(2045, 1, 1, tzinfo=UTC))
    assert parse_certificate(pem.decode(key.public, ("CERTIFICATE",))[1]).not_after.year == 2054


@pytest.mark.parametrize("kind", ["ed25519", "ml-dsa-44"])
def test_no_certificate_is_made_of_what_clients_do_not_take_as_root(kind: str) -> None:
    class Other:
        public = PublicKey(b"", "", kind, 256)

        def sign(self, algorithm: str, message: bytes) -> bytes:
            raise AssertionError

    with pytest.raises(AlgorithmNotApprovedError, match="cannot be a root key"):
        certified(Other(), GUN, NOW)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-3072"])
def test_a_file_is_signed_by_every_kind_of_key(kind: str) -> None:
    key = provider().generate(kind)
    key_id = id_of(bare(key.public))
    content = signed_file(targets_value(empty(NOW)), {key_id: key})
    role = Role(TARGETS, (key_id,), 1)
    (found,) = require_role_signed(notary_tuf.parse(content), role, {key_id: bare(key.public)}, provider())
    assert found.fingerprint == key.public.fingerprint


def test_a_key_is_found_by_its_name_and_opened(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path, provider())
    made = folder.make(TARGETS, GUN, b"wonderland")
    filed = folder.find(id_of(bare(made.public)))
    assert filed is not None
    assert (filed.role, filed.gun, filed.path.stat().st_mode & 0o777) == (TARGETS, GUN, 0o600)
    assert folder.of_role(TARGETS, GUN) == (filed,)
    assert folder.of_role(TARGETS, "registry.example/other") == ()
    assert folder.open(filed, lambda _: b"wonderland").public == made.public
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        folder.open(filed, lambda _: b"looking glass")


def test_a_key_is_never_kept_without_a_passphrase(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="empty passphrase"):
        KeyFolder(tmp_path, provider()).make(ROOT, GUN, b"")
    assert not list(tmp_path.rglob("*.key"))


def test_in_fips_mode_key_files_are_derived_by_sha256(own: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    real = provider()

    class InFipsMode:
        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def status(self) -> ModuleStatus:
            return ModuleStatus("ossl-fips", "", "", mode="module")

    monkeypatch.setattr("trustkit.fips.select.provider", InFipsMode)
    content = keyfile.write_notary(own, b"wonderland", {"role": "targets"})
    assert keyfile.headers_of(content) == {"role": "targets"}
    # HMAC-SHA-256, and read without SHA-1
    assert bytes.fromhex("2a864886f70d0209") in pem.decode(pem.split_headers(content)[1], ("ENCRYPTED PRIVATE KEY",))[1]
    assert keyfile.read(content, b"wonderland", real).public == own.public


def test_what_begins_is_a_root_empty_targets_and_a_snapshot(draft: Draft) -> None:
    assert sorted(draft.files) == [ROOT, SNAPSHOT, TARGETS]
    assert draft.root.version == 1
    assert draft.targets() == empty(NOW)


def test_without_the_snapshot_key_the_server_is_left_to_sign_it(
    draft: Draft, root: PrivateKey, other: PrivateKey
) -> None:
    rekeyed(draft, SNAPSHOT, RoleKeys([bare(other.public)]))
    assert sorted(signed(draft, Held(root), provider())) == [ROOT]


def test_a_new_root_needs_the_old_key(draft: Draft, own: PrivateKey, other: PrivateKey) -> None:
    rekeyed(draft, ROOT, RoleKeys([certified(other, GUN, NOW)]))
    with pytest.raises(KeyUnavailableError, match="root needs 1 of its keys, and 0 are here"):
        signed(draft, Held(own, other), provider())


def test_a_root_for_another_repository_is_not_published(draft: Draft, root: PrivateKey, own: PrivateKey) -> None:
    rekeyed(draft, ROOT, RoleKeys([certified(root, "registry.example/other", NOW)]))
    with pytest.raises(RootChainError, match="not for"):
        signed(draft, Held(root, own), provider())


def test_a_key_that_signs_wrongly_is_found_before_anything_is_published(draft: Draft, own: PrivateKey) -> None:
    class Broken:
        public = own.public

        def sign(self, algorithm: str, message: bytes) -> bytes:
            return own.sign(algorithm, message + b" ")

    class Holder(Held):
        def open(self, key_id: str) -> PrivateKey:
            return Broken()  # type: ignore[return-value]

    with_tags(draft, TARGETS, {"v1": ONE})
    with pytest.raises(ThresholdError):
        signed(draft, Holder(own), provider())


def test_tags_are_signed_in_targets_until_there_are_signers(draft: Draft, own: PrivateKey, other: PrivateKey) -> None:
    assert roles_to_sign(draft, "v1", Held(own)) == (TARGETS,)
    for name in ("targets/alice", RELEASES):
        delegate(draft, name, [bare(other.public)])
    assert roles_to_sign(draft, "v1", Held(other)) == (RELEASES, "targets/alice")
    with pytest.raises(KeyUnavailableError):
        roles_to_sign(draft, "v1", Held(own))


def test_a_tag_that_nobody_names_is_not_revoked(draft: Draft, own: PrivateKey) -> None:
    with pytest.raises(NotSignedError):
        roles_to_clear(draft, "v1", Held(own))


def test_a_signer_that_ends_takes_its_key_out_of_releases(draft: Draft, own: PrivateKey, other: PrivateKey) -> None:
    for key, name in ((own, "targets/alice"), (other, "targets/bob")):
        delegate(draft, name, [bare(key.public)])
        delegate(draft, RELEASES, [bare(key.public)])
    assert undelegate(draft, "targets/alice") == ("targets/alice",)
    assert draft.signers(RELEASES).role.key_ids == (id_of(bare(other.public)),)
    assert set(undelegate(draft, "targets/bob")) == {RELEASES, "targets/bob"}
    found = draft.targets()
    assert found is not None
    assert (found.roles, found.keys) == ((), {})


def test_a_key_that_another_signer_has_too_stays_in_releases(draft: Draft, own: PrivateKey) -> None:
    for name in ("targets/alice", "targets/bob", RELEASES):
        delegate(draft, name, [bare(own.public)])
    undelegate(draft, "targets/alice")
    assert draft.signers(RELEASES).role.key_ids == (id_of(bare(own.public)),)


def test_releases_are_not_left_with_fewer_keys_than_they_need(draft: Draft, own: PrivateKey, other: PrivateKey) -> None:
    delegate(draft, "targets/alice", [bare(own.public)])
    delegate(draft, RELEASES, [bare(own.public), bare(other.public)], threshold=2)
    with pytest.raises(UsageError, match="would be left"):
        undelegate(draft, "targets/alice")


def published(draft: Draft, *held: PrivateKey, served: VerifiedRepository | None = None) -> VerifiedRepository:
    """What a client makes of a draft on top of what is `served`, with a timestamp by the first of the keys."""
    files = {**(served.files if served else {}), **draft.files, **signed(draft, Held(*held), provider())}
    (key_id,) = draft.root.roles[TIMESTAMP].key_ids
    listing = Listing(draft.root.version, NOW + timedelta(days=14), {SNAPSHOT: meta_of(files[SNAPSHOT])})
    files[TIMESTAMP] = signed_file(listing_value(listing, TIMESTAMP), {key_id: held[0]})
    return verify_repository(files, GUN, Trusted(first_use=True), now=NOW, crypto=provider())


def after(found: VerifiedRepository) -> Draft:
    """The next change to what was published."""
    return Draft(GUN, found.files, NOW, {one.name: one.version for one in found.unusable})


@pytest.fixture(name="with_signers")
def with_signers_(draft: Draft, own: PrivateKey, other: PrivateKey) -> VerifiedRepository:
    """v1 is signed by `other` in releases and by alice, who has the same key."""
    for name in (RELEASES, "targets/alice"):
        delegate(draft, name, [bare(other.public)])
        with_tags(draft, name, {"v1": ONE})
    return published(draft, own, other)


def after_nothing(draft: Draft) -> Draft:
    """The same state, before any change."""
    return Draft(GUN, draft.files, NOW)


def rekeyed_delegation(draft: Draft, name: str, key: PrivateKey) -> None:
    body = draft.targets()
    assert body is not None
    roles = tuple(one for one in body.roles if one.name != name)
    draft.put_targets(TARGETS, body._replace(roles=roles))
    delegate(draft, name, [bare(key.public)])


def test_releases_that_their_keys_did_not_sign_hide_every_tag(
    with_signers: VerifiedRepository, own: PrivateKey
) -> None:
    draft = after(with_signers)
    rekeyed_delegation(draft, RELEASES, own)
    with_tags(draft, TARGETS, {"v2": ONE})
    found = published(draft, own, served=with_signers)
    assert [one.name for one in found.unusable] == [RELEASES]
    assert RELEASES not in found.files
    for ask in (lambda: found.tag("v1"), lambda: found.tag("v2"), lambda: found.tags):
        with pytest.raises(ThresholdError, match="0 of the 1 keys that targets/releases needs"):
            ask()


def test_a_signer_that_does_not_count_any_more_hides_no_tag(with_signers: VerifiedRepository, own: PrivateKey) -> None:
    draft = after(with_signers)
    rekeyed_delegation(draft, "targets/alice", own)
    found = published(draft, own, served=with_signers)
    assert [one.name for one in found.unusable] == ["targets/alice"]
    assert found.tag("v1").role.name == RELEASES


def test_releases_that_ended_hide_every_tag_and_are_renewed_with_their_tags(
    with_signers: VerifiedRepository, own: PrivateKey, other: PrivateKey
) -> None:
    draft = after(with_signers)
    with_tags(draft, RELEASES, {"v2": ONE})
    draft.changed[RELEASES] = draft.changed[RELEASES]._replace(expires=NOW + timedelta(seconds=1))
    soon = published(draft, own, other)
    over = verify_repository(soon.files, GUN, Trusted(soon.files), now=NOW + timedelta(seconds=2), crypto=provider())
    with pytest.raises(SignatureExpiredError):
        over.tag("v1")
    again = after(over)
    renewed(again, RELEASES)
    found = published(again, own, other)
    assert (found.tags, found.versions[RELEASES]) == ({"v1", "v2"}, soon.versions[RELEASES] + 1)


def listing(found: VerifiedRepository, key: PrivateKey, *, without: str) -> Files:
    """What a server shows that leaves a role out: it has the keys of snapshot and timestamp."""
    key_id = id_of(bare(key.public))
    before = notary_tuf.read_listing(notary_tuf.parse(found.files[SNAPSHOT]), SNAPSHOT)
    meta = {role: one for role, one in before.meta.items() if role != without}
    files = dict(found.files)
    snapshot = Listing(before.version + 1, NOW + timedelta(days=9), meta)
    files[SNAPSHOT] = signed_file(listing_value(snapshot, SNAPSHOT), {key_id: key})
    files[TIMESTAMP] = timestamped(files, key, 99)
    return files


def test_releases_that_the_snapshot_hides_hide_every_tag(with_signers: VerifiedRepository, own: PrivateKey) -> None:
    """Else whoever has the server chooses what targets said long ago. At the second look too."""
    shown, seen = listing(with_signers, own, without=RELEASES), with_signers.files
    for _ in range(2):
        found = verify_repository(shown, GUN, Trusted(seen), now=NOW, crypto=provider())
        assert [one.name for one in found.unusable] == [RELEASES]
        with pytest.raises(RollbackError, match=r"targets/releases \d was seen before, and the snapshot lists none"):
            found.tag("v1")
        with pytest.raises(RollbackError):
            len(found.tags)
        seen = {**seen, **found.files}


def test_who_never_saw_what_is_hidden_does_not_miss_it(with_signers: VerifiedRepository, own: PrivateKey) -> None:
    shown = listing(with_signers, own, without=RELEASES)
    assert verify_repository(shown, GUN, Trusted(first_use=True), now=NOW, crypto=provider()).tags == frozenset()


def test_a_hidden_signer_counts_for_nothing_and_hides_no_tag(with_signers: VerifiedRepository, own: PrivateKey) -> None:
    shown = listing(with_signers, own, without="targets/alice")
    found = verify_repository(shown, GUN, Trusted(with_signers.files), now=NOW, crypto=provider())
    assert [one.name for one in found.unusable] == ["targets/alice"]
    assert found.tag("v1").role.name == RELEASES


def test_targets_that_were_seen_are_not_left_out(with_signers: VerifiedRepository, own: PrivateKey) -> None:
    shown = listing(with_signers, own, without=TARGETS)
    with pytest.raises((RollbackError, MalformedError), match="targets"):
        verify_repository(shown, GUN, Trusted(with_signers.files), now=NOW, crypto=provider())


def test_a_role_that_is_delegated_no_more_is_not_missed(with_signers: VerifiedRepository, own: PrivateKey) -> None:
    draft = after(with_signers)
    undelegate(draft, "targets/alice")
    with_tags(draft, TARGETS, {"v2": ONE})
    shown = dict(published(draft, own, served=with_signers).files)
    shown[TIMESTAMP] = timestamped(shown, own, 2)
    found = verify_repository(shown, GUN, Trusted(with_signers.files), now=NOW, crypto=provider())
    assert (found.unusable, found.tags) == ((), {"v2"})


def test_who_may_sign_a_hidden_role_lists_it_again(
    with_signers: VerifiedRepository, own: PrivateKey, other: PrivateKey
) -> None:
    shown = listing(with_signers, own, without=RELEASES)
    hidden = verify_repository(shown, GUN, Trusted(with_signers.files), now=NOW, crypto=provider())
    draft = after(hidden)
    with_tags(draft, RELEASES, {"v2": ONE})
    again = published(draft, own, other, served=hidden)
    assert again.tags == {"v2"}
    assert again.versions[RELEASES] > with_signers.versions[RELEASES]
    seen = {**with_signers.files, **hidden.files}
    stamped = {**again.files, TIMESTAMP: timestamped(again.files, own, 100)}
    assert verify_repository(stamped, GUN, Trusted(seen), now=NOW, crypto=provider()).tags == {"v2"}


def timestamped(files: Files, key: PrivateKey, version: int) -> bytes:
    """The timestamp that a server gives these files."""
    listed = Listing(version, NOW + timedelta(days=9), {SNAPSHOT: meta_of(files[SNAPSHOT])})
    return signed_file(listing_value(listed, TIMESTAMP), {id_of(bare(key.public)): key})


def begun_again(found: VerifiedRepository, key: PrivateKey) -> VerifiedRepository:
    """Releases and alice ended, and releases are delegated again to another key."""
    draft = after(found)
    undelegate(draft, "targets/alice")
    gone = published(draft, key, served=found)
    again = after(gone)
    delegate(again, RELEASES, [bare(key.public)])
    return published(again, key, served=gone)


@pytest.mark.parametrize("remembers", [True, False])
def test_a_delegation_that_begins_again_is_newer_than_it_ever_was(
    with_signers: VerifiedRepository, own: PrivateKey, other: PrivateKey, remembers: bool
) -> None:
    """Everybody who knew it would refuse the repository else: the signer may never have seen how it was before."""
    for _ in range(3):
        draft = after(with_signers)
        with_tags(draft, RELEASES, {"v1": ONE})
        with_signers = published(draft, own, other)
    again = begun_again(with_signers, own)
    draft = Draft(GUN, again.files, NOW, seen=with_signers.files if remembers else None)
    with_tags(draft, RELEASES, {"v2": ONE})
    files = dict(published(draft, own, served=again).files)
    files[TIMESTAMP] = timestamped(files, own, 9)
    found = verify_repository(files, GUN, Trusted(with_signers.files), now=NOW, crypto=provider())
    assert found.tags == {"v2"}
    assert found.versions[RELEASES] > with_signers.versions[RELEASES]


def test_a_version_that_only_the_author_remembers_is_passed(draft: Draft, own: PrivateKey) -> None:
    delegate(draft, RELEASES, [bare(own.public)])
    before = signed_file(targets_value(empty(NOW)._replace(version=70)), {id_of(bare(own.public)): own})
    again = Draft(GUN, draft.files, NOW, {RELEASES: 60}, {RELEASES: before})
    again.put_targets(RELEASES, empty(NOW))
    found = again.targets(RELEASES)
    assert found is not None
    assert found.version == 71


def ended(draft: Draft, *held: PrivateKey) -> VerifiedRepository:
    """The repository whose targets have just ended."""
    with_tags(draft, TARGETS, {"v1": ONE})
    draft.changed[TARGETS] = draft.changed[TARGETS]._replace(expires=NOW + timedelta(seconds=1))
    return published(draft, *held)


LATER = NOW + timedelta(seconds=2)


def test_targets_that_ended_are_renewed_by_those_who_have_the_keys(draft: Draft, own: PrivateKey) -> None:
    old = ended(draft, own)
    known = verify_repository(old.files, GUN, Trusted(old.files, renewing=True), now=LATER, crypto=provider())
    again = Draft(GUN, known.files, LATER)
    renewed(again, TARGETS)
    assert published(again, own).tags == {"v1"}


def test_what_was_looked_at_to_be_renewed_names_no_tag(draft: Draft, own: PrivateKey) -> None:
    files = ended(draft, own).files
    known = verify_repository(files, GUN, Trusted(files, renewing=True), now=LATER, crypto=provider())
    with pytest.raises(SignatureExpiredError):
        known.tag("v1")
    with pytest.raises(SignatureExpiredError):
        len(known.tags)


def test_a_timestamp_that_ended_is_no_state_to_renew(draft: Draft, own: PrivateKey) -> None:
    files, later = ended(draft, own).files, NOW + timedelta(days=15)
    with pytest.raises(SignatureExpiredError, match="timestamp"):
        verify_repository(files, GUN, Trusted(files, renewing=True), now=later, crypto=provider())


def test_what_replaces_unsigned_releases_is_newer_and_keeps_nothing_of_them(
    with_signers: VerifiedRepository, own: PrivateKey
) -> None:
    draft = after(with_signers)
    rekeyed_delegation(draft, RELEASES, own)
    broken = published(draft, own, served=with_signers)
    again = after(broken)
    with_tags(again, RELEASES, {"v2": ONE})
    found = published(again, own, served=with_signers)
    assert found.tags == {"v2"}
    assert found.versions[RELEASES] > with_signers.versions[RELEASES]


def test_another_key_loosens_no_delegation(draft: Draft, root: PrivateKey, own: PrivateKey, other: PrivateKey) -> None:
    delegate(draft, RELEASES, [bare(own.public), bare(other.public)], threshold=2, paths=("v1",))
    delegate(draft, RELEASES, [bare(root.public)])
    role = draft.signers(RELEASES).role
    assert (len(role.key_ids), role.threshold, role.paths) == (3, 2, ("v1",))


@pytest.mark.parametrize("limits", [{"paths": ("dev-",)}, {"threshold": 2}])
def test_a_signer_who_is_limited_counts_nowhere_for_more(
    draft: Draft, own: PrivateKey, other: PrivateKey, limits: dict[str, Any]
) -> None:
    """Where tags are looked up all signers have the same paths and one threshold."""
    keys = [bare(own.public), bare(other.public)]
    with pytest.raises(UsageError, match="a key of targets/alice would count in targets/releases as well"):
        add_signer(after_nothing(draft), "targets/alice", keys, **limits)
    add_signer(draft, "targets/alice", keys, **limits, releases=False)
    body = draft.targets()
    assert body is not None
    assert [role.name for role in body.roles] == ["targets/alice"]


def test_another_key_of_a_limited_signer_does_not_loosen_her(draft: Draft, own: PrivateKey, other: PrivateKey) -> None:
    add_signer(draft, "targets/alice", [bare(own.public)], paths=("dev-",), releases=False)
    with pytest.raises(UsageError, match="for more than it may"):
        add_signer(draft, "targets/alice", [bare(other.public)])


def test_a_signer_is_not_limited_while_her_key_counts_in_releases(draft: Draft, own: PrivateKey) -> None:
    key = bare(own.public)
    add_signer(draft, "targets/alice", [key])
    with pytest.raises(UsageError, match="for more than it may") as refused:
        add_signer(draft, "targets/alice", [key], paths=("dev-",), releases=False)
    assert "--remove" in refused.value.next_step
    undelegate(draft, "targets/alice")
    add_signer(draft, "targets/alice", [key], paths=("dev-",), releases=False)
    assert draft.signers("targets/alice").role.paths == ("dev-",)


def test_all_signers_may_be_limited_at_once(draft: Draft, own: PrivateKey, other: PrivateKey) -> None:
    add_signer(draft, RELEASES, [bare(own.public), bare(other.public)], threshold=2, paths=("dev-1", "dev-2"))
    add_signer(draft, "targets/alice", [bare(own.public)], paths=("dev-",))
    with pytest.raises(UsageError, match="a key of targets/bob would count"):
        add_signer(draft, "targets/bob", [bare(other.public)], paths=("dev-1",))


@pytest.mark.parametrize("threshold", [0, 2])
def test_a_role_that_its_keys_cannot_sign_is_not_made(draft: Draft, own: PrivateKey, threshold: int) -> None:
    key = bare(own.public)
    with pytest.raises(UsageError, match="cannot sign"):
        delegate(draft, "targets/alice", [key, key], threshold=threshold)


@pytest.mark.parametrize("name", ["Alice", "a b", "", "targets/", "targets/A", "../x", "root\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        delegation_of(name)


@pytest.mark.parametrize("name", ["targets/alice", "targets/alice/below"])
def test_what_is_not_delegated_does_not_end(draft: Draft, name: str) -> None:
    with pytest.raises(UsageError, match="has no"):
        undelegate(draft, name)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keytype":"ecdsa"}', b'{"keytype":"ecdsa","keyval":{}}',
                                     b'{"keytype":"ecdsa","keyval":{"private":"eA==","public":"eA=="}}'])  # fmt: skip
def test_what_a_server_calls_its_key_may_be_none(content: bytes) -> None:
    with pytest.raises(MalformedError):
        notary_tuf.read_key(content, "key")


def test_headers_of_a_key_file_are_read_as_they_were_written() -> None:
    block = pem.encode("ENCRYPTED PRIVATE KEY", b"content")
    headers = {"role": "targets", "gun": GUN}
    assert pem.split_headers(pem.with_headers(block, headers)) == (headers, block)


def test_an_identifier_is_of_how_a_key_is_written() -> None:
    assert id_of(Key("ecdsa", b"x")) != id_of(Key("ecdsa-x509", b"x"))
