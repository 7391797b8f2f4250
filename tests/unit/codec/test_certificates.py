"""Certificates taken apart, compared with `cryptography.x509` on every certificate of its vectors."""

import base64
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from trustkit.codec import certificate_extensions as extensions
from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.errors import TrustkitError

_SPEC = find_spec("cryptography_vectors")
assert _SPEC is not None
assert _SPEC.origin is not None
FOLDER = Path(_SPEC.origin).parent / "x509"
_PEM = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----(.*?)-----END", re.DOTALL)
# What `cryptography` refuses and we read: only parameters of algorithms, which are compared where they are used.
LOOSER = {
    "custom/ecdsa_null_alg.pem", "custom/dsa_null_alg_params.pem",
    "PKITS_data/certs/ValidDSAParameterInheritanceTest5EE.crt", "PKITS_data/certs/DSAParametersInheritedCACert.crt",
}  # fmt: skip
# Part of our reason → files that `cryptography` reads and we refuse.
STRICTER = {
    "of version 1": {
        "verisign_md2_root.pem", "v1_cert.pem", "custom/rsa_pss_sha256_no_null.pem", "custom/ec_no_named_curve.pem",
        "custom/invalid_signature_cert.pem", "custom/utf8_common_name.pem", "custom/invalid_utf8_common_name.pem",
        "custom/unsupported_subject_name.pem", "custom/valid_signature_cert.pem",
    },
    "tag is unknown": {"custom/long-form-name-attribute.pem"},
    "two different signature algorithms": {
        "custom/rsa_pss_cert_invalid_mgf.der", "custom/mismatch_inner_outer_sig_algorithm.der",
        "custom/rsa_pss_cert_no_sig_params.der", "custom/rsa_pss_cert_unsupported_mgf_hash.der",
    },
    "extension 2.5.29.19 twice": {"custom/two_basic_constraints.pem"},
    "negative or empty integer": {
        "custom/negative_serial.pem", "PKITS_data/certs/InvalidNegativeSerialNumberTest15EE.crt",
    },
    "bytes too many": {"PKITS_data/certs/ValidNameUIDsTest6EE.crt", "PKITS_data/certs/UIDCACert.crt"},
    "not whole bytes": {
        "PKITS_data/certs/InvalidDSASignatureTest6EE.crt", "PKITS_data/certs/BadSignedCACert.crt",
    },
}  # fmt: skip


def certificates() -> Iterator[tuple[str, bytes]]:
    """Yield file name and DER of everything in the vectors that could be a certificate."""
    for file in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        content = file.read_bytes()
        found = [base64.b64decode(body) for body in _PEM.findall(content)]
        for der in found or ([content] if content[:1] == b"\x30" else []):
            yield str(file.relative_to(FOLDER)), der


ALL = tuple(dict.fromkeys(certificates()))


def both(der: bytes) -> tuple[Certificate | None, x509.Certificate | None, str]:
    """Return what the two readers make of it, and our reason if we refuse."""
    ours = theirs = None
    reason = ""
    with suppress(ValueError, x509.InvalidVersion):
        theirs = x509.load_der_x509_certificate(der)
    try:
        ours = parse_certificate(der)
    except TrustkitError as error:
        reason = error.message
    return ours, theirs, reason


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Their warnings about old certificates say nothing here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def test_the_vectors_are_many() -> None:
    assert len(ALL) > 500


def test_we_read_nothing_that_cryptography_refuses() -> None:
    read = {name for name, der in ALL for ours, theirs, _ in [both(der)] if ours is not None and theirs is None}
    assert read == LOOSER


def test_we_refuse_only_what_is_known_and_say_why() -> None:
    found = {name: why for name, der in ALL for ours, theirs, why in [both(der)] if theirs is not None and ours is None}
    known = {name: reason for reason, names in STRICTER.items() for name in names}
    wrong = {name: why for name, why in found.items() if name not in known or known[name] not in why}
    assert not wrong
    assert set(known) <= set(found)


