import pytest

from policy_facts import HEAD, KEYS, read, spec
from trustkit import limits
from trustkit.errors import PolicySyntaxError
from trustkit.fips.hashing import digest_of
from trustkit.policy.document import trusted_keys
from trustkit.policy.parse import combine, parse

SIGNED = "  verify: {signatures: {key: one}}\n"


def refusal(text: str) -> PolicySyntaxError:
    with pytest.raises(PolicySyntaxError) as caught:
        read(text)
    assert caught.value.exit_status == 2
    assert caught.value.next_step
    assert "\n" not in caught.value.message
    return caught.value


def spec_refusal(body: str, *, keys: bool = True) -> PolicySyntaxError:
    return refusal(HEAD + "spec:" + (KEYS if keys else "\n") + body)


def test_an_unknown_field_is_refused_with_file_line_path_and_suggestion() -> None:
    error = refusal(HEAD + "spec:\n  verify:\n    signature: {key: one}\n")
    assert error.message == "policies/x.yaml:6: spec.verify.signature: unknown field (did you mean signatures?)"
    assert error.details == {"file": "policies/x.yaml", "line": "6", "path": "spec.verify.signature"}


def test_a_missing_field_is_named() -> None:
    assert "the field 'metadata' is missing" in refusal("apiVersion: trustkit.dev/v1\nkind: Policy\nspec: {}\n").message


def test_a_field_given_twice_is_refused_with_both_lines() -> None:
    error = spec_refusal("  verify:\n    signatures: {key: one}\n    signatures: {key: two}\n")
    assert error.details["path"] == "spec.verify.signatures"
    assert "given twice (first on line" in error.message


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ("  verify: yes\n", "spec.verify", "must be a mapping, not text"),
        ("  verify: [a]\n", "spec.verify", "must be a mapping, not a list"),
        ("  verify:\n", "spec.verify", "must be a mapping, not nothing"),
        ("  match: {images: a.example/b}\n", "spec.match.images", "must be a list, not text"),
        ("  match: {images: []}\n", "spec.match.images", "the list is empty"),
        ("  match: {images: [1]}\n", "spec.match.images[0]", "must be text, not an integer"),
        ("  match: {images: [true]}\n", "spec.match.images[0]", "put it in quotes"),
        ("  match: {images: ['']}\n", "spec.match.images[0]", "empty"),
        ("  match: {images: [busybox]}\n", "spec.match.images[0]", "did you mean docker.io/library/busybox?"),
        ("  match: {images: [team/app]}\n", "spec.match.images[0]", "did you mean docker.io/team/app?"),
        ("  match: {images: ['a.example/b:1']}\n", "spec.match.images[0]", "tag or digest"),
        ("  match: {images: ['a.example/b@sha256:00']}\n", "spec.match.images[0]", "tag or digest"),
        ("  match: {images: ['a.example/B']}\n", "spec.match.images[0]", "no image name has"),
        ("  match: {engines: [dokcer]}\n", "spec.match.engines[0]", "did you mean docker?"),
        ("  enforcement: {mode: enforced}\n", "spec.enforcement.mode", "did you mean enforce?"),
        ("  enforcement: {mode: yes}\n", "spec.enforcement.mode", "is not one of enforce, warn, audit"),
        ("  enforcement: {onNoMatch: maybe}\n", "spec.enforcement.onNoMatch", "is not one of"),
        ("  enforcement: {digest: true}\n", "spec.enforcement.digest", "must be a mapping"),
        ("  enforcement: {digest: {require: 1}}\n", "spec.enforcement.digest.require", "must be true or false"),
        ("  require: {runtime: {denyPrivileged: 'true'}}\n", "spec.require.runtime.denyPrivileged", "not text"),
        ("  require: {runtime: {denyPrivileged: yes}}\n", "spec.require.runtime.denyPrivileged", "not text"),
        (
            "  require: {runtime: {capabilities: {add: ['a b']}}}\n",
            "spec.require.runtime.capabilities.add[0]",
            "no cap",
        ),
        ("  require: {image: {platforms: [linux]}}\n", "spec.require.image.platforms[0]", "no platform"),
        ("  require: {image: {registries: ['A!']}}\n", "spec.require.image.registries[0]", "not a registry host"),
        ("  verify: {signatures: {}}\n", "spec.verify.signatures", "give exactly one of"),
        ("  verify: {signatures: {key: one, anyOf: [{key: two}]}}\n", "spec.verify.signatures", "exactly one"),
        ("  verify: {signatures: {anyOf: []}}\n", "spec.verify.signatures.anyOf", "the list is empty"),
        ("  verify: {signatures: {anyOf: [{}]}}\n", "spec.verify.signatures.anyOf[0]", "give exactly one of"),
        ("  verify: {signatures: {key: nobody}}\n", "spec.verify.signatures.key", "unknown key 'nobody'"),
        ("  verify: {signatures: {key: one, annotations: {}}}\n", "spec.verify.signatures.annotations", "empty"),
        ("  verify: {attestations: {p: {type: t}}}\n", "spec.verify.attestations.p", "'by' is missing"),
        ("  verify: {attestations: {p: {by: {key: one}}}}\n", "spec.verify.attestations.p", "'type' is missing"),
        ("  verify: {attestations: {'p p': {}}}\n", "spec.verify.attestations.p p", "no name"),
    ],
)
def test_a_wrong_value_is_refused_at_its_path(body: str, path: str, reason: str) -> None:
    error = spec_refusal(body)
    assert error.details["path"] == path
    assert reason in error.message


