"""Certification paths: each refusal fails at exactly one check, and verdicts agree with `cryptography`'s verifier."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from trustkit import limits
from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.errors import (
    AlgorithmNotApprovedError,
    CryptoError,
    LimitExceededError,
    TrustkitError,
    UntrustedSignerError,
)
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.select import provider
from trustkit.signing.pki.chain import CODE_SIGNING, TIME_STAMPING, Purpose, verify_chain
from trustkit.signing.pki.signatures import Signed, algorithm_of

AT = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
P256, SHA256 = ec.SECP256R1(), hashes.SHA256()
KEYS = tuple(ec.generate_private_key(P256) for _ in range(4))


class Wanted(NamedTuple):
    """A certificate to be; the issuer's key signs it."""

    name: str
    issuer: str
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = KEYS[0]
    signer: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = KEYS[1]
    authority: bool | None = False
    path_length: int | None = None
    constraints_critical: bool = True
    usages: tuple[str, ...] | None = ("digital_signature",)
    purposes: tuple[x509.ObjectIdentifier, ...] | None = (Usage.CODE_SIGNING,)
    purposes_critical: bool = False
    start: datetime = AT - DAY
    end: datetime = AT + DAY
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    hash: hashes.HashAlgorithm = SHA256
    pss: padding.PSS | None = None


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def issued(wanted: Wanted) -> Certificate:
    """Return the certificate."""
    builder = (
        x509.CertificateBuilder().subject_name(named(wanted.name)).issuer_name(named(wanted.issuer))
        .public_key(wanted.key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(wanted.start).not_valid_after(wanted.end)
    )  # fmt: skip
    added: list[tuple[x509.ExtensionType, bool]] = list(wanted.more)
    if wanted.authority is not None:
        value = x509.BasicConstraints(ca=wanted.authority, path_length=wanted.path_length)
        added.append((value, wanted.constraints_critical))
    if wanted.usages is not None:
        added.append((x509.KeyUsage(**{name: name in wanted.usages for name in _USAGES}), True))
    if wanted.purposes is not None:
        added.append((x509.ExtendedKeyUsage(wanted.purposes), wanted.purposes_critical))
    for value, critical in added:
        builder = builder.add_extension(value, critical)
    made = builder.sign(wanted.signer, wanted.hash, rsa_padding=wanted.pss)
    return parse_certificate(made.public_bytes(Encoding.DER))


LEAF = Wanted("leaf", "middle")
MIDDLE = Wanted("middle", "root", KEYS[1], KEYS[2], authority=True, usages=("key_cert_sign",), purposes=None)
ROOT = MIDDLE._replace(name="root", key=KEYS[2])
KEY_ID = x509.SubjectKeyIdentifier.from_public_key(KEYS[0].public_key())
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\0")
NAMES = x509.NameConstraints(permitted_subtrees=[x509.DNSName("example")], excluded_subtrees=None)


def path(
    leaf: Wanted = LEAF,
    middle: Wanted = MIDDLE,
    root: Wanted = ROOT,
    *,
    at: datetime = AT,
    purpose: Purpose = CODE_SIGNING,
) -> tuple[Certificate, ...]:
    """Verify a path of three."""
    return verify_chain(
        issued(leaf), (issued(middle),), (issued(root),), at=at, crypto=provider(), purpose=purpose
    )  # fmt: skip


def test_a_path_leads_from_leaf_to_anchor() -> None:
    found = path()
    assert [str(one.subject) for one in found] == ["CN=leaf", "CN=middle", "CN=root"]


@pytest.mark.parametrize("at", [AT - DAY, AT + DAY])
def test_both_ends_of_the_validity_are_inside(at: datetime) -> None:
    assert path(at=at)


SAYS_MORE = LEAF._replace(purposes=(Usage.CODE_SIGNING, Usage.SERVER_AUTH))
STAMP = LEAF._replace(purposes=(Usage.TIME_STAMPING,), purposes_critical=True)


@pytest.mark.parametrize(
    ("leaf", "purpose"),
    [
        (LEAF._replace(purposes=None), CODE_SIGNING._replace(required=False)),
        (LEAF._replace(usages=None), CODE_SIGNING),
        (LEAF._replace(authority=None), CODE_SIGNING),
        (LEAF._replace(more=((UNKNOWN, False), (KEY_ID, False))), CODE_SIGNING),
        (SAYS_MORE, CODE_SIGNING),
        (STAMP, TIME_STAMPING),
    ],
)
def test_what_a_leaf_may_be(leaf: Wanted, purpose: Purpose) -> None:
    assert path(leaf, purpose=purpose)


@pytest.mark.parametrize(
    ("leaf", "purpose", "reason"),
    [
        (LEAF._replace(end=AT - timedelta(seconds=1)), CODE_SIGNING, "expired"),
        (LEAF._replace(start=AT + timedelta(seconds=1)), CODE_SIGNING, "not valid before"),
        (LEAF._replace(purposes=None), CODE_SIGNING, "does not say"),
        (LEAF._replace(purposes=(Usage.SERVER_AUTH,)), CODE_SIGNING, "is not for code signing"),
        (LEAF._replace(purposes=(Usage.ANY_EXTENDED_KEY_USAGE,)), CODE_SIGNING, "is not for code signing"),
        (SAYS_MORE, CODE_SIGNING._replace(refused=("1.3.6.1.5.5.7.3.1",)), "other things too"),
        (LEAF._replace(usages=("key_encipherment",)), CODE_SIGNING, "digital signatures"),
        (LEAF._replace(authority=True), CODE_SIGNING, "is an authority's"),
        (LEAF._replace(more=((UNKNOWN, True),)), CODE_SIGNING, "unknown critical extension 1.3.6.1.4.1.55555.1"),
        (LEAF._replace(signer=KEYS[3]), CODE_SIGNING, "was not signed by"),
        (LEAF._replace(issuer="nobody"), CODE_SIGNING, "no chain leads"),
        (STAMP._replace(purposes_critical=False), TIME_STAMPING, "critically"),
        (STAMP._replace(purposes=(Usage.TIME_STAMPING, Usage.CODE_SIGNING)), TIME_STAMPING, "only"),
        (LEAF, TIME_STAMPING, "is not for time stamping"),
    ],
)
def test_what_a_leaf_may_not_be(leaf: Wanted, purpose: Purpose, reason: str) -> None:
    with pytest.raises(TrustkitError, match=reason):
        path(leaf, purpose=purpose)


AUTHORITIES: list[tuple[Callable[[Wanted], Wanted], str]] = [
    (lambda one: one._replace(authority=False), "no authority's"),
    (lambda one: one._replace(authority=None), "no authority's"),
    (lambda one: one._replace(constraints_critical=False), "no authority's"),
    (lambda one: one._replace(usages=("crl_sign",)), "not for signing certificates"),
    (lambda one: one._replace(purposes=(Usage.SERVER_AUTH,)), "is not for code signing"),
    (lambda one: one._replace(end=AT - timedelta(seconds=1)), "expired"),
    (lambda one: one._replace(start=AT + timedelta(seconds=1)), "not valid before"),
    (lambda one: one._replace(more=((UNKNOWN, True),)), "unknown critical extension"),
    (lambda one: one._replace(more=((NAMES, True),)), "name constraints"),
    (lambda one: one._replace(more=((NAMES, False),)), "name constraints"),
]


@pytest.mark.parametrize(("change", "reason"), AUTHORITIES)
def test_what_an_intermediate_may_not_be(change: Callable[[Wanted], Wanted], reason: str) -> None:
    with pytest.raises(TrustkitError, match=reason):
        path(middle=change(MIDDLE))


@pytest.mark.parametrize(("change", "reason"), AUTHORITIES)
def test_what_a_root_may_not_be(change: Callable[[Wanted], Wanted], reason: str) -> None:
    with pytest.raises(TrustkitError, match=reason):
        path(root=change(ROOT))


def test_a_path_length_of_nothing_allows_no_authority_below() -> None:
    with pytest.raises(TrustkitError, match="path length"):
        path(root=ROOT._replace(path_length=0))


def test_a_path_length_counts_authorities_below() -> None:
    assert path(root=ROOT._replace(path_length=1), middle=MIDDLE._replace(path_length=0))


def test_an_intermediate_of_another_key_is_no_issuer() -> None:
    with pytest.raises(TrustkitError, match="was not signed by"):
        path(middle=MIDDLE._replace(key=KEYS[3]))


def test_the_right_one_of_two_intermediates_of_a_name_is_found() -> None:
    wrong, right = issued(MIDDLE._replace(key=KEYS[3])), issued(MIDDLE)
    for between in ((wrong, right), (right, wrong)):
        found = verify_chain(issued(LEAF), between, (issued(ROOT),), at=AT, crypto=provider(), purpose=CODE_SIGNING)
        assert found[1] == right


def test_a_leaf_may_be_its_own_anchor() -> None:
    leaf = issued(LEAF)
    assert verify_chain(leaf, (), (leaf,), at=AT, crypto=provider(), purpose=CODE_SIGNING) == (leaf,)


def test_no_anchor_trusts_nobody() -> None:
    with pytest.raises(UntrustedSignerError):
        verify_chain(issued(LEAF), (issued(MIDDLE), issued(ROOT)), (), at=AT, crypto=provider(), purpose=CODE_SIGNING)


def test_a_root_that_came_along_is_not_trusted_for_it() -> None:
    other = issued(ROOT._replace(key=KEYS[3], signer=KEYS[3]))
    with pytest.raises(TrustkitError, match="was not signed by"):
        verify_chain(
            issued(LEAF), (issued(MIDDLE), issued(ROOT)), (other,), at=AT, crypto=provider(), purpose=CODE_SIGNING
        )


def test_authorities_that_issue_each_other_end() -> None:
    one = issued(Wanted("a", "b", KEYS[1], KEYS[2], authority=True, usages=("key_cert_sign",)))
    two = issued(Wanted("b", "a", KEYS[2], KEYS[1], authority=True, usages=("key_cert_sign",)))
    with pytest.raises(UntrustedSignerError):
        verify_chain(
            issued(LEAF._replace(issuer="a")), (one, two), (issued(ROOT),), at=AT, crypto=provider(),
            purpose=CODE_SIGNING,
        )  # fmt: skip


def test_many_authorities_of_one_name_are_not_all_tried() -> None:
    wrong = [issued(MIDDLE._replace(key=KEYS[3])) for _ in range(limits.CHAIN_TRIES + 1)]
    with pytest.raises(LimitExceededError, match="chains lead"):
        verify_chain(issued(LEAF), wrong, (issued(ROOT),), at=AT, crypto=provider(), purpose=CODE_SIGNING)


def test_a_maze_of_authorities_is_left() -> None:
    loop = Wanted("middle", "middle", KEYS[1], KEYS[1], authority=True, usages=("key_cert_sign",))
    maze = [issued(loop) for _ in range(12)]
    with pytest.raises(LimitExceededError):
        verify_chain(issued(LEAF), maze, (issued(ROOT),), at=AT, crypto=provider(), purpose=CODE_SIGNING)


def test_too_many_certificates_are_refused_before_anything_else() -> None:
    one = issued(MIDDLE)
    with pytest.raises(LimitExceededError, match="certificates to build"):
        verify_chain(one, (one,) * limits.CERTIFICATES, (one,), at=AT, crypto=provider(), purpose=CODE_SIGNING)


def test_a_chain_may_not_be_longer_than_the_limit() -> None:
    count = limits.CHAIN_CERTIFICATES
    many = [
        issued(MIDDLE._replace(name=f"m{at}", issuer=f"m{at + 1}", signer=KEYS[1])) for at in range(count)
    ]  # fmt: skip
    with pytest.raises(UntrustedSignerError):
        verify_chain(
            issued(LEAF._replace(issuer="m0")), many[:-1], many[-1:], at=AT, crypto=provider(), purpose=CODE_SIGNING
        )


RSA = rsa.generate_private_key(65537, 2048)
DIGEST_SALT = padding.PSS(padding.MGF1(SHA256), padding.PSS.DIGEST_LENGTH)


@pytest.mark.parametrize("name", ["openssl", "pyca", "pycryptodome"])
@pytest.mark.parametrize("pss", [None, DIGEST_SALT])
@pytest.mark.parametrize("digest", [SHA256, hashes.SHA384(), hashes.SHA512()])
def test_rsa_authorities(name: str, pss: padding.PSS | None, digest: hashes.HashAlgorithm) -> None:
    padded = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH) if pss else None
    leaf = issued(LEAF._replace(issuer="root", signer=RSA, hash=digest, pss=padded))
    root = issued(ROOT._replace(key=RSA, signer=RSA))
    assert verify_chain(leaf, (), (root,), at=AT, crypto=provider(name), purpose=CODE_SIGNING)


