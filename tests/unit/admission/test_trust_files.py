"""Where documents find keys and roots: who writes those of a namespace, or a bundle, has nothing else read or asked."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trustkit.admission import trust_files
from trustkit.admission.policies import policy_from, read_policy
from trustkit.admission.policy_bundle import documents_of, pack
from trustkit.errors import KeyUnavailableError, PolicySyntaxError
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.signing.key_providers import remote

HEAD = "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: NAME, revision: 1}\nspec:\n"
VERIFY = "  verify: {signatures: {key: mine}}\n"
PEM = public_key_to_pem(provider().generate("ecdsa-p256").public)
LIBRARY = "pkcs11:token=x;object=y?module-path=/usr/lib/softhsm/libsofthsm2.so"
REMOTE = [
    LIBRARY,
    "pkcs11:token=x;object=y",
    "awskms:///alias/x",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
    "azurekms://vault.vault.azure.net/key",
    "hashivault://key",
]
Asked = list[tuple[str, Path | None]]


def document(key: str, name: str = "cluster", roots: str = "") -> str:
    return HEAD.replace("NAME", name) + f"  trust: {{keys: {{mine: {key}}}{roots}}}\n" + VERIFY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a policy directory with one key."""
    found = tmp_path / "policy"
    found.mkdir()
    (found / "mine.pub").write_bytes(PEM)
    (found / "cluster.yaml").write_text(document("{pem: mine.pub}"))
    return found


