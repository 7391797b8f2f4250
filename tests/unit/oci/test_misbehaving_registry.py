"""What a registry may do wrong, each ending in one error of the right kind."""

import base64
import json

import pytest

from peers import images
from peers.misbehaving import Answer
from peers.misbehaving import misbehaving_registry as another_registry
from trustkit import limits
from trustkit.errors import (
    ConfigError,
    DigestMismatchError,
    DroppedConnectionError,
    LimitExceededError,
    MalformedError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    ServerFailedError,
    UnauthorizedError,
    UnreachableError,
)
from trustkit.model.digest import Digest
from trustkit.model.image import OCI_INDEX, OCI_MANIFEST, Descriptor
from trustkit.model.reference import ImageRef
from trustkit.net.connection import Timeouts
from trustkit.net.credentials import Credential
from trustkit.oci.open_source import open_source
from trustkit.oci.registry import RegistryOptions
from trustkit.oci.resolve import resolve

MANIFEST = "/v2/app/manifests/1"
IMAGE = images.build(files={"etc/x": b"x" * 3000})
BLOB = IMAGE.layers[-1]
LAYER = Descriptor("layer", Digest.parse(BLOB), len(IMAGE.blobs[BLOB]))
BLOB_PATH = f"/v2/app/blobs/{BLOB}"


class Case:
    def __init__(self, fake):
        fake.serve(IMAGE, "app", "1")
        self.fake = fake
        self.pauses = []
        self.options = RegistryOptions(timeouts=Timeouts(2, 0.3), pause=self.pauses.append)

    def source(self, **changes):
        ref = ImageRef.parse(f"{self.fake.host}/app:1")
        return open_source(ref, self.options._replace(**changes))

    def resolve(self):
        ref = ImageRef.parse(f"{self.fake.host}/app:1")
        return resolve(ref, self.source(), None)

    def refuses(self, kind, *answers, match=None):
        self.fake.script("GET", MANIFEST, *answers)
        with pytest.raises(kind, match=match) as caught:
            self.source().manifest("1")
        return caught.value


@pytest.fixture
def case(misbehaving_registry):
    return Case(misbehaving_registry)


def test_a_sound_registry_gives_the_image(case):
    assert str(case.resolve().digest) == IMAGE.digest


@pytest.mark.parametrize("answer", [Answer(hang=True), Answer(body=b"{}", hang_after_headers=True)])
def test_a_hanging_registry_ends(case, answer):
    error = case.refuses(UnreachableError, answer, match="stopped answering")
    assert error.next_step
    assert case.pauses == []


def test_a_dripping_registry_ends(case):
    drip = Answer(body=IMAGE.manifest, slow_seconds=0.05)
    case.refuses(UnreachableError, drip, match="stopped answering")


def test_a_closed_port_is_unreachable():
    ref = ImageRef.parse("127.0.0.1:1/app:1")
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        open_source(ref, RegistryOptions()).manifest("1")


def test_an_unknown_host_is_unreachable():
    ref = ImageRef.parse("registry.invalid/app:1")
    with pytest.raises(UnreachableError, match=r"registry\.invalid"):
        open_source(ref, RegistryOptions()).manifest("1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, UnauthorizedError), (403, UnauthorizedError), (404, NotFoundError), (400, ProtocolError),
     (302, ProtocolError)],
)  # fmt: skip
def test_a_refusal_is_final_and_names_the_image(case, status, kind):
    case.fake.serve(IMAGE, "app", "0")
    source = case.source()
    source.manifest("0")
    body = json.dumps({"errors": [{"code": "SAID", "message": "so\nit is"}]}).encode()
    case.fake.always("GET", MANIFEST, Answer(status, body, {"Location": "http://"} if status == 302 else {}))
    with pytest.raises(kind) as caught:
        source.manifest("1")
    assert "\n" not in caught.value.message
    assert caught.value.exit_status == 3
    assert case.pauses == []
    if status != 302:
        assert "SAID so?it is" in caught.value.message
        assert f"{case.fake.host}/app:1" in caught.value.message


