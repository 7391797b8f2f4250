"""`trustkit policy test|lint|diff|what-if|check`, from the command line down."""

import json
from pathlib import Path

import pytest

from peers import images
from trustkit.cli.main import run
from trustkit.errors import AuditError, PolicySyntaxError, TrustkitError, UsageError
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.signing.keys import SigningKey
from trustkit.signing.sign import Subjected, sign

KEY, OTHER = provider().generate("ecdsa-p256"), provider().generate("ecdsa-p256")
POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: mine}
spec:
  trust: {keys: {one: {pem: one.pub}, two: {pem: two.pub}}}
  verify:
    signatures: {anyOf: [{key: one}, {key: two}]}
"""
TESTS = """
apiVersion: trustkit.dev/v1
kind: PolicyTest
policy: policy.yaml
cases:
  - name: signed by one
    facts: {reference: registry.example/app, signatures: [{key: one}]}
    expect: {verdict: allow, rule: mine/verify.signatures}
  - name: unsigned
    facts: {reference: registry.example/app}
    expect: {verdict: deny, rule: mine/verify.signatures, message: no valid signature}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRUSTKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRUSTKIT_TRUST_POLICY", str(tmp_path / "policy.yaml"))
    monkeypatch.delenv("TRUSTKIT_CONFIG", raising=False)
    (tmp_path / "one.pub").write_bytes(public_key_to_pem(KEY.public))
    (tmp_path / "two.pub").write_bytes(public_key_to_pem(OTHER.public))
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


# --- test -----------------------------------------------------------------------------------------


def test_cases_as_expected_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cases.yaml").write_text(TESTS)
    assert run(["policy", "test", str(folder)]) == 0
    assert "2 of 2 case(s) as expected" in capsys.readouterr().out


def test_policies_are_tested_without_their_keys(folder: Path) -> None:
    (folder / "cases.yaml").write_text(TESTS)
    (folder / "one.pub").unlink()
    assert run(["policy", "test", str(folder)]) == 0


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("verdict: allow", "verdict: deny", "expected deny, found allow"),
        ("rule: mine/verify.signatures}", "rule: mine/match}", "found it by mine/verify.signatures"),
        ("message: no valid signature", "message: no such words", "expected a message"),
        ("signatures: [{key: one}]", "signatures: [{fingerprint: ff}]", "expected allow, found deny"),
    ],
)
def test_a_case_that_goes_otherwise_fails_with_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, problem: str
) -> None:
    (folder / "cases.yaml").write_text(TESTS.replace(before, after, 1))
    assert run(["policy", "test", str(folder)]) == 1
    out = capsys.readouterr().out
    assert problem in out
    assert "1 of 2" in out
    assert f"{folder}/cases.yaml:" in out


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("key: one}", "key: nobody}", "unknown key 'nobody'"),
        ("reference: registry.example/app,", "reference: 'A!',", "cases[0].facts.reference"),
        ("verdict: allow", "verdict: maybe", "is not one of allow, deny"),
        ("signatures:", "signature:", "unknown field (did you mean signatures?)"),
        ("policy: policy.yaml", "policy: absent.yaml", "No such file"),
        ("cases:", "cases: []\nmore:", "unknown field"),
        ("signatures: [{key: one}]", "attestations: [{key: one, type: 'https://slsa.dev/provenance/v1'}]", "builder"),
    ],
)
def test_a_case_that_cannot_be_read_is_an_error(folder: Path, before: str, after: str, reason: str) -> None:
    (folder / "cases.yaml").write_text(TESTS.replace(before, after, 1))
    with pytest.raises(PolicySyntaxError) as caught:
        run(["policy", "test", str(folder)])
    assert reason in caught.value.message


def test_a_folder_without_cases_is_no_success(folder: Path) -> None:
    with pytest.raises(UsageError, match="holds no file of kind PolicyTest"):
        run(["policy", "test", str(folder)])


