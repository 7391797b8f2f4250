"""Certification paths against NIST's PKITS (2011), as far as it asks what is judged here: paths, not revocation.

Where trustkit is stricter than RFC 5280 has to be, the reason it gives is pinned: a refusal for another one
would be a defect. The certificates come with the package `cryptography-vectors`.
"""

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from trustkit.codec.certificate import Certificate, parse_certificate
from trustkit.errors import MalformedError, TrustkitError
from trustkit.fips.select import provider
from trustkit.signing.pki.chain import CODE_SIGNING, verify_chain

_SPEC = find_spec("cryptography_vectors")
assert _SPEC is not None
assert _SPEC.origin is not None
FOLDER = Path(_SPEC.origin).parent / "x509" / "PKITS_data" / "certs"
AT = datetime(2012, 1, 1, tzinfo=UTC)
PURPOSE = CODE_SIGNING._replace(required=False)
LEAVES = sorted(FOLDER.glob("*EE.crt"))
# What only a revocation list can tell (PKITS 4.4, 4.14, 4.15, and those of 4.5 and 4.7 about list signers).
NEEDS_LISTS = frozenset({
    "InvalidBadCRLIssuerNameTest5", "InvalidBadCRLSignatureTest4", "InvalidBasicSelfIssuedCRLSigningKeyTest7",
    "InvalidBasicSelfIssuedNewWithOldTest5", "InvalidBasicSelfIssuedOldWithNewTest2",
    "InvalidIDPwithindirectCRLTest23", "InvalidIDPwithindirectCRLTest26", "InvalidLongSerialNumberTest18",
    "InvalidMissingCRLTest1", "InvalidOldCRLnextUpdateTest11", "InvalidRevokedCATest2", "InvalidRevokedEETest3",
    "InvalidSeparateCertificateandCRLKeysTest20", "InvalidSeparateCertificateandCRLKeysTest21",
    "InvalidUnknownCRLEntryExtensionTest8", "InvalidUnknownCRLExtensionTest10", "InvalidUnknownCRLExtensionTest9",
    "InvalidWrongCRLTest6", "InvalidcRLIssuerTest27", "InvalidcRLIssuerTest31", "InvalidcRLIssuerTest32",
    "InvalidcRLIssuerTest34", "InvalidcRLIssuerTest35", "InvaliddeltaCRLIndicatorNoBaseTest1",
    "InvaliddeltaCRLTest10", "InvaliddeltaCRLTest3", "InvaliddeltaCRLTest4", "InvaliddeltaCRLTest6",
    "InvaliddeltaCRLTest9", "InvaliddistributionPointTest2", "InvaliddistributionPointTest3",
    "InvaliddistributionPointTest6", "InvaliddistributionPointTest8", "InvaliddistributionPointTest9",
    "InvalidkeyUsageCriticalcRLSignFalseTest4", "InvalidkeyUsageNotCriticalcRLSignFalseTest5",
    "InvalidonlyContainsAttributeCertsTest14", "InvalidonlyContainsCACertsTest12", "InvalidonlySomeReasonsTest15",
    "InvalidonlySomeReasonsTest16", "InvalidonlySomeReasonsTest17", "InvalidonlySomeReasonsTest20",
    "InvalidonlySomeReasonsTest21", "Invalidpre2000CRLnextUpdateTest12",
})  # fmt: skip
# Part of the message → the valid paths that are refused for that.
STRICTER = {
    "name constraints; they are not evaluated": (
        "ValidDNSnameConstraintsTest30", "ValidDNSnameConstraintsTest32", "ValidDNandRFC822nameConstraintsTest27",
        "ValidDNnameConstraintsTest11", "ValidDNnameConstraintsTest14", "ValidDNnameConstraintsTest18",
        "ValidDNnameConstraintsTest19", "ValidDNnameConstraintsTest1", "ValidDNnameConstraintsTest4",
        "ValidDNnameConstraintsTest5", "ValidDNnameConstraintsTest6", "ValidRFC822nameConstraintsTest21",
        "ValidRFC822nameConstraintsTest23", "ValidRFC822nameConstraintsTest25", "ValidURInameConstraintsTest34",
        "ValidURInameConstraintsTest36",
    ),
    # policy mappings, inhibit any policy, policy constraints
    "unknown critical extension 2.5.29.": (
        "ValidPolicyMappingTest11", "ValidPolicyMappingTest12", "ValidPolicyMappingTest13",
        "ValidPolicyMappingTest14", "ValidPolicyMappingTest1", "ValidPolicyMappingTest3", "ValidPolicyMappingTest5",
        "ValidPolicyMappingTest6", "ValidPolicyMappingTest9", "ValidSelfIssuedinhibitAnyPolicyTest7",
        "ValidSelfIssuedinhibitAnyPolicyTest9", "ValidSelfIssuedinhibitPolicyMappingTest7",
        "ValidSelfIssuedrequireExplicitPolicyTest6", "ValidinhibitAnyPolicyTest2",
        "ValidinhibitPolicyMappingTest2", "ValidinhibitPolicyMappingTest4", "ValidrequireExplicitPolicyTest1",
        "ValidrequireExplicitPolicyTest2", "ValidrequireExplicitPolicyTest4", "inhibitAnyPolicyTest3",
    ),
    # names are compared as bytes
    "no chain leads from": (
        "ValidNameChainingCapitalizationTest5", "ValidNameChainingWhitespaceTest3",
        "ValidNameChainingWhitespaceTest4", "ValidRolloverfromPrintableStringtoUTF8StringTest10",
        "ValidUTF8StringCaseInsensitiveMatchTest11",
    ),
    "is an authority's; those do not sign content": (
        "DifferentPoliciesTest7", "DifferentPoliciesTest8", "OverlappingPoliciesTest6",
        "ValidonlyContainsCACertsTest13", "ValidpathLenConstraintTest14",
        "ValidpathLenConstraintTest8",
    ),
    "issues others and is no authority's": ("ValidbasicConstraintsNotCriticalTest4",),
    "public key is of a kind not used here": ("ValidDSAParameterInheritanceTest5", "ValidDSASignaturesTest4"),
    "bytes too many": ("ValidNameUIDsTest6",),
}  # fmt: skip