@pytest.mark.parametrize(
    ("status", "kind"), [(429, RateLimitedError), (500, ServerFailedError), (503, ServerFailedError)]
)
def test_a_failing_registry_is_asked_a_few_times_with_growing_pauses(case, status, kind):
    case.refuses(kind, *[Answer(status)] * limits.TRIES)
    assert case.fake.asked("GET", MANIFEST) == limits.TRIES
    assert len(case.pauses) == limits.TRIES - 1
    assert 0 < case.pauses[0] < case.pauses[2] <= limits.RETRY_PAUSE_SECONDS


def test_a_registry_that_recovers_is_enough(case):
    case.fake.script(
        "GET", MANIFEST, Answer(503), Answer(429, headers={"Retry-After": "3"}), Answer(cut_at=0, body=b"x")
    )
    assert str(case.source().manifest("1").descriptor.digest) == IMAGE.digest
    assert case.pauses[1] == 3.0


def test_a_registry_that_asks_for_an_hour_is_not_waited_for(case):
    error = case.refuses(RateLimitedError, Answer(429, headers={"Retry-After": "3600"}))
    assert case.pauses == []
    assert "3600" in error.next_step


def test_a_connection_dropped_every_time_ends(case):
    case.refuses(DroppedConnectionError, *[Answer(body=IMAGE.manifest, cut_at=9)] * limits.TRIES**2)


@pytest.mark.parametrize(
    "headers",
    [{f"X-{n}": "y" for n in range(limits.HEADER_LINES + 1)}, {"X": "y" * limits.HEADER_BYTES}],
)
def test_a_header_flood_is_refused(case, headers):
    case.refuses(LimitExceededError, Answer(headers=headers))


def test_an_oversized_manifest_is_refused_before_it_is_read(case):
    case.refuses(LimitExceededError, Answer(body=b"x", declared_length=limits.MANIFEST_BYTES + 1))


def test_an_endless_manifest_is_refused(case):
    case.refuses(LimitExceededError, Answer(body=b" " * 65536, endless=True))


def test_two_content_lengths_are_refused(case):
    case.refuses(ProtocolError, *[Answer(body=b"{}", headers={"Content-Length": "3"})] * 2)


def test_a_compressed_answer_nobody_asked_for_is_refused(case):
    case.refuses(ProtocolError, *[Answer(body=b"{}", headers={"Content-Encoding": "gzip"})] * 2)


def test_a_lying_docker_content_digest_is_refused(case):
    lie = {"Docker-Content-Digest": "sha256:" + "0" * 64}
    case.refuses(DigestMismatchError, Answer(body=IMAGE.manifest, headers=lie))


def test_another_manifest_than_asked_by_digest_is_refused(case):
    case.fake.always("GET", f"/v2/app/manifests/{IMAGE.digest}", Answer(body=IMAGE.manifest + b" "))
    with pytest.raises(DigestMismatchError):
        case.source().manifest(IMAGE.digest)


@pytest.mark.parametrize(
    "content",
    [
        IMAGE.manifest[:-20],
        IMAGE.manifest[:-1] + b',"config":{}}',
        IMAGE.manifest[:-1] + b',"manifests":[]}',
        b"<html>",
    ],
    ids=["truncated", "duplicate member", "two images", "no JSON"],
)
def test_a_manifest_that_is_none_cannot_be_resolved(case, content):
    case.fake.always("GET", MANIFEST, Answer(body=content, headers={"Content-Type": OCI_MANIFEST}))
    with pytest.raises(MalformedError):
        case.resolve()


def test_a_manifest_may_not_come_from_another_host(case):
    with another_registry() as other:
        other.serve(IMAGE, "app", "1")
        case.fake.script("GET", MANIFEST, Answer(307, headers={"Location": f"http://{other.host}{MANIFEST}"}))
        with pytest.raises(ProtocolError, match="another host"):
            case.source().manifest("1")
        assert other.requests == []


