"""`trustkit trust root` as keepers and clients use it; a plain python-tuf client updates from the same folder."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers.fips import module_file
from peers.images import Image
from peers.logs import BROKEN, broken, taken_away
from peers.registry import Registry
from peers.trustkit import Trustkit
from peers.web import serving

PASS = {"TRUSTKIT_PASSWORD": "x"}
PLAIN = """
import sys
from tuf.ngclient import Updater
url, first, folder = sys.argv[1:]
updater = Updater(folder, url + "/metadata/", folder, url + "/targets/", bootstrap=open(first, "rb").read())
updater.refresh()
for path in ("keys/release.pub", "keys/team-one.pub"):
    info = updater.get_targetinfo(path)
    print(path, info and open(updater.download_target(info), "rb").read().count(b"PUBLIC KEY"))
"""


class Kept:
    """A trust root of three keepers, and the keys of four kinds in one key ring."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "trust"
        (folder / "home").mkdir(mode=0o700, exist_ok=True)
        self.trustkit = Trustkit(folder / "home")

        self.passphrase = "x"

    def begin(self) -> None:
        """Make the keys, and stage the first version."""
        kinds = {"a": "ecdsa-p256", "b": "ed25519", "c": "ecdsa-p384", "online": "rsa-3072", "release": "ecdsa-p256"}
        for name, kind in kinds.items():
            self.must("key", "generate", name, "--kind", kind)
        keepers = [word for name in "abc" for word in ("--key", name)]
        self.root("init", *keepers, "--threshold", "2", "--online-key", "online", "--expires", "timestamp=3")
        release = self.folder.parent / "release.pub"
        self.must("key", "export", "release", "--to", release)
        self.root("add", release)

    def must(self, *words: str | Path) -> str:
        return self.trustkit.must(*words, env={"TRUSTKIT_PASSWORD": self.passphrase}).stdout

    def root(self, action: str, *words: str | Path) -> str:
        return self.must("trust", "root", action, "--in", self.folder, *words)

    def publish(self, *keys: str) -> str:
        for key in keys:
            self.root("sign", "--key", key)
        return self.root("publish", "--key", "online")

    def refused(self, *words: str | Path) -> str:
        done = self.trustkit.run("trust", "root", *words, env=PASS)
        assert done.status in (1, 2, 3), done.said
        return done.said


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A trust root whose first version waits for signatures; making keys takes long, so tests copy it."""
    found = Kept(tmp_path_factory.mktemp("keepers"))
    found.begin()
    return found


@pytest.fixture
def kept(begun: Kept, tmp_path: Path) -> Kept:
    shutil.copytree(begun.folder.parent, tmp_path, dirs_exist_ok=True)
    return Kept(tmp_path)


@pytest.fixture(scope="module")
def published(begun: Kept, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """One that nothing is changed in."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(begun.folder.parent, folder, dirs_exist_ok=True)
    found = Kept(folder)
    found.publish("a", "b")
    return found


@pytest.fixture
def url(kept: Kept) -> Iterator[str]:
    with serving(kept.folder) as found:
        yield found


def updated(kept: Kept, url: str) -> str:
    first = kept.folder / "metadata" / "1.root.json"
    return kept.must("trust", "root", "update", "--url", url, "--root", first)


def trusting(kept: Kept) -> Trustkit:
    """Return a machine that has nothing but the distributed trust."""
    home = kept.folder.parent / "machine"
    home.mkdir()
    machine = Trustkit(home)
    machine.env["TRUSTKIT_TRUST_ROOT"] = str(kept.trustkit.home / "trust-root")
    return machine


def test_a_plain_tuf_client_updates(kept: Kept, url: str, tmp_path: Path) -> None:
    kept.root("delegate", "team", "--key", "c", "--path", "keys/team-*.pub")
    kept.root("add", tmp_path / "release.pub", "--name", "team-one", "--role", "team")
    kept.publish("a", "b", "c")
    kept.root("rotate", "--drop", "a", "--add", "release")
    kept.publish("b", "c")
    (tmp_path / "plain").mkdir()
    first = kept.folder / "metadata" / "1.root.json"
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, url, str(first), str(tmp_path / "plain")],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["keys/release.pub 2", "keys/team-one.pub 2"]
    assert "root version 2, 2 files" in updated(kept, url)


