"""Entries of a Rekor log as evidence carries them: in bundles, and in cosign's older annotation.

A bundle's `tlogEntries` element (sigstore protobuf-specs, sigstore_rekor.proto):

    {"logIndex":"4","logId":{"keyId":"<base64>"},"kindVersion":{"kind":"dsse","version":"0.0.1"},
     "integratedTime":"1795456844","inclusionPromise":{"signedEntryTimestamp":"<base64>"},
     "inclusionProof":{"logIndex":"4","rootHash":"...","treeSize":"5","hashes":["..."],
                       "checkpoint":{"envelope":"<signed note>"}},
     "canonicalizedBody":"<base64>"}

The annotation `dev.sigstore.cosign/bundle` holds a promise and no proof:

    {"SignedEntryTimestamp":"<base64>","Payload":{"body":"<base64>","integratedTime":1,"logIndex":1,"logID":"<hex>"}}
"""

from trustkit import limits
from trustkit.codec import base64
from trustkit.codec.canonical_json import canonical
from trustkit.codec.protojson import as_bytes, as_unsigned, bounded, members
from trustkit.codec.strict_json import as_int, as_object, as_text, parse
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_WHAT = "log entry"
_ENTRY = (
    "logIndex",
    "logId",
    "kindVersion",
    "integratedTime",
    "inclusionPromise",
    "inclusionProof",
    "canonicalizedBody",
)
_PROOF = ("logIndex", "rootHash", "treeSize", "hashes", "checkpoint")
_HASH_BYTES = 32
_ID_BYTES = 64
# Seconds of the year 9999; beyond it there is no date.
_MOST_SECONDS = 253_402_300_799


class InclusionProof(NamedTuple):
    """The path of the entry to a root, and the log's signed note of that root."""

    leaf_index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str


class LogEntry(NamedTuple):
    """An entry as found; `kind` is empty where only the body says it, `promise` if there is none.

    `integrated_time` is what the log says, in seconds, and 0 if it says nothing.
    """

    log_index: int
    log_id: bytes
    kind: str
    version: str
    integrated_time: int
    promise: bytes
    proof: InclusionProof | None
    body: bytes


def from_bundle(value: object) -> LogEntry:
    """Return the entry in one element of `tlogEntries`. Raises MalformedError, LimitExceededError."""
    entry = members(value, _WHAT, _ENTRY)
    kind = members(entry.get("kindVersion", {}), "kindVersion", ("kind", "version"))
    promise = members(entry.get("inclusionPromise", {}), "inclusionPromise", ("signedEntryTimestamp",))
    proof = entry.get("inclusionProof")
    return LogEntry(
        log_index=as_unsigned(entry.get("logIndex"), "logIndex"),
        log_id=_log_id(as_bytes(members(entry.get("logId"), "logId", ("keyId",)).get("keyId"), "logId.keyId")),
        kind=as_text(kind.get("kind"), "kindVersion.kind"),
        version=as_text(kind.get("version"), "kindVersion.version"),
        integrated_time=_seconds(as_unsigned(entry.get("integratedTime"), "integratedTime")),
        promise=as_bytes(promise["signedEntryTimestamp"], "signedEntryTimestamp") if promise else b"",
        proof=None if proof is None else _proof(proof),
        body=_body(as_bytes(entry.get("canonicalizedBody"), "canonicalizedBody")),
    )


def from_annotation(text: str) -> LogEntry:
    """Return the entry in a `dev.sigstore.cosign/bundle` annotation. Raises MalformedError, LimitExceededError."""
    what = "annotation dev.sigstore.cosign/bundle"
    value = as_object(parse(text.encode(), what=what, limit_bytes=limits.LOG_BODY_BYTES), what)
    payload = as_object(value.get("Payload"), f"{what} Payload")
    if set(value) != {"SignedEntryTimestamp", "Payload"} or set(payload) != {
        "body",
        "integratedTime",
        "logIndex",
        "logID",
    }:
        raise MalformedError(f"{what} has other members than Rekor's")
    promise = base64.decode(as_text(value["SignedEntryTimestamp"], "SignedEntryTimestamp"), "SignedEntryTimestamp")
    return LogEntry(
        log_index=as_unsigned(as_int(payload["logIndex"], "logIndex"), "logIndex"),
        log_id=_log_id(_hex(as_text(payload["logID"], "logID"))),
        kind="",
        version="",
        integrated_time=_seconds(as_unsigned(as_int(payload["integratedTime"], "integratedTime"), "integratedTime")),
        promise=promise,
        proof=None,
        body=_body(base64.decode(as_text(payload["body"], "body"), "body")),
    )


def to_annotation(entry: LogEntry) -> str:
    """Return the entry as `from_annotation` reads it; its inclusion proof has no place there."""
    payload = {
        "body": base64.encode(entry.body),
        "integratedTime": entry.integrated_time,
        "logIndex": entry.log_index,
        "logID": entry.log_id.hex(),
    }
    return canonical({"SignedEntryTimestamp": base64.encode(entry.promise), "Payload": payload}).decode()


def _proof(value: object) -> InclusionProof:
    proof = members(value, "inclusionProof", _PROOF)
    hashes = bounded(proof.get("hashes"), "inclusionProof.hashes", limits.PROOF_HASHES)
    checkpoint = members(proof.get("checkpoint", {}), "checkpoint", ("envelope",)).get("envelope", "")
    return InclusionProof(
        leaf_index=as_unsigned(proof.get("logIndex"), "inclusionProof.logIndex"),
        size=as_unsigned(proof.get("treeSize"), "inclusionProof.treeSize"),
        root=_hash(proof.get("rootHash"), "inclusionProof.rootHash"),
        hashes=tuple(_hash(one, "inclusionProof.hashes") for one in hashes),
        checkpoint=as_text(checkpoint, "checkpoint.envelope"),
    )


def _hash(value: object, what: str) -> bytes:
    content = as_bytes(value, what)
    if len(content) != _HASH_BYTES:
        raise MalformedError(f"{what} is not {_HASH_BYTES} bytes")
    return content


def _body(content: bytes) -> bytes:
    if not content:
        raise MalformedError(f"{_WHAT} has no body")
    if len(content) > limits.LOG_BODY_BYTES:
        raise LimitExceededError(f"the body of a {_WHAT} is over {limits.LOG_BODY_BYTES} bytes")
    return content


def _log_id(content: bytes) -> bytes:
    if not 0 < len(content) <= _ID_BYTES:
        raise MalformedError("logId is empty or too long")
    return content


def _hex(text: str) -> bytes:
    if len(text) % 2 or not set(text) <= set("0123456789abcdef"):
        raise MalformedError("logID is not lower-case hex")
    return bytes.fromhex(text)


def _seconds(value: int) -> int:
    if value > _MOST_SECONDS:
        raise MalformedError("integratedTime is beyond the year 9999")
    return value