def test_redirects_without_end_are_refused(case):
    case.refuses(ProtocolError, *[Answer(307, headers={"Location": MANIFEST})] * 9, match="redirects more")


def test_a_blob_may_come_from_another_host_which_never_sees_the_credentials(case):
    with another_registry() as other:
        other.serve(IMAGE, "app", "1")
        case.fake.script(
            "GET",
            BLOB_PATH,
            Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}),
            Answer(307, headers={"Location": f"http://{other.host}{BLOB_PATH}"}),
        )
        source = case.source(login=Credential("alice", "wonderland"))
        assert b"".join(source.stream(LAYER)) == IMAGE.blobs[BLOB]
        assert "Authorization" in case.fake.requests[-1].headers
        assert all("Authorization" not in request.headers for request in other.requests)


def test_https_is_never_left_for_http(misbehaving_tls_registry, misbehaving_registry, tls):
    misbehaving_tls_registry.always(
        "GET", BLOB_PATH, Answer(307, headers={"Location": f"http://{misbehaving_registry.host}{BLOB_PATH}"})
    )
    ref = ImageRef.parse(f"{misbehaving_tls_registry.host}/app:1")
    with pytest.raises(ProtocolError, match="from https to http"):
        list(open_source(ref, RegistryOptions(ca_file=tls.ca_file)).stream(LAYER))
    assert misbehaving_registry.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(misbehaving_tls_registry):
    ref = ImageRef.parse(f"{misbehaving_tls_registry.host}/app:1")
    with pytest.raises((UnreachableError, ProtocolError)):
        open_source(ref, RegistryOptions()).manifest("1")
    assert misbehaving_tls_registry.requests == []


def test_plain_http_is_refused_for_other_hosts():
    ref = ImageRef.parse("192.0.2.1:5000/app:1")
    options = RegistryOptions(timeouts=Timeouts(0.2, 0.2))
    with pytest.raises(UnreachableError):
        open_source(ref, options).manifest("1")


# --- blobs ------------------------------------------------------------------------------------------


def test_a_blob_with_one_changed_byte_is_refused_at_its_end(case):
    content = bytearray(IMAGE.blobs[BLOB])
    content[5] ^= 1
    case.fake.always("GET", BLOB_PATH, Answer(body=bytes(content)))
    with pytest.raises(DigestMismatchError):
        list(case.source().stream(LAYER))


def test_a_blob_longer_than_its_descriptor_is_refused(case):
    case.fake.always("GET", BLOB_PATH, Answer(body=IMAGE.blobs[BLOB] + b"x"))
    with pytest.raises(DigestMismatchError, match="longer"):
        list(case.source().stream(LAYER))


def test_a_blob_shorter_than_its_descriptor_is_refused(case):
    case.fake.always("GET", BLOB_PATH, Answer(body=IMAGE.blobs[BLOB][:-1]))
    with pytest.raises(DigestMismatchError, match="ended after"):
        list(case.source().stream(LAYER))


def test_a_large_blob_is_not_read_into_memory(case):
    with pytest.raises(LimitExceededError):
        case.source().blob(LAYER, LAYER.size_bytes - 1)
    assert case.fake.asked("GET", BLOB_PATH) == 0


def test_a_dropped_blob_is_resumed_where_it_broke(case):
    content = IMAGE.blobs[BLOB]
    part = Answer(206, content[7:], {"Content-Range": f"bytes 7-{len(content) - 1}/{len(content)}"})
    case.fake.script("GET", BLOB_PATH, Answer(body=content, cut_at=7), part)
    assert b"".join(case.source().stream(LAYER)) == content
    assert case.fake.requests[-1].headers["Range"] == "bytes=7-"


def test_a_registry_that_ignores_range_is_read_from_the_start(case):
    case.fake.script("GET", BLOB_PATH, Answer(body=IMAGE.blobs[BLOB], cut_at=7))
    assert b"".join(case.source().stream(LAYER)) == IMAGE.blobs[BLOB]