@pytest.fixture
def own(folder: Path) -> Path:
    """Return the folder of the namespace team-a beside it."""
    found = folder.parent / "namespaces" / "team-a"
    found.mkdir(parents=True)
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Note which keys this machine asks for, and by which library; they are all the same one."""
    found: Asked = []

    def answer(uri: str, _: object, module: Path | None) -> tuple[str, bytes]:
        found.append((uri, module))
        return uri, PEM

    monkeypatch.setattr(remote, "public_pem", answer)
    trust_files._asked.cache_clear()
    yield found
    trust_files._asked.cache_clear()


@pytest.mark.parametrize("uri", REMOTE)
def test_a_document_of_a_namespace_has_no_key_asked_for(folder: Path, own: Path, asked: Asked, uri: str) -> None:
    (own / "own.yaml").write_text(document(f"{{kms: '{uri}'}}", "own"))
    for resolve in (True, False):
        with pytest.raises(PolicySyntaxError, match="the namespace team-a has this machine ask for no key"):
            read_policy(folder, resolve=resolve)
    assert asked == []


@pytest.mark.parametrize("uri", REMOTE)
@pytest.mark.parametrize("path", ["policy/own.yaml", "namespaces/team-a/own.yaml"])
def test_a_document_out_of_a_bundle_has_no_key_asked_for(asked: Asked, uri: str, path: str) -> None:
    files = {"policy/cluster.yaml": document("{pem: mine.pub}").encode(), "policy/mine.pub": PEM}
    bad = document(f"{{kms: '{uri}'}}", "own").encode()
    with pytest.raises(PolicySyntaxError, match="has this machine ask for no key"):
        policy_from(documents_of({**files, path: bad}, "oci://registry.example/policies:prod"))
    assert asked == []


def test_a_policy_with_a_key_in_a_service_is_not_packed(folder: Path, asked: Asked) -> None:
    (folder / "more.yaml").write_text(document("{kms: 'awskms:///alias/x'}", "more"))
    with pytest.raises(PolicySyntaxError, match="out of a bundle"):
        pack(folder)


@pytest.mark.parametrize("word", ["module-path=/tmp/evil.so", "module-name=evil", "pin-value=1&module-path=%2Fevil.so"])
@pytest.mark.parametrize("resolve", [True, False])
def test_no_policy_says_which_library_is_loaded(folder: Path, asked: Asked, word: str, *, resolve: bool) -> None:
    (folder / "more.yaml").write_text(document(f"{{kms: 'pkcs11:token=x;object=y?{word}'}}", "more"))
    with pytest.raises(PolicySyntaxError, match="which library is loaded") as refused:
        read_policy(folder, resolve=resolve, module=Path("/usr/lib/softhsm/libsofthsm2.so"))
    assert ("keys.pkcs11_module" in refused.value.next_step, "pin-value" in refused.value.message) == (True, False)
    assert asked == []


@pytest.mark.parametrize("uri", ["PKCS11:token=x", "pkcs11:token=x?odd=y", "pkcs11:"])
def test_what_is_no_uri_of_a_token_loads_nothing(folder: Path, uri: str) -> None:
    (folder / "more.yaml").write_text(document(f"{{kms: '{uri}'}}", "more"))
    with pytest.raises(PolicySyntaxError):
        read_policy(folder)


def test_a_key_in_a_token_is_asked_for_by_the_machines_own_library(folder: Path, asked: Asked) -> None:
    (folder / "more.yaml").write_text(document("{kms: 'pkcs11:token=x;object=y'}", "more"))
    module = Path("/usr/lib/softhsm/libsofthsm2.so")
    assert [one.pem for section in read_policy(folder, module=module).sections for one in section.keys] == [PEM, PEM]
    assert asked == [("pkcs11:token=x;object=y", module)]


def test_a_key_that_cannot_be_had_makes_a_document_that_does_not_load(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise KeyUnavailableError("the service gives no answer", next_step="wait")

    monkeypatch.setattr(remote, "public_pem", silent)
    (folder / "more.yaml").write_text(document("{kms: 'awskms:///alias/silent'}", "more"))
    with pytest.raises(PolicySyntaxError, match=r"more\.yaml: a key cannot be loaded: the service gives no answer"):
        read_policy(folder)


def beside(own: Path) -> str:
    (own / "own.pub").write_bytes(PEM)
    return "own.pub"


def mounted(own: Path) -> str:
    (own / "..2026").mkdir()
    (own / "..2026" / "own.pub").write_bytes(PEM)
    (own / "..data").symlink_to("..2026")
    (own / "own.pub").symlink_to("..data/own.pub")
    return "own.pub"


@pytest.mark.parametrize("make", [beside, mounted, lambda _: "../../policy/mine.pub"])
def test_it_names_files_beside_it_and_those_the_cluster_names(
    folder: Path, own: Path, make: Callable[[Path], str]
) -> None:
    (own / "own.yaml").write_text(document(f"{{pem: {make(own)}}}", "own"))
    assert [one.name for one in read_policy(folder).sections] == ["cluster", "team-a/own"]


def linked(own: Path) -> str:
    (own.parent.parent / "secret.pub").write_bytes(PEM)
    (own / "own.pub").symlink_to("../../secret.pub")
    return "own.pub"


def neighbour(own: Path) -> str:
    (own.parent / "team-b").mkdir()
    (own.parent / "team-b" / "b.yaml").write_text(document("{pem: b.pub}", "b"))
    (own.parent / "team-b" / "b.pub").write_bytes(PEM)
    return "../team-b/b.pub"


def pipe(own: Path) -> str:
    os.mkfifo(own / "own.pub")
    return "own.pub"


def unnamed(own: Path) -> str:
    (own.parent.parent / "policy" / "other.pub").write_bytes(PEM)
    return "../../policy/other.pub"


@pytest.mark.parametrize("make", [linked, neighbour, pipe, unnamed, lambda _: "/etc/hostname", lambda _: "/dev/zero"])
def test_it_has_no_other_file_of_the_machine_read(folder: Path, own: Path, make: Callable[[Path], str]) -> None:
    (own / "own.yaml").write_text(document(f"{{pem: {make(own)}}}", "own"))
    with pytest.raises(PolicySyntaxError, match="no file in this namespace's folder"):
        read_policy(folder)


def test_a_root_lies_beside_it_too(folder: Path, own: Path) -> None:
    (own / "own.pub").write_bytes(PEM)
    (own / "own.yaml").write_text(document("{pem: own.pub}", "own", ", roots: {sigstore: /etc/hostname}"))
    with pytest.raises(PolicySyntaxError, match="no file in this namespace's folder"):
        read_policy(folder)


def test_packing_reads_no_more_for_it(folder: Path, own: Path) -> None:
    (own / "own.yaml").write_text(document(f"{{pem: {unnamed(own)}}}", "own"))
    with pytest.raises(PolicySyntaxError, match="no file in this namespace's folder"):
        pack(folder)


def test_a_packed_document_of_a_namespace_names_what_the_cluster_names(folder: Path, own: Path) -> None:
    (own / "own.yaml").write_text(document("{pem: ../../policy/mine.pub}", "own"))
    assert set(pack(folder).files) == {"policy/cluster.yaml", "policy/mine.pub", "namespaces/team-a/own.yaml"}


# --- whoever writes to the folder of a namespace, while it is read ------------------------------------

OUTSIDE = public_key_to_pem(provider().generate("ecdsa-p256").public)
SWAPPING = """
import os, sys
link, *targets = sys.argv[1:]
print("swapping", flush=True)
while True:
    for target in targets:
        os.symlink(target, link + ".new")
        os.rename(link + ".new", link)
