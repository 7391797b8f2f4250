"""Timestamps by the real `openssl ts`: taken as they are, and refused with one thing wrong."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trustkit.codec import timestamp as codec
from trustkit.codec.cms import parse_signed_data
from trustkit.errors import CertificateError, MalformedError, TimestampError, TrustkitError
from trustkit.fips.select import provider
from trustkit.signing.timestamp import VerifiedTime, verify_timestamp
from trustkit.signing.trust.roots import TrustedAuthority

MESSAGE = b"a signature to be dated"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512, sha1
accuracy = secs:1, millisecs:500, microsecs:100
ordering = yes
tsa_name = {name}
ess_cert_id_chain = no
ess_cert_id_alg = {ess}
"""
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Service(NamedTuple):
    """A timestamp authority: root and signer as PEM files in a folder, and as DER."""

    folder: Path
    root: bytes
    leaf: bytes

    @property
    def trusted(self) -> tuple[TrustedAuthority, ...]:
        """It as something trusted."""
        return (TrustedAuthority("tsa", (self.root,)),)


class Wanted(NamedTuple):
    """How the signer's certificate is to be."""

    purposes: tuple[x509.ObjectIdentifier, ...] = (Usage.TIME_STAMPING,)
    critical: bool = True
    start: datetime = NOW - DAY
    end: datetime = NOW + DAY
    rsa: bool = False


GOOD = Wanted()


def _key(*, of_rsa: bool) -> Key:
    return rsa.generate_private_key(65537, 2048) if of_rsa else ec.generate_private_key(ec.SECP256R1())


def _certificate(name: str, key: Key, signer: Key, wanted: Wanted, *, authority: bool) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stamp root")])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(wanted.start).not_valid_after(wanted.end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )  # fmt: skip
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage(wanted.purposes), critical=wanted.critical)
    return builder.sign(signer, hashes.SHA256())


def service(folder: Path, wanted: Wanted = GOOD) -> Service:
    """Make an authority."""
    root_key, key = _key(of_rsa=wanted.rsa), _key(of_rsa=wanted.rsa)
    root = _certificate(
        "stamp root", root_key, root_key, Wanted(start=NOW - 9 * DAY, end=NOW + 9 * DAY), authority=True
    )
    leaf = _certificate("stamp signer", key, root_key, wanted, authority=False)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    for name, one in (("leaf.pem", leaf), ("root.pem", root)):
        (folder / name).write_bytes(one.public_bytes(serialization.Encoding.PEM))
    der = serialization.Encoding.DER
    return Service(folder, root.public_bytes(der), leaf.public_bytes(der))


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def stamp(
    made: Service, *, digest: str = "sha256", certificate: bool = True, ess: str = "sha256", name: str = "yes"
) -> bytes:
    """Return a response for the message, by `openssl ts`."""
    folder = made.folder
    (folder / "message").write_bytes(MESSAGE)
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder, ess=ess, name=name), encoding="ascii")
    asked = ("-cert",) if certificate else ()
    openssl(folder, "ts", "-query", "-data", "message", f"-{digest}", *asked, "-out", "query")
    openssl(folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-signer", "leaf.pem",
            "-inkey", "key.pem", "-chain", "root.pem", "-out", "reply")  # fmt: skip
    return (folder / "reply").read_bytes()


def verified(response: bytes, made: Service, message: bytes = MESSAGE) -> VerifiedTime:
    return verify_timestamp(response, message, made.trusted, provider())


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Service, bytes]:
    """An authority and a response of it."""
    made = service(tmp_path_factory.mktemp("tsa"))
    return made, stamp(made)


def test_a_response_is_taken(good: tuple[Service, bytes]) -> None:
    found = verified(good[1], good[0])
    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=10)
    assert found.accuracy_seconds == pytest.approx(1.5001)
    assert [str(one.subject) for one in found.chain] == ["CN=stamp signer", "CN=stamp root"]


def test_openssl_takes_it_too(good: tuple[Service, bytes]) -> None:
    openssl(good[0].folder, "ts", "-verify", "-in", "reply", "-queryfile", "query", "-CAfile", "root.pem")


def test_the_token_alone_is_taken(good: tuple[Service, bytes]) -> None:
    assert verified(codec.token_of(good[1]), good[0]) == verified(good[1], good[0])


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_other_hashes_are_taken(tmp_path: Path, digest: str) -> None:
    made = service(tmp_path)
    assert verified(stamp(made, digest=digest), made)


@pytest.mark.parametrize(("ess", "name"), [("sha384", "no"), ("sha512", "yes")])
def test_every_way_to_name_the_signer_is_taken(tmp_path: Path, ess: str, name: str) -> None:
    made = service(tmp_path)
    assert verified(stamp(made, ess=ess, name=name), made)


def test_a_signer_named_by_sha1_alone_is_refused(tmp_path: Path) -> None:
    made = service(tmp_path)
    with pytest.raises(TimestampError, match="name another certificate"):
        verified(stamp(made, ess="sha1"), made)


def test_an_authority_with_an_rsa_key_is_taken(tmp_path: Path) -> None:
    made = service(tmp_path, Wanted(rsa=True))
    assert verified(stamp(made), made)