def test_another_range_than_asked_is_refused(case):
    content = IMAGE.blobs[BLOB]
    part = Answer(206, content[8:], {"Content-Range": f"bytes 8-{len(content) - 1}/{len(content)}"})
    case.fake.script("GET", BLOB_PATH, Answer(body=content, cut_at=7), part)
    with pytest.raises(ProtocolError, match="another range"):
        list(case.source().stream(LAYER))


# --- referrers --------------------------------------------------------------------------------------

SUBJECT = Digest.parse(IMAGE.digest)
REFERRERS = f"/v2/app/referrers/{SUBJECT}"
FALLBACK = f"/v2/app/manifests/sha256-{SUBJECT.hex}"


def index(*digests):
    manifests = [{"mediaType": OCI_MANIFEST, "digest": each, "size": 2} for each in digests]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).encode()


def digests(start, count):
    return [f"sha256:{n:064x}" for n in range(start, start + count)]


def page(content, link=""):
    return Answer(200, content, {"Content-Type": OCI_INDEX, **({"Link": link} if link else {})})


def test_pages_of_referrers_are_joined(case):
    case.fake.script("GET", REFERRERS, page(index(*digests(0, 2)), f'<{REFERRERS}?n=2>; rel="next"'))
    case.fake.script("GET", f"{REFERRERS}?n=2", page(index(*digests(2, 1))))
    # the fake falls back from a query to the bare path, so the second page is scripted on its own
    found, complete = case.source().referrers(SUBJECT)
    assert ([str(each.digest) for each in found], complete) == (digests(0, 3), True)


def test_endless_pages_end_and_are_not_complete(case):
    case.fake.always("GET", REFERRERS, page(index(), f'<{REFERRERS}?n=2>; rel="next"'))
    assert case.source().referrers(SUBJECT) == ((), False)
    assert len(case.fake.requests) == limits.REFERRERS_PAGES


def test_a_flood_of_referrers_is_cut_off(case):
    case.fake.always("GET", REFERRERS, page(index(*digests(0, limits.EVIDENCE_ITEMS + 1))))
    found, complete = case.source().referrers(SUBJECT)
    assert (len(found), complete) == (limits.EVIDENCE_ITEMS, False)


@pytest.mark.parametrize("link", ["<http://elsewhere.example/x>; rel=next", "</etc>; rel=next", "nonsense"])
def test_a_next_page_elsewhere_is_refused(case, link):
    case.fake.always("GET", REFERRERS, page(index(), link))
    with pytest.raises(ProtocolError):
        case.source().referrers(SUBJECT)


def test_without_the_api_the_fallback_tag_is_read(case):
    case.fake.always("GET", FALLBACK, page(index(*digests(0, 1))))
    found, complete = case.source().referrers(SUBJECT)
    assert (len(found), complete) == (1, True)


def test_neither_api_nor_tag_means_no_referrers(case):
    assert case.source().referrers(SUBJECT) == ((), True)


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_an_error_of_the_api_never_means_no_referrers(case, status):
    case.source().manifest("1")
    case.fake.always("GET", REFERRERS, Answer(status))
    source = case.source()
    source.manifest("1")
    with pytest.raises((ProtocolError, UnauthorizedError, RateLimitedError, ServerFailedError)):
        source.referrers(SUBJECT)
    assert case.fake.asked("GET", FALLBACK) == 0


def test_a_page_that_is_no_index_never_means_no_referrers(case):
    case.fake.always("GET", REFERRERS, Answer(200, b"<html>", {"Content-Type": "text/html"}))
    with pytest.raises(ProtocolError):
        case.source().referrers(SUBJECT)


# --- authentication ---------------------------------------------------------------------------------


def bearer(realm):
    challenge = f'Bearer realm="{realm}",service="registry",scope="repository:app:pull"'
    return Answer(401, headers={"WWW-Authenticate": challenge})