@pytest.fixture(scope="module")
def authorities() -> list[Certificate]:
    """Every certificate of an authority that can be read at all."""
    found = []
    for file in sorted(FOLDER.glob("*Cert.crt")):
        try:
            found.append(parse_certificate(file.read_bytes()))
        except MalformedError:
            continue
    assert len(found) > 150
    return found


def refusal(file: Path, authorities: list[Certificate]) -> str:
    """Return why no path leads from the leaf to PKITS's anchor, or nothing."""
    anchor = parse_certificate((FOLDER / "TrustAnchorRootCertificate.crt").read_bytes())
    try:
        leaf = parse_certificate(file.read_bytes())
        verify_chain(leaf, authorities, (anchor,), at=AT, crypto=provider(), purpose=PURPOSE)
    except TrustkitError as error:
        return error.message
    return ""


def name(file: Path) -> str:
    return file.stem.removesuffix("EE")


@pytest.mark.parametrize(
    "file", [file for file in LEAVES if file.stem.startswith("Invalid") and name(file) not in NEEDS_LISTS], ids=name
)
def test_invalid_paths_are_refused(file: Path, authorities: list[Certificate]) -> None:
    assert refusal(file, authorities)


@pytest.mark.parametrize("file", [file for file in LEAVES if not file.stem.startswith("Invalid")], ids=name)
def test_valid_paths_are_taken_or_refused_for_the_reason_known(file: Path, authorities: list[Certificate]) -> None:
    reason = next((reason for reason, names in STRICTER.items() if name(file) in names), "")
    found = refusal(file, authorities)
    assert (reason in found) if reason else not found


# PKITS number → what the reason must speak of
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        # the authority's signature is no whole bytes, so its certificate is not even read
        ("InvalidCASignatureTest2", "no chain leads from"),
        ("InvalidEESignatureTest3", "was not signed by"),
        ("InvalidCAnotBeforeDateTest1", "not valid before"),
        ("InvalidEEnotBeforeDateTest2", "not valid before"),
        ("InvalidCAnotAfterDateTest5", "expired"),
        ("InvalidEEnotAfterDateTest6", "expired"),
        ("Invalidpre2000UTCEEnotAfterDateTest7", "expired"),
        ("InvalidNameChainingTest1", "no chain leads from"),
        ("InvalidMissingbasicConstraintsTest1", "no authority's"),
        ("InvalidcAFalseTest2", "no authority's"),
        ("InvalidcAFalseTest3", "no authority's"),
        ("InvalidpathLenConstraintTest5", "path length"),
        ("InvalidpathLenConstraintTest9", "path length"),
        ("InvalidSelfIssuedpathLenConstraintTest16", "path length"),
        ("InvalidkeyUsageCriticalkeyCertSignFalseTest1", "not for signing certificates"),
        ("InvalidkeyUsageNotCriticalkeyCertSignFalseTest2", "not for signing certificates"),
        ("InvalidDNnameConstraintsTest2", "name constraints"),
        ("InvalidUnknownCriticalCertificateExtensionTest2", "unknown critical extension"),
    ],
)
def test_invalid_paths_are_refused_for_their_reason(case: str, reason: str, authorities: list[Certificate]) -> None:
    assert reason in refusal(FOLDER / f"{case}EE.crt", authorities)


def test_every_exception_is_still_one() -> None:
    names = {name(file) for file in LEAVES}
    listed = NEEDS_LISTS | {one for found in STRICTER.values() for one in found}
    assert listed <= names