@pytest.mark.parametrize(
    ("threshold", "reason"),
    [
        ("{count: 0, of: [one, two]}", "between 1 and 64"),
        ("{count: -1, of: [one, two]}", "between 1 and 64"),
        ("{count: 3, of: [one, two]}", "can never be reached"),
        ("{count: 2, of: [one, twin]}", "lists 1 distinct signers"),
        ("{count: 1, of: []}", "the list is empty"),
        ("{count: 2, of: [one, one]}", "listed twice"),
        ("{count: 1.0, of: [one]}", "must be an integer, not a number"),
        ("{count: '1', of: [one]}", "must be an integer, not text"),
        ("{of: [one]}", "'count' is missing"),
        ("{count: 1, of: [one, nobody]}", "unknown key or identity 'nobody'"),
        ("{count: 1, of: [one], distinct: name}", "is not one of key"),
    ],
)
def test_a_threshold_that_means_nothing_is_refused(threshold: str, reason: str) -> None:
    assert reason in spec_refusal(f"  verify: {{signatures: {{threshold: {threshold}}}}}\n").message


@pytest.mark.parametrize(
    "body",
    [
        "  verify: {attestations: {a: {type: t, by: {key: one}, all: false}}}\n",
    ],
)
def test_what_is_not_enforced_yet_is_refused_and_never_ignored(body: str) -> None:
    assert "not supported yet" in spec_refusal(body).message


@pytest.mark.parametrize(
    "trust",
    [
        "transparency: {required: true, offline: false}",
    ],
)
def test_trust_that_is_not_enforced_yet_is_refused(trust: str) -> None:
    assert "not supported yet" in spec_refusal(f"  trust: {{{trust}}}\n", keys=False).message


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("{}", "give exactly one of pem, kms"),
        ("{pem: 1}", "must be text"),
        ("{pem: a, algorithms: []}", "the list is empty"),
        ("{pem: a, algorithms: [md5]}", "is not one of"),
        ("{pem: a, algorithms: [ecdsa-p256-sha255]}", "did you mean ecdsa-p256-sha256?"),
        ("{pem: a, notAfter: soon}", "is not a time"),
        ("{pem: a, notAfter: 2027-01-01}", "has no time zone"),
        ("{pem: a, notAfter: 0001-01-01T00:00:00+14:00}", "out of range"),
        ("{pem: a, notBefore: 2027-01-02T00:00:00Z, notAfter: 2027-01-01T00:00:00Z}", "later than notAfter"),
        ("{pem: a, algorithm: [ed25519]}", "did you mean algorithms?"),
        ('{pem: "a\\nb"}', "neither a path nor a PEM block"),
    ],
)
def test_a_wrong_key_is_refused(key: str, reason: str) -> None:
    assert reason in spec_refusal(f"  trust: {{keys: {{k: {key}}}}}\n", keys=False).message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no policy document"),
        ("---\n---\n", "holds no policy document"),
        ("a: [", "not YAML"),
        ("a: b: c", "not YAML"),
        ("a:\n\t- b", "not YAML"),
        ("a: \x07", "not YAML"),
        ("a: &x 1\n", "anchors and aliases are not allowed"),
        ("a: *x\n", "anchors and aliases are not allowed"),
        ("a: !!python/object/apply:os.system [id]\n", "tags are not allowed"),
        ("!!map {a: b}\n", "tags are not allowed"),
        ("{[a]: b}\n", "a key must be text"),
        ("? \n: b\n", "a key must be text, not nothing"),
        ("just text\n", "must be a mapping, not text"),
        ("<<: {a: b}\n", "unknown field"),
    ],
)
def test_text_that_is_no_policy_is_refused(text: str, reason: str) -> None:
    assert reason in refusal(text).message


