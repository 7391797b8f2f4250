"""Identities, certificates, OpenPGP keys and content trust beside keys: who counts, and who does not."""

import pytest

from policy_facts import HEAD, IMAGE, NAME, facts, read, signature, verdict
from trustkit.errors import PolicySyntaxError
from trustkit.fips.hashing import digest_of
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts
from trustkit.model.signature import SignerIdentity, VerifiedSignature
from trustkit.policy.document import Policy
from trustkit.policy.signers import Signers, count
from trustkit.policy.trusted import PolicyIdentity

ISSUER = "https://token.actions.example"
SUBJECT = "https://github.com/corp/app/.github/workflows/release.yml@refs/tags/v1"
TRUST = f"""
  trust:
    roots:
      sigstore: {{corp: root.json}}
      x509: {{corp-ca: ca.pem, corp-sa: {{pem: sa.pem, kind: signingAuthority}}}}
      openpgp: {{team: team.gpg}}
    keys: {{one: {{pem: one.pub}}}}
    identities:
      workflow: {{root: corp, issuer: "{ISSUER}", subjectRegex: 'https://github\\.com/corp/[a-z-]+/.*'}}
      person: {{root: corp, issuer: "{ISSUER}", subject: alice@corp.example}}
      revision:
        {{root: corp, issuerRegex: 'https://.*', subject: x, extensions: {{1.2.3: {{equalsLabel: rev}}, 1.2.4: b}}}}
    certificates:
      release: {{root: corp-ca, subjects: ["O=Corp, CN=release"]}}
      authority: {{root: corp-sa, subjects: ["*"]}}
    openpgp:
      packager: {{root: team, fingerprints: ["{"A" * 40}"]}}
      anyone: {{root: team}}
    contentTrust:
      own: {{roles: [targets/releases]}}
"""


def policy(signatures: str) -> Policy:
    """Return the policy that asks for these signatures."""
    return read(HEAD + "spec:" + TRUST + f"  verify: {{signatures: {signatures}}}\n")


def by(
    trust_root: str,
    subject: str = "",
    issuer: str = "",
    *,
    fingerprint: str = "f0",
    claims: tuple[tuple[str, str], ...] = (),
) -> VerifiedSignature:
    """Return a verified signature by this signer."""
    made = signature()
    signer = SignerIdentity(fingerprint, trust_root, subject, issuer, claims)
    return made._replace(signer=signer, claimed_name=f"{NAME}:1.0", evidence=digest_of(repr(signer).encode()))


def decided(signatures: str, *items: VerifiedSignature, about: Facts | None = None) -> str:
    """Return the verdict of the policy on these signatures."""
    return verdict(policy(signatures), about or facts(*items))[0]


WORKFLOW = by("sigstore:corp", SUBJECT, ISSUER)
PERSON = by("sigstore:corp", "alice@corp.example", ISSUER, fingerprint="f1")
CERTIFICATE = by("x509:ca/corp-ca", "C=US,O=Corp,CN=release", "CN=Root")


@pytest.mark.parametrize(
    ("signatures", "item"),
    [
        ("{identity: workflow}", WORKFLOW),
        ("{identity: person}", PERSON),
        ("{anyOf: [{key: one}, {identity: person}]}", PERSON),
        ("{x509: release}", CERTIFICATE),
        ("{x509: authority}", by("x509:signingAuthority/corp-sa", "CN=whoever", "CN=Root")),
        ("{gpg: packager}", by("openpgp:team", fingerprint="a" * 40)),
        ("{gpg: anyone}", by("openpgp:team", fingerprint="b" * 40)),
        ("{contentTrust: own}", by(f"tuf:{NAME}", "targets/releases")),
    ],
)
def test_the_signer_who_is_meant_suffices(signatures: str, item: VerifiedSignature) -> None:
    assert decided(signatures, item) == ALLOW