def test_facts_of_every_kind_can_be_written(folder: Path) -> None:
    (folder / "policy.yaml").write_text(
        POLICY.replace("anyOf: [{key: one}, {key: two}]", "identity: ci").replace(
            "two: {pem: two.pub}}", "two: {pem: two.pub}}, roots: {sigstore: root.json}, identities: "
            "{ci: {issuer: 'https://i.example', subject: ci@corp.example}}"
        )
        + "    attestations: {scan: {type: 'https://cosign.sigstore.dev/attestation/vuln/v1', by: {key: one}}}\n"
        "  require: {vulnerabilities: {maxScanAge: 24h, deny: [{severity: LOW}]}, crypto: {validated: true},\n"
        "    image: {maxAge: 2d, labels: {a: b}}, runtime: {denyHostPath: true}}\n"
    )  # fmt: skip
    report = {"SchemaVersion": 2, "ArtifactName": "a", "Results": []}
    predicate = {
        "scanner": {"uri": "trivy", "result": report},
        "metadata": {"scanFinishedOn": "2026-11-24T00:00:00Z"},
    }
    facts = {
        "reference": "registry.example/app",
        "now": "2026-11-24T01:00:00Z",
        "created": "2026-11-23T00:00:00Z",
        "labels": {"a": "b"},
        "crypto": {"provider": "x", "validated": True},
        "signatures": [{"trustRoot": "sigstore:sigstore", "issuer": "https://i.example", "subject": "ci@corp.example"}],
        "attestations": [
            {"key": "one", "type": "https://cosign.sigstore.dev/attestation/vuln/v1", "predicate": predicate}
        ],
    }
    case = {"name": "all", "facts": facts, "request": {"user": "1"}, "expect": {"verdict": "allow"}}
    reached = {**case, "request": {"hostMounts": ["/etc"]}, "expect": {"verdict": "deny"}}
    document = {
        "apiVersion": "trustkit.dev/v1",
        "kind": "PolicyTest",
        "policy": "policy.yaml",
        "cases": [case, reached],
    }
    text = (
        json.dumps(document)
        .replace(chr(34) + "kind" + chr(34), "kind")
        .replace(chr(34) + "PolicyTest" + chr(34), "PolicyTest")
    )
    (folder / "cases.yaml").write_text(text)
    assert run(["policy", "test", str(folder)]) == 0


# --- lint -----------------------------------------------------------------------------------------


def linted(folder: Path, text: str, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, list[str]]:
    (folder / "policy.yaml").write_text(text)
    status = run(["policy", "lint", str(folder / "policy.yaml"), "--output", "json", *flags])
    return status, [finding["code"] for finding in json.loads(capsys.readouterr().out)["findings"]]


