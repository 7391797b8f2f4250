"""Base64, PEM, DSSE, in-toto statements, notes: what is refused, and what comes back."""

import json

import pytest

from trustkit import limits
from trustkit.codec import base64, dsse, intoto, note, pem
from trustkit.errors import LimitExceededError, MalformedError


@pytest.mark.parametrize("text", ["A", "AQ", "AQ=", "AR==", "AQ==\n", " AQ==", "AQ==AQ==", "A-_=", "é", "=", "A\0=="])
def test_other_spellings_of_base64_are_malformed(text: str) -> None:
    with pytest.raises(MalformedError, match="field"):
        base64.decode(text, "field")


def test_either_alphabet_is_read() -> None:
    assert base64.decode_either("-_--", "x") == base64.decode_either("+/++", "x")


def test_two_alphabets_at_once_are_malformed() -> None:
    with pytest.raises(MalformedError):
        base64.decode_either("-/--", "x")


_BLOCK = pem.encode("KEY", bytes(100))


def test_a_pem_block_comes_back() -> None:
    assert pem.decode(b"\n" + _BLOCK + b"\n", ("KEY",)) == ("KEY", bytes(100))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"text before\n" + _BLOCK,
        _BLOCK + b"text after",
        _BLOCK + _BLOCK,
        _BLOCK[:-5],
        _BLOCK.replace(b"END KEY", b"END KEYS"),
        _BLOCK.replace(b"KEY", b"OTHER KEY"),
        _BLOCK.replace(b"AAAA", b"AA A", 1),
        _BLOCK.replace(b"\n", b" "),
        _BLOCK.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
    ],
)
def test_other_text_is_no_pem(text: bytes) -> None:
    with pytest.raises(MalformedError):
        pem.decode(text, ("KEY",))


def test_the_signed_encoding_counts_bytes() -> None:
    # DSSE protocol.md gives this example for ASCII; é is two bytes.
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.pae("é", "é".encode()) == "DSSEv1 2 é 2 é".encode()


_ENVELOPE = {"payloadType": "t", "signatures": [{"sig": "AQ==", "keyid": "k"}]}


def _dsse(**changes: object) -> bytes:
    return json.dumps({**_ENVELOPE, "payload": "AQ==", **changes}).encode()


def test_an_envelope_comes_back() -> None:
    envelope = dsse.parse(_dsse(payload="__8="))
    assert dsse.parse(dsse.to_bytes(envelope)) == envelope
    assert envelope.signatures[0].key_hint == "k"


@pytest.mark.parametrize(
    "changes",
    [
        {"payloadType": ""},
        {"payloadType": None},
        {"payloadType": "t" * 300},
        {"payload": None},
        {"payload": "A"},
        {"signatures": []},
        {"signatures": {}},
        {"signatures": [{}]},
        {"signatures": [{"sig": ""}]},
        {"signatures": ["AQ=="]},
        {"signatures": [{"sig": "AQ==", "keyid": 1}]},
        {"PAYLOAD": "AQ=="},
    ],
)
def test_a_broken_envelope_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        dsse.parse(_dsse(**changes))


def test_too_many_signatures_are_stopped() -> None:
    with pytest.raises(LimitExceededError):
        dsse.parse(_dsse(signatures=[{"sig": "AQ=="}] * (limits.ENVELOPE_SIGNATURES + 1)))


_SUBJECT = {"name": "image", "digest": {"sha256": "00"}}
_STATEMENT = {
    "_type": intoto.STATEMENT_V1,
    "subject": [_SUBJECT],
    "predicateType": "p",
    "predicate": {"a": 1, "A": 2},
}


def test_a_statement_comes_back() -> None:
    found = intoto.parse(json.dumps(_STATEMENT).encode())
    assert intoto.parse(intoto.build(found.subjects, "p", found.predicate)) == found


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v2"},
        {"_type": None},
        {"predicateType": ""},
        {"predicateType": 1},
        {"subject": []},
        {"subject": None},
        {"subject": [_SUBJECT] * (limits.STATEMENT_SUBJECTS + 1)},
        {"subject": [{"name": "x"}]},
        {"subject": [{"digest": {}}]},
        {"subject": [{"digest": {"sha256": "AB"}}]},
        {"subject": [{"digest": {"sha256": 1}}]},
        {"subject": [{"digest": {"sha256": "00", "SHA256": "11"}}]},
        {"subject": [{**_SUBJECT, "annotations": {"a": 1}}]},
        {"PredicateType": "q"},
    ],
)
def test_a_broken_statement_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        intoto.parse(json.dumps({**_STATEMENT, **changes}).encode())


_CHECKPOINT = note.Checkpoint("example.org/log", 42, bytes(32))
_NOTE = note.Note(note.checkpoint_text(_CHECKPOINT), (note.NoteSignature("example.org/log", b"1234", b"sig"),))


def test_a_signed_checkpoint_comes_back() -> None:
    found = note.parse(note.to_bytes(_NOTE))
    assert found == _NOTE
    assert note.parse_checkpoint(found.text) == _CHECKPOINT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n\n", "\n"),
        ("— ", "- "),
        ("— example.org/log ", "— "),
        ("— example.org/log", "— a+b"),
        ("42", "4\t2"),
        ("MTIz", "MTI"),
        ("— example.org/log MTIzNHNpZw==", "— example.org/log MTIzNA=="),
        ("NpZw==\n", "NpZw=="),
    ],
)
def test_a_broken_note_is_malformed(old: str, new: str) -> None:
    text = note.to_bytes(_NOTE).decode()
    assert old in text
    with pytest.raises(MalformedError):
        note.parse(text.replace(old, new).encode())


@pytest.mark.parametrize("size", ["", "-1", "042", "+1", "4.2", "٤", "9223372036854775808", " 1"])
def test_a_broken_tree_size_is_malformed(size: str) -> None:
    with pytest.raises(MalformedError):
        note.parse_checkpoint(_NOTE.text.replace("42", size))


@pytest.mark.parametrize("text", ["", "a\n1\n", "a\n1\nAA==\n", "a\n1\nx\n"])
def test_a_broken_checkpoint_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        note.parse_checkpoint(text)