@pytest.mark.parametrize(
    ("signatures", "item"),
    [
        ("{identity: workflow}", by("sigstore:corp", "x" + SUBJECT, ISSUER)),
        ("{identity: workflow}", by("sigstore:corp", SUBJECT.replace("github.com", "githubxcom"), ISSUER)),
        ("{identity: workflow}", by("sigstore:corp", SUBJECT, ISSUER + ".evil")),
        ("{identity: workflow}", by("sigstore:other", SUBJECT, ISSUER)),
        ("{identity: workflow}", by("corp", SUBJECT, ISSUER)),
        ("{identity: person}", by("sigstore:corp", "alice@corp.example", "")),
        ("{identity: person}", by("sigstore:corp", "ALICE@corp.example", ISSUER)),
        ("{identity: person}", by("sigstore:corp", "alice@corp.example\n", ISSUER)),
        ("{identity: workflow}", by("sigstore:corp", SUBJECT + "\ud800", ISSUER)),
        ("{x509: release}", by("x509:ca/corp-ca", "O=Corp,CN=release2", "CN=Root")),
        ("{x509: release}", by("x509:ca/corp-ca", r"O=Corp\,CN=release", "CN=Root")),
        ("{x509: release}", by("x509:signingAuthority/corp-ca", "O=Corp,CN=release", "CN=Root")),
        ("{x509: authority}", by("x509:ca/corp-sa", "CN=whoever", "CN=Root")),
        ("{gpg: packager}", by("openpgp:team", fingerprint="b" * 40)),
        ("{gpg: anyone}", by("openpgp:others", fingerprint="b" * 40)),
        ("{contentTrust: own}", by("tuf:registry.corp.example/team/other", "targets/releases")),
        ("{contentTrust: own}", by(f"tuf:{NAME}", "targets")),
        ("{key: one}", by("sigstore:corp", SUBJECT, ISSUER, fingerprint=signature().signer.fingerprint)),
    ],
)
def test_nobody_else_does(signatures: str, item: VerifiedSignature) -> None:
    assert decided(signatures, item) == DENY


@pytest.mark.parametrize(
    ("claims", "labels", "expected"),
    [
        ((("1.2.3", "abc"), ("1.2.4", "b")), (("rev", "abc"),), ALLOW),
        ((("1.2.3", "abc"), ("1.2.4", "b")), (("rev", "abd"),), DENY),
        ((("1.2.3", "abc"), ("1.2.4", "b")), (), DENY),
        ((("1.2.3", ""), ("1.2.4", "b")), (("rev", ""),), DENY),
        ((("1.2.3", "abc"), ("1.2.3", "x"), ("1.2.4", "b")), (("rev", "abc"),), DENY),
        ((("1.2.3", "abc"),), (("rev", "abc"),), DENY),
    ],
)
def test_every_extension_must_hold(
    claims: tuple[tuple[str, str], ...], labels: tuple[tuple[str, str], ...], expected: str
) -> None:
    found = facts(by("sigstore:corp", "x", "https://i", claims=claims))
    about = found._replace(image=found.image._replace(labels=labels))
    assert decided("{identity: revision}", about=about) == expected


def test_one_person_with_two_short_lived_keys_counts_once() -> None:
    both = "{threshold: {count: 2, of: [person, workflow]}}"
    again = PERSON._replace(signer=PERSON.signer._replace(fingerprint="f9"), evidence=digest_of(b"again"))
    assert decided(both, PERSON, again) == DENY
    assert decided(both, PERSON, again, WORKFLOW) == ALLOW


def test_one_signer_under_two_names_counts_once() -> None:
    one = PolicyIdentity("a", "corp", subject="s", issuer="i")
    two = one._replace(name="b")
    found = count((Signers(2, (one, two)),), (by("sigstore:corp", "s", "i"),), facts())
    assert (found.satisfied, len(found.signed)) == (False, 1)


