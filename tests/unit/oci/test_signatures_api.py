"""GPG signatures in a registry that keeps them itself (OpenShift's API), and in lookasides."""

import base64
import json
from pathlib import Path

import pytest

from peers.misbehaving import Answer, MisbehavingRegistry
from trustkit import limits
from trustkit.admission.lookasides import lookasides_folder, read_lookasides
from trustkit.errors import ConfigError, LimitExceededError, MalformedError, SourceError, UsageError
from trustkit.model.digest import Digest
from trustkit.model.evidence import LOOKASIDE, SIGNATURE_API, Place
from trustkit.model.reference import ImageRef
from trustkit.net.http import HttpClient, HttpOptions
from trustkit.oci.lookaside import Location, Lookaside, Lookasides
from trustkit.oci.registry import RegistryOptions
from trustkit.oci.session import RegistrySession
from trustkit.oci.simple_signatures import SignedRegistrySource

DIGEST = Digest.parse("sha256:" + "ab" * 32)
PATH = f"/extensions/v2/app/signatures/{DIGEST}"
API, BESIDE = Place(SIGNATURE_API, ""), Place(LOOKASIDE, "")


def source(fake: MisbehavingRegistry, lookasides: Lookasides = Lookasides()) -> SignedRegistrySource:  # noqa: B008
    return SignedRegistrySource(ImageRef.parse(f"{fake.host}/app:1"), RegistrySession(RegistryOptions()), lookasides)


def offers_api(fake: MisbehavingRegistry) -> None:
    fake.always("GET", "/v2/", Answer(headers={"X-Registry-Supports-Signatures": "1"}))


def listed(*contents: bytes, kind: str = "atomic") -> Answer:
    each = [
        {"schemaVersion": 2, "name": f"{DIGEST}@{i}", "type": kind, "content": base64.b64encode(content).decode()}
        for i, content in enumerate(contents)
    ]
    return Answer(body=json.dumps({"signatures": each}).encode())


def test_signatures_are_read_by_the_api(misbehaving_registry: MisbehavingRegistry) -> None:
    offers_api(misbehaving_registry)
    misbehaving_registry.always("GET", PATH, listed(b"one", b"two"))
    assert source(misbehaving_registry).simple_signatures(API, DIGEST) == ((b"one", b"two"), True)


def test_a_registry_without_the_api_is_not_asked(misbehaving_registry: MisbehavingRegistry) -> None:
    misbehaving_registry.always("GET", PATH, listed(b"one"))
    assert source(misbehaving_registry).simple_signatures(API, DIGEST) == ((), True)


def test_other_types_of_signatures_are_left_aside(misbehaving_registry: MisbehavingRegistry) -> None:
    offers_api(misbehaving_registry)
    misbehaving_registry.always("GET", PATH, listed(b"one", kind="other"))
    assert source(misbehaving_registry).simple_signatures(API, DIGEST) == ((), True)


def test_a_flood_of_signatures_is_cut_and_said(misbehaving_registry: MisbehavingRegistry) -> None:
    offers_api(misbehaving_registry)
    misbehaving_registry.always("GET", PATH, listed(*([b"x"] * (limits.EVIDENCE_ITEMS + 1))))
    found, complete = source(misbehaving_registry).simple_signatures(API, DIGEST)
    assert (len(found), complete) == (limits.EVIDENCE_ITEMS, False)


def test_an_answer_that_is_no_json_is_malformed(misbehaving_registry: MisbehavingRegistry) -> None:
    offers_api(misbehaving_registry)
    misbehaving_registry.always("GET", PATH, Answer(body=b"<html>"))
    with pytest.raises(MalformedError):
        source(misbehaving_registry).simple_signatures(API, DIGEST)


def test_an_error_is_never_read_as_no_signature(misbehaving_registry: MisbehavingRegistry) -> None:
    offers_api(misbehaving_registry)
    misbehaving_registry.always("GET", PATH, Answer(403))
    with pytest.raises(SourceError):
        source(misbehaving_registry).simple_signatures(API, DIGEST)


def test_a_signature_is_written_by_the_api(misbehaving_registry: MisbehavingRegistry) -> None:
    offers_api(misbehaving_registry)
    misbehaving_registry.always("PUT", PATH, Answer(201))
    source(misbehaving_registry).put_simple_signature(DIGEST, b"signed")
    put = next(one for one in misbehaving_registry.requests if one.method == "PUT")
    document = json.loads(put.body)
    assert (document["schemaVersion"], document["type"]) == (2, "atomic")
    assert base64.b64decode(document["content"]) == b"signed"
    assert document["name"].startswith(f"{DIGEST}@")


