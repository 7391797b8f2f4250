"""`trustkit admit`: a question in, a verdict with its rule out, on record."""

import io
import json
import sys
from pathlib import Path

import pytest

from peers import images
from trustkit.audit.query import records
from trustkit.cli.main import run
from trustkit.errors import PolicySyntaxError, UsageError
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.signing.keys import SigningKey
from trustkit.signing.sign import Subjected, sign

KEY, STRANGER = provider().generate("ecdsa-p256"), provider().generate("ecdsa-p256")
POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: mine}
spec:
  trust: {keys: {one: {pem: one.pub}}}
  verify:
    signatures: {anyOf: [{key: one}]}
  require:
    runtime: {denyPrivileged: true}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRUSTKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRUSTKIT_TRUST_POLICY", str(tmp_path / "policy.yaml"))
    monkeypatch.delenv("TRUSTKIT_CONFIG", raising=False)
    (tmp_path / "one.pub").write_bytes(public_key_to_pem(KEY.public))
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def stored(folder: Path, *keys: SigningKey) -> str:
    layout = folder / f"layout-{len(keys)}-{len(list(folder.iterdir()))}"
    layout.mkdir()
    images.write_layout(images.build(files={"name": layout.name.encode()}), layout, "1.0")
    place = LayoutFolder(layout)
    subject = place.manifest("1.0").descriptor
    for key in keys:
        push(sign(Subjected(subject.digest, ImageRef.parse(f"oci:{layout}:1.0").name), key), subject, place)
    return f"oci:{layout}:1.0"


def asked(folder: Path, question: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    (folder / "question.json").write_text(json.dumps(question))
    status = run(["admit", "--request", str(folder / "question.json"), "--output", "json"])
    return status, json.loads(capsys.readouterr().out)


def log(folder: Path, kind: str) -> list[dict[str, object]]:
    return [dict(record.event.body) for record in records(folder / "home" / "audit") if record.event.kind == kind]


def test_a_signed_image_is_admitted_by_its_digest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["admit", stored(folder, KEY), "--output", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["rule"]) == ("allow", "mine/verify.signatures")
    assert answer["admitted"].endswith(f"@{answer['digest']}")


def test_an_unsigned_image_is_refused_with_the_rule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["admit", stored(folder), "--output", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["rule"]) == ("deny", "mine/verify.signatures")


def test_a_strangers_signature_does_not_count(folder: Path) -> None:
    assert run(["admit", stored(folder, STRANGER)]) == 1


def test_what_the_run_wants_is_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = stored(folder, KEY)
    status, answer = asked(folder, {"image": image, "request": {"privileged": True}}, capsys)
    assert (status, answer["rule"]) == (1, "mine/require.runtime.denyPrivileged")


def test_the_question_may_come_by_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    question = f"image: {stored(folder, KEY)}\nrequest: {{readOnly: true}}\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(question)))
    assert run(["admit", "--request", "-"]) == 0
    assert "admitted" in capsys.readouterr().out


def test_the_decision_is_on_record_with_who_really_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked(folder, {"image": stored(folder, KEY), "request": {"actor": "alice", "engine": "nomad"}}, capsys)
    (decision,) = log(folder, "decision")
    request = decision["request"]
    assert isinstance(request, dict)
    assert request["engine"] == "nomad"
    assert str(request["actor"]).endswith(" for alice")


def test_an_image_that_cannot_be_found_is_no_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = asked(folder, {"image": f"oci:{folder}/nowhere:1"}, capsys)
    assert (status, answer["verdict"]) == (3, "unknown")


def test_a_registry_nobody_serves_is_no_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = asked(folder, {"image": "127.0.0.1:1/app:1"}, capsys)
    assert (status, answer["verdict"]) == (3, "unknown")


def test_facts_are_judged_as_they_stand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"reference": "registry.example/app", "signatures": [{"key": "one"}]}
    status, answer = asked(folder, {"facts": facts}, capsys)
    assert (status, answer["rule"]) == (0, "mine/verify.signatures")


def test_facts_without_evidence_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = asked(folder, {"facts": {"reference": "registry.example/app"}}, capsys)
    assert (status, answer["rule"]) == (1, "mine/verify.signatures")


def test_facts_somebody_wrote_down_never_stand_as_a_decision_about_an_image(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(folder, {"facts": {"reference": "registry.example/app", "signatures": [{"key": "one"}]}}, capsys)
    assert log(folder, "decision") == []
    (record,) = [one for one in records(folder / "home" / "audit") if one.event.kind == "facts.judged"]
    assert record.event.subject is None


@pytest.mark.parametrize(
    "question",
    [
        {},
        [],
        "image",
        {"image": "a.example/b", "facts": {"reference": "a.example/b"}},
        {"image": ""},
        {"image": 5},
        {"image": "a.example/b", "request": {"privileged": "yes"}},
        {"image": "a.example/b", "request": {"priviledged": True}},
        {"image": "a.example/b", "kind": "Pod"},
        {"image": "a.example/b", "allow": True},
        {"facts": {"reference": "a.example/b"}, "platform": "linux/amd64"},
        {"facts": {"reference": "a.example/b", "signatures": [{"key": "unheard-of"}]}},
        {"facts": {"reference": "a.example/b\ud800"}},
    ],
    ids=str,
)
def test_a_question_that_is_none_is_refused(folder: Path, question: object) -> None:
    (folder / "question.json").write_text(json.dumps(question))
    with pytest.raises(PolicySyntaxError):
        run(["admit", "--request", str(folder / "question.json")])


def test_duplicate_members_are_refused(folder: Path) -> None:
    (folder / "question.json").write_text('{"image": "a.example/b", "image": "c.example/d"}')
    with pytest.raises(PolicySyntaxError, match="twice"):
        run(["admit", "--request", str(folder / "question.json")])


def test_a_question_without_end_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/zero").open("rb") as endless:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(endless))
        with pytest.raises(PolicySyntaxError, match="larger"):
            run(["admit", "--request", "-"])


@pytest.mark.parametrize("words", [[], ["a.example/b", "--request", "-"]])
def test_exactly_one_question_is_asked(folder: Path, words: list[str]) -> None:
    with pytest.raises(UsageError):
        run(["admit", *words])


def test_a_question_file_that_is_not_there_is_a_usage_error(folder: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        run(["admit", "--request", str(folder / "nowhere")])


def test_without_a_policy_nothing_is_admitted(folder: Path) -> None:
    image = stored(folder, KEY)
    (folder / "policy.yaml").unlink()
    with pytest.raises(PolicySyntaxError):
        run(["admit", image])


def test_a_log_that_cannot_be_written_admits_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = stored(folder, KEY)
    (folder / "home").mkdir()
    (folder / "home" / "audit").write_text("in the way")
    assert run(["admit", image]) == 4
    assert "admitted" not in capsys.readouterr().out