@pytest.mark.parametrize(
    ("digest", "pss"),
    [
        (hashes.SHA224(), None),
        (SHA256, padding.PSS(padding.MGF1(SHA256), 20)),
        (SHA256, padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)),
    ],
)
def test_other_ways_to_sign_are_refused(digest: hashes.HashAlgorithm, pss: padding.PSS | None) -> None:
    root = issued(ROOT._replace(key=RSA, signer=RSA))
    leaf = issued(LEAF._replace(issuer="root", signer=RSA, hash=digest, pss=pss))
    with pytest.raises(CryptoError):
        verify_chain(leaf, (), (root,), at=AT, crypto=provider(), purpose=CODE_SIGNING)


@pytest.mark.parametrize(
    ("oid", "parameters", "digest"),
    [
        ("1.2.840.113549.1.1.5", b"\5\0", ""),  # RSA with SHA-1
        ("1.2.840.113549.1.1.4", b"\5\0", ""),  # RSA with MD5
        ("1.2.840.10045.4.1", b"", ""),  # ECDSA with SHA-1
        ("1.2.840.10045.4.3.2", b"\5\0", ""),  # RFC 5758 3.2: no parameters
        ("1.2.840.113549.1.1.11", b"\2\1\0", ""),
        ("1.2.840.113549.1.1.1", b"\5\0", ""),  # names no hash, and none stands beside it
        ("1.2.840.113549.1.1.11", b"\5\0", "sha512"),  # another hash stands beside it
        ("1.2.840.113549.1.1.10", b"\x30\0", ""),  # PSS by its defaults: SHA-1
        ("1.3.101.112", b"\5\0", ""),
        ("1.3.101.113", b"", ""),  # Ed448
        ("1.2.840.10040.4.3", b"", ""),  # DSA
    ],
)
def test_algorithms_not_used_here(oid: str, parameters: bytes, digest: str) -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        algorithm_of(Signed(b"", oid, parameters, b"", digest), public_key_from_spki(issued(LEAF).spki_der))