def test_publishing_needs_the_threshold(kept: Kept) -> None:
    kept.root("sign", "--key", "a")
    assert "root version 1 has 1 of 2 signatures" in kept.refused(
        "publish", "--in", kept.folder, "--key", "online"
    )  # fmt: skip


def test_show_tells_who_signed_and_what_ends_soon(kept: Kept) -> None:
    kept.publish("a", "b")
    done = kept.trustkit.run("trust", "root", "show", "--in", kept.folder, env=PASS)
    assert "2 of 2" in done.stdout
    assert "timestamp version 1 expires in 2 days" in done.stderr
    listed = kept.trustkit.json("trust", "root", "show", "--in", kept.folder)
    assert isinstance(listed, list)
    assert [one["role"] for one in listed] == ["root", "targets", "snapshot", "timestamp"]


@pytest.fixture
def signed_image(kept: Kept, registry: Registry, repository: str, image: Image) -> str:
    """An image signed by the release key."""
    reference = registry.reference(repository, registry.push(image, repository, "1"))
    kept.must("sign", "--key", "release", reference)
    return reference


def test_verify_trusts_distributed_keys_until_they_are_revoked(kept: Kept, url: str, signed_image: str) -> None:
    kept.publish("a", "b")
    updated(kept, url)
    machine = trusting(kept)
    assert machine.run("verify", signed_image).status == 0
    kept.root("revoke", "release", "--reason", "stolen")
    kept.publish("b", "c")
    kept.must("trust", "root", "update")
    own = kept.folder.parent / "release.pub"
    for words in (("verify", signed_image), ("verify", "--key", own, signed_image)):
        done = machine.run(*words)
        assert done.status == 1, done.said
    assert "stolen" in done.said


def test_a_distributed_policy_is_in_force(kept: Kept, url: str, signed_image: str, tmp_path: Path) -> None:
    policy = tmp_path / "strict.yaml"
    policy.write_text(
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: strict}\nspec:\n"
        "  trust: {keys: {release: {pem: ../keys/release.pub}, b: {pem: ../keys/b.pub}}}\n"
        "  verify: {signatures: {threshold: {count: 2, of: [release, b]}}}\n"
    )
    kept.must("key", "export", "b", "--to", tmp_path / "b.pub")
    kept.root("add", tmp_path / "b.pub")
    kept.root("add", policy, "--kind", "policies")
    kept.publish("a", "b")
    updated(kept, url)
    machine = trusting(kept)
    assert machine.run("verify", signed_image).status == 1
    kept.must("sign", "--key", "b", signed_image)
    assert machine.run("verify", signed_image).status == 0


def test_what_expired_verifies_nothing_and_with_grace_it_does(kept: Kept, url: str, signed_image: str) -> None:
    kept.publish("a", "b")
    updated(kept, url)
    file = kept.trustkit.home / "trust-root" / "trust.json"
    state = json.loads(file.read_bytes())
    state["expires"] = "2026-01-01T00:00:00+00:00"
    file.write_text(json.dumps(state))
    machine = trusting(kept)
    done = machine.run("verify", signed_image)
    assert done.status == 1
    assert "trust root update" in done.said
    assert machine.run("verify", signed_image, env={"TRUSTKIT_TRUST_ROOT_GRACE": "1000000"}).status == 0


def test_a_configured_trust_root_that_is_empty_verifies_nothing(kept: Kept, signed_image: str) -> None:
    done = trusting(kept).run("verify", signed_image)
    assert done.status == 2
    assert "holds nothing of a trust root yet" in done.said


def test_an_update_is_on_record(kept: Kept, url: str) -> None:
    kept.publish("a", "b")
    updated(kept, url)
    assert "trust.updated" in kept.must("audit", "log")


@pytest.mark.parametrize("how", BROKEN)
def test_nothing_is_trusted_anew_beside_a_broken_log(kept: Kept, url: str, how: str) -> None:
    kept.publish("a", "b")
    first, (said, status) = kept.folder / "metadata" / "1.root.json", BROKEN[how]
    with broken(kept.trustkit.home, how):
        done = kept.trustkit.run("trust", "root", "update", "--url", url, "--root", first)
    assert (done.status, said in done.stderr.lower()) == (status, True), done.said
    assert not (kept.trustkit.home / "trust-root").exists()