def test_the_signers_certificate_may_be_known_and_not_come_along(tmp_path: Path) -> None:
    made = service(tmp_path)
    response = stamp(made, certificate=False)
    known = (TrustedAuthority("tsa", (made.leaf, made.root)),)
    assert verify_timestamp(response, MESSAGE, known, provider())
    with pytest.raises(TimestampError, match="does not carry"):
        verified(response, made)


def test_another_message_is_refused(good: tuple[Service, bytes]) -> None:
    with pytest.raises(TimestampError, match="something else"):
        verified(good[1], good[0], MESSAGE + b"!")


def test_sha1_over_the_message_is_refused(tmp_path: Path) -> None:
    made = service(tmp_path)
    with pytest.raises(TimestampError, match="hash that is not used here"):
        verified(stamp(made, digest="sha1"), made)


def test_nobody_is_trusted_without_roots(good: tuple[Service, bytes]) -> None:
    with pytest.raises(TimestampError, match="no timestamp authority is trusted"):
        verify_timestamp(good[1], MESSAGE, (), provider())


def test_another_authority_of_the_same_name_is_refused(tmp_path: Path, good: tuple[Service, bytes]) -> None:
    with pytest.raises(TrustkitError):
        verify_timestamp(good[1], MESSAGE, service(tmp_path).trusted, provider())


@pytest.mark.parametrize(("start", "end"), [(NOW - 3 * DAY, NOW - DAY), (NOW + DAY, NOW + 3 * DAY)])
def test_an_authority_not_trusted_then_is_refused(good: tuple[Service, bytes], start: datetime, end: datetime) -> None:
    bounded = (good[0].trusted[0]._replace(not_before=start, not_after=end),)
    with pytest.raises(TimestampError, match="was not trusted at"):
        verify_timestamp(good[1], MESSAGE, bounded, provider())


def resigned(folder: Path, wanted: Wanted) -> tuple[Service, bytes]:
    """Return an authority whose certificate `openssl ts` would not sign with, and its token.

    A good response is taken apart, and its attributes are signed anew by the other certificate through
    `openssl cms`, which asks for no purpose.
    """
    made = service(folder, wanted)
    good = folder / "good"
    good.mkdir()
    info = parse_signed_data(codec.token_of(stamp(service(good)))).content
    (folder / "info").write_bytes(info)
    openssl(folder, "cms", "-sign", "-cades", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256",
            "-econtent_type", codec.TST_INFO, "-in", "info", "-signer", "leaf.pem", "-inkey", "key.pem",
            "-outform", "DER", "-out", "token")  # fmt: skip
    return made, (folder / "token").read_bytes()


def test_a_token_by_openssl_cms_is_taken(tmp_path: Path) -> None:
    made, token = resigned(tmp_path, Wanted())
    assert verified(token, made)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Wanted(purposes=(Usage.CODE_SIGNING,)), "not for time stamping"),
        (Wanted(critical=False), "critically"),
        (Wanted(purposes=(Usage.TIME_STAMPING, Usage.CODE_SIGNING)), "only"),
        (Wanted(purposes=(Usage.ANY_EXTENDED_KEY_USAGE,)), "not for time stamping"),
        (Wanted(start=NOW - 3 * DAY, end=NOW - DAY), "expired"),
        (Wanted(start=NOW + DAY, end=NOW + 3 * DAY), "not valid before"),
    ],
)
def test_a_signer_that_may_not_stamp_is_refused(tmp_path: Path, wanted: Wanted, reason: str) -> None:
    made, token = resigned(tmp_path, wanted)
    with pytest.raises((TimestampError, CertificateError), match=reason):
        verified(token, made)


@pytest.mark.parametrize("more", [b"\0", b"\x05\0", b"x" * 100])
def test_trailing_bytes_are_refused(good: tuple[Service, bytes], more: bytes) -> None:
    with pytest.raises(MalformedError):
        verified(good[1] + more, good[0])


def test_a_refusal_is_no_timestamp(tmp_path: Path) -> None:
    made = service(tmp_path)
    with pytest.raises(MalformedError, match="grants nothing"):
        verified(b"\x30\x05\x30\x03\x02\x01\x02", made)


def test_every_cut_is_refused(good: tuple[Service, bytes]) -> None:
    for length in range(len(good[1])):
        with pytest.raises(TrustkitError):
            verified(good[1][:length], good[0])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_changed_byte_changes_what_is_proven(good: tuple[Service, bytes], data: st.DataObject) -> None:
    made, response = good
    content = bytearray(response)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = verified(bytes(content), made)
    except TrustkitError:
        return
    # the response's status and text, the list of hashes and the certificates that came along are not signed
    assert found == verified(response, made)


def test_a_token_with_one_changed_signed_byte_is_refused(good: tuple[Service, bytes]) -> None:
    made, response = good
    data = parse_signed_data(codec.token_of(response))
    for signed in (data.content, data.signer.signature):
        at = response.index(signed) + len(signed) // 2
        changed = response[:at] + bytes((response[at] ^ 1,)) + response[at + 1 :]
        with pytest.raises(TrustkitError):
            verified(changed, made)