def test_an_alias_bomb_is_refused_before_it_expands() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x]\n"
    bomb += "".join(
        f"{two}: &{two} [{', '.join(['*' + one] * 8)}]\n" for one, two in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "anchors and aliases" in refusal(bomb).message


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{a: " * 5000, "- " * 5000])
def test_deep_nesting_is_refused(text: str) -> None:
    assert "nested deeper than 32 levels" in refusal(text).message


def test_a_policy_over_the_size_limit_is_refused() -> None:
    assert "larger than" in refusal(HEAD + "#" * limits.POLICY_BYTES).message


def test_text_that_is_not_utf8_is_refused_with_its_line() -> None:
    with pytest.raises(PolicySyntaxError, match=r"x\.yaml:2: not UTF-8"):
        parse(b"a: b\n\xff", file="x.yaml", load_key=str.encode, digest=digest_of, fingerprint=bytes.hex)


@pytest.mark.parametrize(
    "head", ["apiVersion: trustkit.dev/v2\nkind: Policy", "apiVersion: trustkit.dev/v1\nkind: Pol"]
)
def test_another_version_or_kind_is_refused(head: str) -> None:
    assert "is not one of" in refusal(f"{head}\nmetadata: {{name: a}}\nspec: {{}}\n").message


@pytest.mark.parametrize("name", ["Upper", "a b", "x" * 64, "a/b"])
def test_a_name_that_would_not_fit_a_rule_id_is_refused(name: str) -> None:
    assert "is no name" in refusal(HEAD.replace("name: test", f"name: {name}") + "spec: {}\n").message


def test_two_documents_of_one_name_are_refused() -> None:
    one = HEAD + "spec:" + KEYS + SIGNED
    assert "is used by" in refusal(one + "---\n" + one).message


def test_several_documents_make_one_policy() -> None:
    one = HEAD + "spec:" + KEYS + SIGNED
    policy = read(one + "---\n" + one.replace("name: test", "name: other"))
    assert [section.name for section in policy.sections] == ["other", "test"]


def test_the_digest_does_not_depend_on_order_comments_or_style() -> None:
    one = read(HEAD + "spec:" + KEYS + "  verify:\n    signatures:\n      key: one\n# comment\n")
    assert one.digest == spec(SIGNED).digest
    other = read((HEAD + "spec:" + KEYS + SIGNED).replace("name: test", "name: other"))
    assert combine(one.sections + other.sections, digest_of) == combine(other.sections + one.sections, digest_of)


def test_the_digest_changes_with_the_bytes_of_a_key() -> None:
    text = (HEAD + "spec:" + KEYS + SIGNED).encode()
    one, other = (
        parse(text, file="x", load_key=load, digest=digest_of, fingerprint=lambda pem: digest_of(pem).hex)
        for load in (str.encode, lambda path: path.encode() + b"!")
    )
    assert one.digest != other.digest


def test_trusted_keys_lists_each_key_once_with_its_widest_bounds() -> None:
    policy = spec(
        "  trust:\n    keys:\n"
        "      a: {pem: a.pub, algorithms: [ed25519], notAfter: 2027-01-01T00:00:00Z}\n"
        "      b: {pem: same-a.pub, algorithms: [ecdsa-p256-sha256]}\n",
        keys=False,
    )
    (key,) = trusted_keys(policy)
    assert (key.name, key.algorithms, key.not_after) == ("a", ("ecdsa-p256-sha256", "ed25519"), None)


def test_one_name_for_two_keys_in_two_documents_stays_two_keys() -> None:
    one = HEAD + "spec: {trust: {keys: {k: {pem: a.pub}}}}\n"
    two = one.replace("a.pub", "b.pub").replace("name: test", "name: other")
    assert {key.name for key in trusted_keys(read(one + "---\n" + two))} == {"test/k", "other/k"}