def test_an_update_beside_a_broken_log_leaves_what_was_in_force(kept: Kept, url: str) -> None:
    kept.publish("a", "b")
    updated(kept, url)
    kept.root("add", kept.folder.parent / "release.pub", "--name", "another")
    kept.publish("a", "b")
    before = files_of(kept.trustkit.home / "trust-root")
    with broken(kept.trustkit.home, "damaged"):
        assert kept.trustkit.run("trust", "root", "update").status == 1
    assert files_of(kept.trustkit.home / "trust-root") == before


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_an_update_that_is_not_on_record_is_called_so(kept: Kept, url: str) -> None:
    kept.publish("a", "b")
    folder, first = kept.trustkit.home / "trust-root", kept.folder / "metadata" / "1.root.json"
    words = ("trust", "root", "update", "--url", url, "--root", first)
    status, said = taken_away(kept.trustkit, folder / "trust.json", *words)
    assert (status, "trust-root is updated to root version 1, and is not on record: " in said) == (4, True), said


def test_a_fleet_s_distributed_fips_module_is_demanded_of_each_node_at_its_start(
    kept: Kept, url: str, tmp_path: Path
) -> None:
    policy = tmp_path / "fleet.yaml"
    policy.write_text(
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: fleet}\n"
        "spec: {require: {crypto: {modes: [module]}}}\n"
    )
    kept.root("add", policy, "--kind", "policies")
    kept.publish("a", "b")
    updated(kept, url)
    machine = trusting(kept)
    done = machine.run("daemon")
    assert (done.status, "nothing could be admitted here" in done.stderr) == (2, True), done.said


def test_all_of_it_works_in_fips_mode(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.passphrase = "a passphrase"
    kept.must("fips", "install", "--module", module_file())
    (kept.trustkit.home / "config.toml").write_text('[fips]\nmode = "module"\n')
    for name in ("a", "release"):
        kept.must("key", "generate", name)
    kept.root("init", "--key", "a")
    kept.root("add", kept.trustkit.home / "keys" / "release.pub")
    kept.root("sign", "--key", "a")
    kept.root("publish", "--key", "a")
    with serving(kept.folder) as found:
        first = kept.folder / "metadata" / "1.root.json"
        env = {"TRUSTKIT_PASSWORD": kept.passphrase}
        done = kept.trustkit.run("trust", "root", "update", "--url", found, "--root", first, env=env)
    assert done.status == 0, done.said
    assert "Traceback" not in done.stderr
    assert "keys/release.pub" in kept.must("trust", "root", "show")


@pytest.mark.parametrize(
    "words",
    [
        ("add",),
        ("add", "--remove", "--name", "nobody"),
        ("rotate",),
        ("rotate", "--threshold", "9"),
        ("rotate", "--drop", "release"),
        ("delegate", "targets", "--key", "a", "--path", "keys/x.pub"),
        ("delegate", "team", "--key", "a", "--threshold", "2", "--path", "keys/x.pub"),
        ("revoke", "nobody", "--reason", "r"),
        ("sign", "--key", "release"),
        ("publish", "--key", "a"),
    ],
)
def test_keepers_mistakes_are_told(published: Kept, words: tuple[str, ...]) -> None:
    assert "next:" in published.refused(words[0], "--in", published.folder, *words[1:])


def test_the_status_shows_until_when_the_distributed_trust_counts(kept: Kept, url: str) -> None:
    kept.publish("a", "b")
    updated(kept, url)
    machine = trusting(kept)
    found = machine.json("trust", "status")
    assert isinstance(found, dict)
    (one,) = [row for row in found["trusted"] if row["kind"] == "trust root"]
    # the timestamp of this trust root is good for three days
    assert (one["name"], one["state"]) == ("trust.root", "ok")
    assert machine.run("trust", "status", "--check").status == 0


def test_the_status_warns_when_the_distributed_trust_was_not_updated_lately(kept: Kept, url: str) -> None:
    kept.publish("a", "b")
    updated(kept, url)
    state = kept.trustkit.home / "trust-root" / "trust.json"
    told = json.loads(state.read_text())
    told["expires"] = (datetime.now(UTC) + timedelta(hours=5)).isoformat()
    state.write_text(json.dumps(told))
    machine = trusting(kept)
    done = machine.run("trust", "status", "--check")
    assert done.status == 1
    assert "trustkit trust root update" in done.stdout