IDENTITY = POLICY.replace("anyOf: [{key: one}, {key: two}]", "identity: ci").replace(
    "keys: {one: {pem: one.pub}, two: {pem: two.pub}}", "roots: {sigstore: r}, identities: {ci: {IDENTITY}}"
)
EXEMPT = POLICY + (
    "  exceptions: {exemptions: [{id: e, images: ['a.example/x'], skip: [verify.signatures], reason: r, "
    "approvedBy: [me], expires: 'AT'}]}\n"
)
RULE = POLICY + '  require: {expressions: [{id: e, rule: "TEXT", denial: true}]}\n'


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        (RULE.replace("TEXT", "image.history.all(h, h != 'x')"), "empty-all", 1),
        (RULE.replace("TEXT", "image.history.size() > 0 || image.history.all(h, h != 'x')"), "empty-all", 1),
        (RULE.replace("TEXT", "image.name.matches('corp')"), "open-pattern", 0),
        (RULE.replace("TEXT", "image.name.matches('^corp')"), "open-pattern", 0),
        (POLICY + "  match: {images: ['registry*/**']}\n", "open-host", 0),
        (POLICY + "  match: {images: ['registry.example/app*']}\n", "open-end", 0),
        (POLICY + "  match: {images: ['a.example/**']}\n  require: {image: {registries: [b.example]}}\n",
         "never-allows", 1),
        (POLICY.replace("one.pub}, two: {pem: two.pub}", "one.pub, notAfter: 2020-01-01T00:00:00Z}").replace(
            ", {key: two}", ""), "never-allows", 1),
        (EXEMPT.replace("AT", "2020-01-01T00:00:00Z"), "dead-exemption", 0),
        (EXEMPT.replace("AT", "2099-01-01T00:00:00Z"), "dead-exemption", 0),
        (EXEMPT.replace("AT", "2099-01-01T00:00:00Z"), "open-exemption", 0),
        (POLICY + "  enforcement: {onNoMatch: allow}\n", "open-default", 0),
        (POLICY + "  enforcement: {rollout: {warnUntil: '2020-01-01T00:00:00Z'}}\n", "ended-rollout", 0),
        (IDENTITY.replace("IDENTITY", "issuerRegex: '.*', subject: a"), "anybody", 1),
        (IDENTITY.replace("IDENTITY", "issuer: i, subjectRegex: 'https://github.com/x'"), "open-dot", 0),
        (POLICY.replace(", {key: two}", ""), "unused-key", 0),
        (POLICY.partition("  verify")[0] + "  require: {runtime: {denyPrivileged: true}}\n", "demands-nothing", 0),
        (POLICY + "  enforcement: {onError: warn, acknowledgeFailOpen: ops}\n", "fail-open", 0),
        (POLICY + "  match: {engines: [docker], namespaces: [prod]}\n", "never-matches", 1),
        (POLICY + "  match: {engines: [docker], namespaceSelector: {env: prod}}\n", "never-matches", 1),
        (POLICY + "  match: {engines: [podman], slots: [containers]}\n", "no-effect", 0),
        (POLICY + "  match: {kinds: [Pods]}\n", "unknown-kind", 0),
        (POLICY + "  match: {images: ['a.example/x', 'a.example/**']}\n", "shadowed-pattern", 0),
        (POLICY + "  match: {images: ['a.example/team/*', 'a.example/**']}\n", "shadowed-pattern", 0),
        (POLICY + "  match: {when: 'request.engine != request.engine'}\n", "never-matches", 1),
        (POLICY + "  match: {when: 'true'}\n", "always-true", 0),
        (RULE.replace("TEXT", "image.pinned || true"), "always-true", 0),
        (RULE.replace("TEXT", "image.pinned && 1 == 2"), "always-false", 0),
        (RULE.replace("TEXT", "image.user == image.user"), "always-true", 0),
        (POLICY + "  require: {image: {platforms: [linux/amd46]}}\n", "never-allows", 1),
        (POLICY + "  require: {image: {platforms: [linux/amd64, linus/amd64]}}\n", "unknown-platform", 0),
        (POLICY + "  match: {engines: [containerd]}\n  require: {runtime: {denyPrivileged: true}}\n",
         "asked-at-pulls", 0),
        (POLICY + "  match: {engines: [trustkit]}\n  require: {runtime: {profile: restricted}}\n", "never-allows", 1),
        (EXEMPT.replace("AT", "2026-12-30T00:00:00Z") + "  match: {images: ['b.example/**']}\n", "dead-exemption", 0),
    ],
)  # fmt: skip
def test_lint_finds(folder: Path, capsys: pytest.CaptureFixture[str], text: str, code: str, status: int) -> None:
    found, codes = linted(folder, text, capsys)
    assert code in codes
    assert found == status
    assert linted(folder, text, capsys, "--strict")[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        POLICY,
        RULE.replace("TEXT", "image.history.size() > 0 && image.history.all(h, h != 'x')"),
        RULE.replace("TEXT", "image.name.matches('^corp$')"),
        POLICY + "  match: {images: ['registry.example/**', 'oci:/srv/**']}\n",
        IDENTITY.replace("IDENTITY", "issuer: i, subjectRegex: 'https://github[.]com/corp/.*'"),
    ],
)
def test_lint_is_silent_about_what_is_meant(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert linted(folder, text, capsys, "--strict") == (0, [])


# --- diff and check -------------------------------------------------------------------------------


def test_diff_lists_what_was_added_removed_and_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = POLICY.replace(", {key: two}", "") + "  enforcement: {mode: warn}\n"
    (folder / "new.yaml").write_text(changed.replace("pem: two.pub", "pem: one.pub"))
    assert run(["policy", "diff", str(folder / "policy.yaml"), str(folder / "new.yaml")]) == 1
    out = capsys.readouterr().out
    assert "+ mine: spec.enforcement.mode: warn" in out
    assert "- mine: spec.verify.signatures.anyOf[1].key: two" in out
    assert "~ mine: spec.trust.keys.two.pem: two.pub -> one.pub" in out


def test_diff_sees_another_key_in_the_same_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b").mkdir()
    (folder / "b" / "policy.yaml").write_text("# a comment\n" + POLICY)
    (folder / "b" / "one.pub").write_bytes((folder / "two.pub").read_bytes())
    (folder / "b" / "two.pub").write_bytes((folder / "two.pub").read_bytes())
    assert run(["policy", "diff", str(folder / "policy.yaml"), str(folder / "b")]) == 1
    assert "~ mine: spec.trust.keys.one (the file)" in capsys.readouterr().out


def test_diff_of_the_same_policy_is_empty(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "new.yaml").write_text("# another comment\n" + POLICY)
    assert run(["policy", "diff", str(folder / "policy.yaml"), str(folder / "new.yaml")]) == 0
    assert "decide the same" in capsys.readouterr().out


def test_check_resolve_opens_keys_and_roots(folder: Path) -> None:
    text = IDENTITY.replace("IDENTITY", "issuer: i, subject: s").replace("sigstore: r", "sigstore: root.json")
    (folder / "policy.yaml").write_text(text)
    (folder / "root.json").write_text("{}")
    assert run(["policy", "check", str(folder / "policy.yaml")]) == 0
    with pytest.raises(TrustkitError, match="no usable sigstore root"):
        run(["policy", "check", "--resolve", str(folder / "policy.yaml")])


def test_check_resolve_refuses_a_file_that_is_no_key(folder: Path) -> None:
    (folder / "one.pub").write_text("no key")
    assert run(["policy", "check", str(folder / "policy.yaml")]) == 0
    with pytest.raises(PolicySyntaxError, match="not a usable public key"):
        run(["policy", "check", "--resolve", str(folder / "policy.yaml")])


# --- what-if --------------------------------------------------------------------------------------


def signed(folder: Path, name: str, *keys: SigningKey) -> str:
    layout = folder / name
    layout.mkdir()
    images.write_layout(images.build(config={"User": "10001", "Labels": {"team": name}}), layout, "1.0")
    place = LayoutFolder(layout)
    subject = place.manifest("1.0").descriptor
    for key in keys:
        push(sign(Subjected(subject.digest, ImageRef.parse(f"oci:{layout}:1.0").name), key), subject, place)
    return f"oci:{layout}:1.0"


def decide(folder: Path, reference: str) -> int:
    return run(["admit", "--policy", str(folder / "policy.yaml"), reference])


def what_if(
    folder: Path, draft: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, list[dict[str, str]]]]:
    (folder / "draft.yaml").write_text(draft)
    capsys.readouterr()
    status = run(["policy", "what-if", str(folder / "draft.yaml"), "--output", "json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.fixture
def decided(folder: Path) -> Path:
    """One image by each key, one by both, one by nobody, each decided once by POLICY."""
    for name, keys in (("one", [KEY]), ("two", [OTHER]), ("both", [KEY, OTHER]), ("nobody", [])):
        assert decide(folder, signed(folder, name, *keys)) == (0 if keys else 1)
    return folder


def test_the_policy_in_force_flips_nothing(decided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = what_if(decided, POLICY, capsys)
    assert (status, found["decisions"], found["flips"], found["unknown"]) == (0, 4, [], [])


def test_a_draft_that_asks_for_both_keys_flips_what_one_signed(
    decided: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = POLICY.replace("anyOf: [{key: one}, {key: two}]", "threshold: {count: 2, of: [one, two]}")
    status, found = what_if(decided, draft, capsys)
    assert status == 1
    assert [(one["before"], one["after"], one["after_rule"]) for one in found["flips"]] == [
        ("allow", "deny", "mine/verify.signatures")
    ] * 2
    assert all("only" in one["reason"] for one in found["flips"])


def test_a_draft_that_lets_everything_run_flips_the_denied(decided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = what_if(decided, POLICY + "  enforcement: {mode: audit}\n", capsys)
    assert status == 1
    assert [(one["before"], one["after"]) for one in found["flips"]] == [("deny", "allow")]


def test_labels_and_request_are_replayed(decided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = what_if(decided, POLICY + "  require: {image: {labels: {team: both}}}\n", capsys)
    assert sorted(one["image"].rpartition("/")[2] for one in found["flips"]) == ["one:1.0", "two:1.0"]


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (
            POLICY + "    attestations: {p: {type: t, by: {key: one}}}\n",
            "whether there were attestations was not recorded",
        ),
        (POLICY.replace("one.pub", "three.pub").replace(", {key: two}", ""), ""),
    ],
)
def test_what_the_record_does_not_hold_is_unknown_and_never_guessed(
    decided: Path, capsys: pytest.CaptureFixture[str], draft: str, reason: str
) -> None:
    (decided / "three.pub").write_bytes(public_key_to_pem(provider().generate("ecdsa-p256").public))
    _, found = what_if(decided, draft, capsys)
    assert all(reason in one["reason"] for one in found["unknown"])
    assert bool(found["unknown"]) == bool(reason)


def test_a_signature_nobody_trusted_then_leaves_the_answer_open(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only_one = POLICY.replace(", two: {pem: two.pub}", "").replace(", {key: two}", "")
    (folder / "policy.yaml").write_text(only_one)
    assert decide(folder, signed(folder, "two", OTHER)) == 1
    _, found = what_if(folder, POLICY, capsys)
    assert [one["after"] for one in found["unknown"]] == ["unknown"]
    assert "nobody trusted then" in found["unknown"][0]["reason"]


@pytest.mark.parametrize(
    "words",
    [
        ["verify"],
        ["verify", "--key", "one.pub"],
        ["verify", "--policy", "other.yaml"],
        ["policy", "explain"],
        ["policy", "explain", "--privileged"],
        ["policy", "explain", "--policy", "other.yaml"],
        ["admit", "--policy", "other.yaml"],
    ],
)
def test_a_look_or_another_policys_verdict_is_no_decision_to_replay(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (folder / "other.yaml").write_text(POLICY.replace("name: mine", "name: other"))
    given = [str(folder / word) if "." in word else word for word in words]
    assert run([*given, signed(folder, "one", KEY)]) == 0
    draft = POLICY.replace("anyOf: [{key: one}, {key: two}]", "key: two")
    status, found = what_if(folder, draft, capsys)
    assert (status, found["decisions"], found["flips"], found["trials"]) == (0, 0, [], 1)


def test_what_is_left_out_of_a_replay_is_counted(decided: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["policy", "explain", f"oci:{decided / 'one'}:1.0"])
    capsys.readouterr()
    assert run(["policy", "what-if", str(decided / "policy.yaml")]) == 0
    assert (
        "4 the same, 0 flip, 0 unknown; 1 of `verify`, `explain` or another policy left out" in capsys.readouterr().out
    )


@pytest.mark.parametrize("days", ["0", "-1", "99999"])
def test_days_out_of_range_are_refused(folder: Path, days: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["policy", "what-if", "--days", days, str(folder / "policy.yaml")])
    assert ended.value.code == 2


def test_without_a_log_there_is_nothing_to_replay(folder: Path) -> None:
    with pytest.raises(AuditError):
        run(["policy", "what-if", str(folder / "policy.yaml")])


# --- import and export ----------------------------------------------------------------------------

POLICY_JSON = {"default": [{"type": "reject"}], "transports": {"docker": {"r.example": [
    {"type": "signedBy", "keyType": "GPGKeys", "keyData": "cmluZw=="}]}}}  # fmt: skip


def test_import_writes_the_policy_and_the_files_it_needs(folder: Path) -> None:
    (folder / "policy.json").write_text(json.dumps(POLICY_JSON))
    with pytest.raises(UsageError, match="need files"):
        run(["policy", "import", str(folder / "policy.json")])
    assert run(["policy", "import", str(folder / "policy.json"), "-o", str(folder / "out.yaml")]) == 0
    assert run(["policy", "check", str(folder / "out.yaml")]) == 0
    assert [file.read_bytes() for file in folder.glob("*.gpg")] == [b"ring"]


def test_what_was_not_translated_is_listed_and_strict_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "policy.json").write_text('{"default": [{"type": "signedBaseLayer"}]}')
    assert run(["policy", "import", str(folder / "policy.json")]) == 0
    captured = capsys.readouterr()
    assert "# NOT TRANSLATED, so it denies: default: requirement signedBaseLayer" in captured.out
    assert "not translated, so it denies" in captured.err
    with pytest.raises(TrustkitError, match="cannot be said exactly"):
        run(["policy", "import", "--strict", str(folder / "policy.json"), "-o", str(folder / "out.yaml")])
    assert not (folder / "out.yaml").exists()


@pytest.mark.parametrize("content", ["", "{", "a: b", "[]", '{"default": 1}'])
def test_a_file_of_no_known_tool_is_refused(folder: Path, content: str) -> None:
    (folder / "x").write_text(content)
    with pytest.raises(TrustkitError):
        run(["policy", "import", str(folder / "x")])


@pytest.mark.parametrize("target", ["policy.json", "validating-admission-policy"])
def test_export_prints_json_and_lists_what_is_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    (folder / "policy.yaml").write_text(POLICY + "  require: {runtime: {denyPrivileged: true}}\n")
    assert run(["policy", "export", "--to", target, str(folder / "policy.yaml")]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)
    assert "left out: mine/" in captured.err
    with pytest.raises(TrustkitError, match="would not be enforced there"):
        run(["policy", "export", "--strict", "--to", target, str(folder / "policy.yaml")])