"""


@contextmanager
def swapping(link: Path, *targets: str) -> Iterator[None]:
    """Let another process turn a link from one target to the next, over and over."""
    link.symlink_to(targets[0])
    process = subprocess.Popen([sys.executable, "-c", SWAPPING, link, *targets], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"swapping\n"
        yield
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def swapped(own: Path) -> Path:
    """Return a namespace's folder, with a key in it and another outside of it, each in a folder `keys`."""
    for parent, pem in ((own, PEM), (own.parent.parent / "secret", OUTSIDE)):
        (parent / "keys").mkdir(parents=True)
        (parent / "keys" / "own.pub").write_bytes(pem)
    return own


def outcomes(read: Callable[[], bytes], least: int) -> set[bytes]:
    """Read on and on, and return what was read, nothing for a refusal; each of both happened so often."""
    counts: Counter[bytes] = Counter()
    deadline = time.monotonic() + 60
    while min(counts[PEM], counts[b""]) < least and time.monotonic() < deadline:
        try:
            counts[read()] += 1
        except PolicySyntaxError as error:
            assert "no file in this namespace's folder" in error.message  # noqa: PT017  (one of two outcomes)
            counts[b""] += 1
    assert min(counts[PEM], counts[b""]) >= least, counts
    return set(counts)


@pytest.mark.parametrize(
    ("link", "targets", "named"),
    [
        ("own.pub", ("keys/own.pub", "../../secret/keys/own.pub"), "own.pub"),
        ("there", ("keys", "../../secret/keys"), "there/own.pub"),
        ("up", (".", "../../secret"), "up/keys/own.pub"),
    ],
)
def test_a_link_that_is_turned_meanwhile_leads_to_no_other_file(
    swapped: Path, link: str, targets: tuple[str, str], named: str
) -> None:
    read = trust_files.of_folder(swapped, {})
    with swapping(swapped / link, *targets):
        assert outcomes(lambda: read(swapped / named, 4096, "key"), 1000) == {PEM, b""}


def test_a_policy_never_trusts_a_key_that_a_link_led_to_meanwhile(folder: Path, swapped: Path) -> None:
    (swapped / "own.yaml").write_text(document("{pem: own.pub}", "own"))

    def key() -> bytes:
        return read_policy(folder).sections[-1].keys[0].pem

    with swapping(swapped / "own.pub", "keys/own.pub", "../../secret/keys/own.pub"):
        assert outcomes(key, 200) == {PEM, b""}


def test_a_file_that_becomes_a_pipe_is_not_waited_for(swapped: Path) -> None:
    os.mkfifo(swapped / "pipe")
    read = trust_files.of_folder(swapped, {})
    with swapping(swapped / "own.pub", "keys/own.pub", "pipe"):
        assert outcomes(lambda: read(swapped / "own.pub", 4096, "key"), 1000) == {PEM, b""}


def test_whether_there_is_a_file_elsewhere_is_not_told(folder: Path, own: Path) -> None:
    told = set()
    for path in ("/etc/hostname", "/etc/no-such-file", "/etc/hostname/x", "../team-b/b.pub"):
        (own / "own.yaml").write_text(document(f"{{pem: {path}}}", "own"))
        with pytest.raises(PolicySyntaxError) as refused:
            read_policy(folder)
        told.add(refused.value.message.replace(path, "PATH"))
    assert len(told) == 1
    (own / "own.yaml").write_text(document("{pem: absent.pub}", "own"))
    with pytest.raises(PolicySyntaxError, match="No such file"):
        read_policy(folder)


@pytest.mark.parametrize("make", [linked, neighbour, pipe])
def test_a_document_of_a_namespace_lies_in_its_folder_itself(
    folder: Path, own: Path, make: Callable[[Path], str]
) -> None:
    (own / "own.yaml").symlink_to(make(own))
    with pytest.raises(PolicySyntaxError, match="no file in this namespace's folder"):
        read_policy(folder)