def test_a_web_lookaside_is_read_until_a_number_is_missing(misbehaving_registry: MisbehavingRegistry) -> None:
    folder = f"/sigs/app@sha256={DIGEST.hex}"
    for number in (1, 2, 4):
        misbehaving_registry.always("GET", f"{folder}/signature-{number}", Answer(body=b"%d" % number))
    beside = Lookasides({}, Location(f"http://{misbehaving_registry.host}/sigs"))
    assert source(misbehaving_registry, beside).simple_signatures(BESIDE, DIGEST) == ((b"1", b"2"), True)


def test_a_web_lookaside_that_fails_is_an_error(misbehaving_registry: MisbehavingRegistry) -> None:
    folder = f"/sigs/app@sha256={DIGEST.hex}"
    misbehaving_registry.always("GET", f"{folder}/signature-1", Answer(500))
    beside = Lookasides({}, Location(f"http://{misbehaving_registry.host}/sigs"))
    with pytest.raises(SourceError):
        source(misbehaving_registry, beside).simple_signatures(BESIDE, DIGEST)


def test_a_web_lookaside_is_not_written(misbehaving_registry: MisbehavingRegistry) -> None:
    beside = Lookasides({}, Location(f"http://{misbehaving_registry.host}/sigs"))
    with pytest.raises(UsageError):
        source(misbehaving_registry, beside).put_simple_signature(DIGEST, b"x")


def folder_lookaside(tmp_path: Path) -> Lookaside:
    return Lookaside(f"file://{tmp_path}", "app", HttpClient(HttpOptions()))


def test_one_signature_is_written_once(tmp_path: Path) -> None:
    lookaside = folder_lookaside(tmp_path)
    assert lookaside.write(DIGEST, b"one") == lookaside.write(DIGEST, b"one")
    assert lookaside.read(DIGEST) == ((b"one",), True)


def test_a_full_folder_takes_no_more(tmp_path: Path) -> None:
    folder = tmp_path / f"app@sha256={DIGEST.hex}"
    folder.mkdir()
    for number in range(1, limits.EVIDENCE_ITEMS + 2):
        (folder / f"signature-{number}").write_bytes(b"%d" % number)
    lookaside = folder_lookaside(tmp_path)
    assert lookaside.read(DIGEST)[1] is False
    with pytest.raises(LimitExceededError):
        lookaside.write(DIGEST, b"one more")


def test_a_signature_that_is_too_large_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / f"app@sha256={DIGEST.hex}"
    folder.mkdir()
    (folder / "signature-1").write_bytes(b"x" * (limits.SIGNATURE_BYTES + 1))
    with pytest.raises(LimitExceededError):
        folder_lookaside(tmp_path).read(DIGEST)


def test_a_folder_in_a_signatures_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"app@sha256={DIGEST.hex}" / "signature-1").mkdir(parents=True)
    with pytest.raises(SourceError):
        folder_lookaside(tmp_path).read(DIGEST)


@pytest.mark.parametrize("base", ["", "lookaside", "file://relative", "ftp://host/x"])
def test_a_base_that_is_no_url_of_a_known_kind_is_refused(base: str) -> None:
    with pytest.raises(ConfigError):
        Lookaside(base, "app", HttpClient(HttpOptions()))


def test_the_most_specific_scope_wins(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "default-docker: {lookaside: 'file:///default'}\n"
        "docker:\n"
        "  registry.example: {lookaside: 'file:///host'}\n"
        "  registry.example/team: {sigstore: 'file:///team', lookaside-staging: 'file:///staging'}\n"
        "  '*.wild.example': {lookaside: 'file:///wild'}\n",
        encoding="utf-8",
    )
    found = read_lookasides(tmp_path)
    for name, base in {
        "registry.example/team/web:1": "file:///team",
        "registry.example/teams/web:1": "file:///host",
        "r.wild.example/web:1": "file:///wild",
        "other.example/web:1": "file:///default",
    }.items():
        assert found.base(ImageRef.parse(name)) == base
    assert found.base(ImageRef.parse("registry.example/team/web:1"), write=True) == "file:///staging"


@pytest.mark.parametrize(
    "text", ["docker: []", "docker: {a: {lookasides: x}}", "other: {}", "docker: {a: {lookaside: 1}}", "{"]
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_lookasides(tmp_path)


def test_two_files_may_not_speak_of_one_scope(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("docker: {registry.example: {lookaside: 'file:///x'}}", encoding="utf-8")
    with pytest.raises(ConfigError, match="said twice"):
        read_lookasides(tmp_path)


def test_a_configured_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        lookasides_folder(tmp_path / "none", tmp_path)


def test_the_users_folder_comes_before_the_systems(tmp_path: Path) -> None:
    folder = tmp_path / ".config/containers/registries.d"
    folder.mkdir(parents=True)
    assert lookasides_folder(None, tmp_path) == folder