def test_a_further_signature_never_lowers_the_number() -> None:
    wide = "{threshold: {count: 2, of: [anyone, packager]}}"
    packager = by("openpgp:team", fingerprint="a" * 40)
    other = by("openpgp:team", fingerprint="b" * 40)
    # whoever comes first, `packager` keeps the only key that fits it
    assert [decided(wide, *items) for items in ((packager, other), (other, packager), (packager,))] == [
        ALLOW,
        ALLOW,
        DENY,
    ]


def test_without_a_log_entry_nothing_counts_where_one_is_required() -> None:
    text = HEAD + "spec:" + TRUST + "    transparency: {required: true}\n  verify: {signatures: {identity: person}}\n"
    assert verdict(read(text), facts(PERSON))[0] == DENY
    assert verdict(read(text), facts(PERSON._replace(log="rekor:1")))[0] == ALLOW


def test_an_item_about_another_image_does_not_count() -> None:
    assert decided("{identity: person}", PERSON._replace(subject=IMAGE._replace(hex="33" * 32))) == DENY


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        ("identities: {a: {subject: s}}", "exactly one of issuer, issuerRegex"),
        ("identities: {a: {issuer: i}}", "exactly one of subject, subjectRegex"),
        ("identities: {a: {issuer: i, issuerRegex: i, subject: s}}", "exactly one of issuer, issuerRegex"),
        ("identities: {a: {issuer: i, subject: s}}", "'sigstore' is not in spec.trust.roots.sigstore"),
        ("roots: {sigstore: r}, identities: {a: {issuer: i, subjectRegex: '('}}", "not a regular expression"),
        ("roots: {sigstore: r}, identities: {a: {issuer: i, subjectRegex: '(?=a)'}}", "not a regular expression"),
        ("roots: {sigstore: r}, identities: {a: {issuer: i, subject: s, extensions: {x: y}}}", "no object identifier"),
        ("certificates: {a: {root: r, subjects: ['*']}}", "'r' is not in spec.trust.roots.x509"),
        ("roots: {x509: {r: f}}, certificates: {a: {root: r}}", "'subjects' is missing"),
        ("roots: {x509: {r: f}}, certificates: {a: {root: r, subjects: [release]}}", "no distinguished name"),
        ("roots: {x509: {r: f}}, certificates: {a: {root: r, subjects: ['*', 'CN=a']}}", "no distinguished name"),
        ("roots: {x509: {r: {pem: f, kind: tsa}}}", "not one of ca, signingAuthority"),
        ("roots: {openpgp: {r: f}}, openpgp: {a: {root: r, fingerprints: [DEADBEEF]}}", "is no fingerprint"),
        ("roots: {contentTrust: {r.example/app: f}}", "not supported yet"),
        ("roots: {sigstore: r}, keys: {a: {pem: p}}, identities: {a: {issuer: i, subject: s}}", "already a name"),
        ("roots: {sigstore: {'a b': r}}", "is no name"),
        ("transparency: {}", "'required' is missing"),
    ],
)
def test_trust_that_means_nothing_is_refused(trust: str, reason: str) -> None:
    with pytest.raises(PolicySyntaxError) as caught:
        read(HEAD + f"spec:\n  trust: {{{trust}}}\n")
    assert reason in caught.value.message


def test_a_root_name_stands_for_one_file() -> None:
    text = "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: %s}\nspec: {trust: {roots: {sigstore: %s}}}\n"
    with pytest.raises(PolicySyntaxError, match="another file"):
        read(text % ("a", "one.json") + "---\n" + text % ("b", "two.json"))
    assert len(read(text % ("a", "one.json") + "---\n" + text % ("b", "one.json")).sections) == 2


def test_the_bytes_of_a_root_are_part_of_the_policy() -> None:
    text = HEAD + "spec: {trust: {roots: {tsa: %s}}}\n"
    one, two = (read(text % "'-----BEGIN CERTIFICATE-----%s'" % end) for end in ("a", "b"))
    assert one.digest != two.digest