def fields(ours: Certificate, theirs: x509.Certificate) -> list[tuple[object, object]]:
    return [
        (ours.tbs, theirs.tbs_certificate_bytes),
        (ours.signature, theirs.signature),
        (ours.serial, theirs.serial_number),
        (ours.not_before, theirs.not_valid_before_utc),
        (ours.not_after, theirs.not_valid_after_utc),
        (ours.signature_algorithm, theirs.signature_algorithm_oid.dotted_string),
        (ours.issuer.der, theirs.issuer.public_bytes()),
        (ours.subject.der, theirs.subject.public_bytes()),
    ]


def test_fields_are_the_same() -> None:
    for name, der in ALL:
        ours, theirs, _ = both(der)
        if ours is None or theirs is None:
            continue
        # names that are not encoded as their tags say are encoded anew by cryptography
        with suppress(ValueError, x509.InvalidVersion):
            differing = [pair for pair in fields(ours, theirs) if pair[0] != pair[1]]
            assert not differing, name


def test_names_are_written_the_same() -> None:
    differing = {}
    for name, der in ALL:
        ours, theirs, _ = both(der)
        if ours is None or theirs is None:
            continue
        with suppress(ValueError, x509.InvalidVersion):
            if str(ours.subject) != theirs.subject.rfc4514_string():
                differing[name] = str(ours.subject)
    # RFC 4514 2.4: `#` and the BER of the value; cryptography leaves out its tag and length
    assert set(differing) == {"scottishpower-bitstring-dn.pem", "unique_identifier.pem"}
    assert differing["scottishpower-bitstring-dn.pem"].startswith("2.5.4.45=#0309")


def _same(ours: Certificate, value: x509.ExtensionType) -> bool:
    if isinstance(value, x509.BasicConstraints):
        return (value.ca, value.path_length) == extensions.basic_constraints(ours)[:2]
    if isinstance(value, x509.ExtendedKeyUsage):
        return tuple(one.dotted_string for one in value) == extensions.extended_key_usage(ours)
    if isinstance(value, x509.SubjectKeyIdentifier):
        return value.digest == extensions.subject_key_identifier(ours)
    if isinstance(value, x509.KeyUsage):
        found = extensions.key_usage(ours)
        assert found is not None
        told = (value.digital_signature, value.key_cert_sign, value.crl_sign, value.content_commitment)
        return told == tuple(
            one in found for one in ("digitalSignature", "keyCertSign", "cRLSign", "contentCommitment")
        )
    if isinstance(value, x509.SubjectAlternativeName):
        return _alternatives(value) == [(one.kind, one.value) for one in extensions.subject_alternative_names(ours)
                                        if one.kind != "other"]  # fmt: skip
    return True


def _alternatives(value: x509.SubjectAlternativeName) -> list[tuple[str, object]]:
    kinds = {x509.RFC822Name: "email", x509.DNSName: "dns", x509.UniformResourceIdentifier: "uri"}
    return [(kinds[type(one)], one.value) for one in value if type(one) in kinds]


def test_extensions_say_the_same() -> None:
    compared = 0
    refused = []
    for name, der in ALL:
        ours, theirs, _ = both(der)
        if ours is None or theirs is None:
            continue
        try:
            listed = list(theirs.extensions)
        except (ValueError, x509.UnsupportedGeneralNameType):
            continue
        assert [(one.oid.dotted_string, one.critical) for one in listed] == [one[:2] for one in ours.extensions], name
        for one in listed:
            try:
                assert _same(ours, one.value), (name, one)
            except TrustkitError as error:
                refused.append((name, error.message))
            compared += 1
    assert compared > 1500
    # a key usage with its trailing zero bits written out is not DER; an IA5String is ASCII
    assert {name for name, _ in refused} == {"custom/alternate-rsa-sha1-oid.der", "utf8-dnsname.pem"}