def test_a_token_is_asked_once_for_a_scope(case):
    case.fake.script("GET", MANIFEST, bearer(f"http://{case.fake.host}/token"))
    case.fake.always("GET", "/token", Answer(body=b'{"token":"T0"}'))
    source = case.source(login=Credential("alice", "wonderland"))
    source.manifest("1")
    source.manifest("1")
    assert case.fake.requests[-1].headers["Authorization"] == "Bearer T0"
    asked = [each for each in case.fake.requests if each.path.startswith("/token")]
    assert [each.path for each in asked] == ["/token?service=registry&scope=repository%3Aapp%3Apull"]
    assert asked[0].headers["Authorization"] == "Basic " + base64.b64encode(b"alice:wonderland").decode()


def test_an_identity_token_is_exchanged(case):
    case.fake.script("GET", MANIFEST, bearer(f"http://{case.fake.host}/token"))
    case.fake.always("POST", "/token", Answer(body=b'{"access_token":"T1"}'))
    case.source(login=Credential("", "", "I-AM")).manifest("1")
    body = next(each.body for each in case.fake.requests if each.method == "POST")
    assert b"grant_type=refresh_token" in body
    assert b"refresh_token=I-AM" in body


@pytest.mark.parametrize("realm", ["http://elsewhere.example/token", "ftp://x/", "", "http://192.0.2.1/token"])
def test_a_token_service_in_the_clear_elsewhere_gets_nothing(case, realm):
    case.fake.script("GET", MANIFEST, bearer(realm))
    with pytest.raises(ProtocolError):
        case.source(login=Credential("alice", "wonderland")).manifest("1")


@pytest.mark.parametrize(
    "body", [b"{}", b"no JSON", b'{"token":"a\\nb"}', b'{"token":7}', b'{"token":"a","token":"b"}']
)
def test_a_token_answer_without_token_is_refused(case, body):
    case.fake.always("GET", "/token", Answer(body=body))
    error = case.refuses((ProtocolError, UnauthorizedError), bearer(f"http://{case.fake.host}/token"))
    assert error.exit_status == 3


def test_wrong_credentials_are_tried_once(case):
    case.fake.always("GET", MANIFEST, Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
    with pytest.raises(UnauthorizedError) as caught:
        case.source(login=Credential("alice", "rabbit-hole")).manifest("1")
    assert "rabbit-hole" not in f"{caught.value.message}{caught.value.next_step}"
    assert case.fake.asked("GET", MANIFEST) == 2


def test_a_missing_credential_helper_is_told(case, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"credHelpers": {case.fake.host: "not-there"}}))
    case.fake.always("GET", MANIFEST, Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
    with pytest.raises(ConfigError, match="docker-credential-not-there is not installed"):
        case.source(credential_files=(file,)).manifest("1")


# --- mirrors ----------------------------------------------------------------------------------------


def test_a_mirror_is_asked_first(case):
    with another_registry() as mirror:
        mirror.serve(IMAGE, "hub/app", "1")
        case.source(mirrors={case.fake.host: (f"{mirror.host}/hub",)}).manifest("1")
        assert case.fake.requests == []


@pytest.mark.parametrize(
    "answer", [Answer(404), Answer(401), Answer(body=b"x", headers={"Docker-Content-Digest": "sha256:0"})]
)
def test_a_mirror_that_fails_is_passed_over(case, answer):
    with another_registry() as mirror:
        mirror.always("GET", f"/v2/app/manifests/{IMAGE.digest}", answer)
        source = case.source(mirrors={case.fake.host: (mirror.host,)})
        assert source.manifest(IMAGE.digest).content == IMAGE.manifest


def test_a_mirror_never_sees_the_registrys_credentials(case):
    with another_registry() as mirror:
        mirror.always("GET", MANIFEST, Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
        source = case.source(mirrors={case.fake.host: (mirror.host,)}, login=Credential("alice", "wonderland"))
        source.manifest("1")
        assert all("Authorization" not in each.headers for each in mirror.requests)