CLIENT = CODE_SIGNING._replace(name="client authentication", usage="1.3.6.1.5.5.7.3.2")
ALTERNATIVE = x509.SubjectAlternativeName([x509.DNSName("leaf.example")])


def cryptography_accepts(leaf: Certificate, middle: Certificate, root: Certificate) -> bool:
    """Return the verdict of another verifier, asked for nothing but what RFC 5280 says."""
    certificates = [x509.load_der_x509_certificate(one.der) for one in (leaf, middle, root)]
    policy = ExtensionPolicy.permit_all()
    authorities = policy.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    verifier = (
        PolicyBuilder().store(Store(certificates[2:])).time(AT)
        .extension_policies(ca_policy=authorities, ee_policy=policy).build_client_verifier()
    )  # fmt: skip
    try:
        verifier.verify(certificates[0], certificates[1:2])
    except VerificationError:
        return False
    return True


CHANGES: list[Callable[[Wanted], Wanted]] = [
    lambda one: one,
    lambda one: one._replace(end=AT - timedelta(seconds=1)),
    lambda one: one._replace(start=AT + timedelta(seconds=1)),
    lambda one: one._replace(purposes=(Usage.SERVER_AUTH,)),
    lambda one: one._replace(more=((UNKNOWN, True),)),
    lambda one: one._replace(signer=KEYS[3]),
    lambda one: one._replace(key=KEYS[3]),
    lambda one: one._replace(issuer="nobody"),
    lambda one: one._replace(authority=not one.authority),
    lambda one: one._replace(authority=None),
    lambda one: one._replace(path_length=0 if one.authority else None),
    lambda one: one._replace(usages=("key_encipherment",)),
    lambda one: one._replace(usages=None),
]


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("change", CHANGES)
def test_what_we_accept_cryptography_accepts(which: int, change: Callable[[Wanted], Wanted]) -> None:
    wanted = [LEAF._replace(purposes=(Usage.CLIENT_AUTH,), more=((ALTERNATIVE, False),)), MIDDLE, ROOT]
    wanted[which] = change(wanted[which])
    leaf, middle, root = (issued(one) for one in wanted)
    try:
        verify_chain(leaf, (middle,), (root,), at=AT, crypto=provider(), purpose=CLIENT)
    except TrustkitError:
        return
    assert cryptography_accepts(leaf, middle, root)


def test_cryptography_accepts_the_unchanged_path() -> None:
    leaf = LEAF._replace(purposes=(Usage.CLIENT_AUTH,), more=((ALTERNATIVE, False),))
    assert cryptography_accepts(issued(leaf), issued(MIDDLE), issued(ROOT))
