"""Make our own vectors of sigstore's certificates, logs and timestamps, each failing at exactly one check.

usage: python tests/conformance/make/make_sigstore_vectors.py

The services are the fakes of `tests/peers/fake_sigstore.py`; keys are made anew each time and thrown away.
"""

import base64
import copy
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2])]

import vector_archive  # noqa: E402  (the path has to be set first)
from cryptography.hazmat.primitives import hashes  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

from peers import fake_sigstore as fake  # noqa: E402
from peers.fake_sigstore import FakeSigstore, Witness, b64  # noqa: E402

Json = dict[str, Any]
NOW = datetime.now(UTC).replace(microsecond=0)
WHO, IDP = "dev@acme.example", "https://idp.example"
URI = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1"
DIGEST = "7a" * 32
SERVICES, STRANGER = FakeSigstore(), FakeSigstore()
SERVICES.witnesses = [Witness("witness.example/one"), Witness("witness.example/two")]
SIGN = "https://sigstore.dev/cosign/sign/v1"
TYPE = "application/vnd.in-toto+json"


class Wanted(NamedTuple):
    """How a bundle is made; the defaults make a valid one."""

    log: int = 1
    stamped: bool = False
    by: FakeSigstore = SERVICES
    identity: str = WHO
    issued: timedelta = timedelta()
    logged: timedelta = timedelta(seconds=5)
    certificate_logged: bool = True
    digest: str = DIGEST


DEFAULT = Wanted()


def bundle(wanted: Wanted = DEFAULT, change: Callable[[bytes], bytes] = lambda body: body) -> Json:
    """Return a bundle; `change` alters what is recorded before the log takes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = wanted.by.certificate(
        key.public_key(), wanted.identity, IDP, at=NOW + wanted.issued, logged=wanted.certificate_logged
    )
    subject = [{"name": "app", "digest": {"sha256": wanted.digest}}]
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": SIGN, "predicate": {}}
    payload = fake.canonical(statement)
    message = b"DSSEv1 %d %b %d %b" % (len(TYPE), TYPE.encode(), len(payload), payload)
    signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
    material: Json = {"certificate": {"rawBytes": b64(fake.der(made))}}
    at = int((NOW + wanted.logged).timestamp())
    if wanted.log == 1:
        body = change(fake.dsse_1(payload, signature, fake.pem(made)))
        material["tlogEntries"] = [wanted.by.log(body, at=at)]
    elif wanted.log:
        digest = hashlib.sha256(message).digest()
        body = change(fake.hashedrekord_2(digest, signature, fake.der(made)))
        material["tlogEntries"] = [wanted.by.log2(body, at=at)]
    if wanted.stamped:
        stamp = wanted.by.timestamp_of(signature)
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(stamp)}]}
    envelope = {"payload": b64(payload), "payloadType": TYPE, "signatures": [{"sig": b64(signature)}]}
    return {"mediaType": fake.BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}


def altered(value: Json, change: Callable[[Json], object]) -> Json:
    """Return a bundle that was changed after it was made; `change` sees its log entry."""
    again: Json = copy.deepcopy(value)
    change(again["verificationMaterial"]["tlogEntries"][0])
    return again


def flipped(text: str) -> str:
    """Return base64 with one bit changed near the end."""
    content = bytearray(base64.b64decode(text))
    content[-2] ^= 1
    return b64(bytes(content))


def checkpoint(change: Callable[[str], str]) -> Callable[[Json], None]:
    """Return a change of an entry's checkpoint."""

    def apply(entry: Json) -> None:
        envelope = entry["inclusionProof"]["checkpoint"]
        envelope["envelope"] = change(envelope["envelope"])

    return apply


def line_flipped(number: int) -> Callable[[str], str]:
    """Return a change of one signature line of a note."""

    def apply(text: str) -> str:
        head, _, tail = text.rpartition("\n\n")
        lines = tail.splitlines()
        mark, name, signature = lines[number].split(" ")
        lines[number] = f"{mark} {name} {flipped(signature)}"
        return f"{head}\n\n" + "".join(f"{line}\n" for line in lines)

    return apply


def root(change: Callable[[Json], object] = lambda _: None) -> Json:
    """Return the trusted root, changed."""
    value = SERVICES.trusted_root()
    change(value)
    return value


def ended(kind: str, number: int = 0) -> Callable[[Json], None]:
    """Return a change of the root: something was in use only until last year."""

    def apply(value: Json) -> None:
        one = value[kind][number]
        window = one.get("publicKey", one)
        window["validFor"] = {"start": "2024-01-01T00:00:00Z", "end": "2025-01-01T00:00:00Z"}

    return apply


def without(*names: str) -> Callable[[Json], None]:
    """Return a change that leaves members out."""

    def apply(value: Json) -> None:
        for one in names:
            del value[one]

    return apply


def entry(**members: object) -> Callable[[Json], None]:
    """Return a change of members of an entry."""
    return lambda value: value.update(members)


def cases() -> Iterator[tuple[str, str, Json, Json]]:
    """Yield name, code (`ok` if valid), bundle, and what the label says besides."""
    first, second = bundle(), bundle(Wanted(log=2, stamped=True))
    cosigned: Json = {"witnesses": "witnesses.txt"}
    yield "v1", "ok", first, {}
    yield "v1-tsa", "ok", bundle(Wanted(stamped=True)), {}
    yield "v1-uri", "ok", bundle(Wanted(identity=URI)), {"identity": URI}
    yield "v1-proof-only-tsa", "ok", altered(bundle(Wanted(stamped=True)), without("inclusionPromise")), {}
    yield "v2-tsa", "ok", second, {}
    yield "v2-cosigned", "ok", second, cosigned
    yield "tsa-only", "ok", bundle(Wanted(log=0, stamped=True)), {"tlog_required": False}
    v1 = {**altered(first, without("inclusionProof")), "mediaType": fake.BUNDLE.replace("v0.3", "v0.1")}
    yield "bundle-v01-promise-only", "ok", v1, {}
    yield "neg-tsa-only", "verification.log_missing", bundle(Wanted(log=0, stamped=True)), {}
    yield "neg-v2-no-time", "verification.timestamp", bundle(Wanted(log=2)), {}
    yield "neg-v1-proof-only-no-time", "verification.timestamp", altered(first, without("inclusionPromise")), {}
    yield "neg-bundle-v01-no-promise", "verification.log_promise", {
        **altered(first, without("inclusionPromise")), "mediaType": fake.BUNDLE.replace("v0.3", "v0.1"),
    }, {}  # fmt: skip
    yield from log_cases(first, second, cosigned)
    yield from entry_cases(first)
    yield from certificate_cases()


def log_cases(first: Json, second: Json, cosigned: Json) -> Iterator[tuple[str, str, Json, Json]]:
    """Yield what is wrong with the entry or its proofs."""
    later = entry(integratedTime=str(int(NOW.timestamp()) + 60))
    yield "neg-v1-promise-of-other-time", "verification.log_promise", altered(first, later), {}
    yield "neg-v1-promise-of-other-index", "verification.log_promise", altered(first, entry(logIndex="7")), {}
    spoiled = entry(inclusionPromise={"signedEntryTimestamp": b64(b"0\x06\x02\x01\x01\x02\x01\x01")})
    yield "neg-v1-promise-by-nobody", "verification.log_promise", altered(first, spoiled), {}
    sig = checkpoint(line_flipped(0))
    yield "neg-v1-checkpoint-signature", "verification.log_checkpoint", altered(first, sig), {}
    yield "neg-v2-checkpoint-signature", "verification.log_checkpoint", altered(second, sig), {}
    renamed = checkpoint(lambda text: text.replace("— fake", "— other", 1))
    yield "neg-v2-checkpoint-other-name", "verification.log_checkpoint", altered(second, renamed), {}
    other = bundle(Wanted(log=2, stamped=True))["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    older = checkpoint(lambda _: other["checkpoint"]["envelope"])
    yield "neg-v2-checkpoint-of-other-tree", "verification.log_checkpoint", altered(second, older), {}
    yield (
        "neg-v2-cosignature-wrong",
        "verification.log_checkpoint",
        altered(second, checkpoint(line_flipped(2))),
        cosigned,
    )
    lone = checkpoint(lambda text: "".join(text.splitlines(keepends=True)[:-1]))
    yield "neg-v2-cosignature-missing", "verification.log_checkpoint", altered(second, lone), cosigned
    yield "v2-cosignature-of-a-stranger", "ok", altered(second, checkpoint(line_flipped(2))), {}

    def path(value: Json) -> None:
        value["inclusionProof"]["hashes"][0] = flipped(value["inclusionProof"]["hashes"][0])

    yield "neg-v2-path", "verification.log_proof", altered(second, path), {}

    def index(value: Json) -> None:
        value["inclusionProof"]["logIndex"] = str(int(value["inclusionProof"]["logIndex"]) - 1)

    yield "neg-v2-leaf-index", "verification.log_proof", altered(second, index), {}

    def short(value: Json) -> None:
        value["inclusionProof"]["hashes"].pop()

    yield "neg-v2-path-short", "verification.log_proof", altered(second, short), {}
    yield "neg-v1-log-ended", "verification.log_proof", first, {"root": root(ended("tlogs"))}
    yield "neg-v2-log-ended", "verification.log_proof", second, {"root": root(ended("tlogs", 1))}
    yield "neg-log-unknown", "verification.log_missing", first, {"root": root(lambda one: one["tlogs"].pop(0))}


def entry_cases(first: Json) -> Iterator[tuple[str, str, Json, Json]]:
    """Yield entries about something else."""
    for kind, made in (("v1", Wanted()), ("v2", Wanted(log=2, stamped=True))):
        swapped = bundle(made)
        mine = bundle(made)
        mine["verificationMaterial"]["tlogEntries"] = swapped["verificationMaterial"]["tlogEntries"]
        yield f"neg-{kind}-entry-of-other-signature", "verification.log_entry", mine, {}

    def other_payload(body: bytes) -> bytes:
        value = json.loads(body)
        value["spec"]["payloadHash"]["value"] = "ab" * 32
        return fake.canonical(value)

    yield "neg-v1-entry-other-payload", "verification.log_entry", bundle(change=other_payload), {}

    def other_digest(body: bytes) -> bytes:
        value = json.loads(body)
        value["spec"]["hashedRekordV002"]["data"]["digest"] = b64(b"\xab" * 32)
        return fake.canonical(value)

    second_wanted = Wanted(log=2, stamped=True)
    yield "neg-v2-entry-other-content", "verification.log_entry", bundle(second_wanted, other_digest), {}

    def other_verifier(body: bytes) -> bytes:
        value = json.loads(body)
        value["spec"]["signatures"][0]["verifier"] = b64(fake.pem(SERVICES.fulcio.certificate))
        return fake.canonical(value)

    yield "neg-v1-entry-other-certificate", "verification.log_entry", bundle(change=other_verifier), {}
    kind = entry(kindVersion={"kind": "hashedrekord", "version": "0.0.1"})
    yield "neg-v1-entry-other-kind", "verification.log_entry", altered(first, kind), {}

    def unknown_kind(body: bytes) -> bytes:
        return fake.canonical({**json.loads(body), "kind": "alpine"})

    yield "neg-v1-entry-kind-unknown", "verification.unsupported", bundle(change=unknown_kind), {}


def certificate_cases() -> Iterator[tuple[str, str, Json, Json]]:
    """Yield what is wrong with the certificate, its time, or whom it names."""
    first = bundle()
    yield "neg-identity", "verification.identity", first, {"identity": "ceo@acme.example"}
    yield "neg-identity-of-regex-shape", "verification.identity", first, {"identity": "dev@acme.exampl."}
    yield "neg-issuer", "verification.identity", first, {"issuer": IDP + "/"}
    yield "neg-subject", "verification.subject", bundle(Wanted(digest="8b" * 32)), {}
    yield "neg-sct-absent", "verification.sct", bundle(Wanted(certificate_logged=False)), {}
    yield "neg-sct-log-ended", "verification.sct", first, {"root": root(ended("ctlogs"))}
    yield "neg-sct-log-unknown", "verification.sct", first, {
        "root": root(lambda one: one.update(ctlogs=STRANGER.trusted_root()["ctlogs"])),
    }  # fmt: skip
    yield "neg-ca-ended", "verification.certificate", first, {"root": root(ended("certificateAuthorities"))}
    foreign = STRANGER.trusted_root()["certificateAuthorities"]
    yield "neg-ca-unknown", "verification.certificate", first, {
        "root": root(lambda one: one.update(certificateAuthorities=foreign)),
    }  # fmt: skip
    late = Wanted(logged=timedelta(minutes=11))
    yield "neg-v1-after-certificate", "verification.certificate", bundle(late), {}
    yield "neg-v1-before-certificate", "verification.certificate", bundle(Wanted(logged=timedelta(seconds=-1))), {}
    yield "neg-tsa-after-certificate", "verification.certificate", bundle(
        Wanted(stamped=True, issued=timedelta(minutes=-20), logged=timedelta(minutes=-15))
    ), {}  # fmt: skip
    stamped = bundle(Wanted(stamped=True))
    yield "neg-tsa-ended", "verification.timestamp", stamped, {"root": root(ended("timestampAuthorities"))}
    strangers = STRANGER.trusted_root()["timestampAuthorities"]
    yield "neg-tsa-unknown", "verification.timestamp", stamped, {
        "root": root(lambda one: one.update(timestampAuthorities=strangers)),
    }  # fmt: skip
    mine, others = copy.deepcopy(stamped), bundle(Wanted(stamped=True))
    other_stamp = others["verificationMaterial"]["timestampVerificationData"]
    mine["verificationMaterial"]["timestampVerificationData"] = other_stamp
    yield "neg-tsa-of-other-signature", "verification.timestamp", mine, {}
    other_key = copy.deepcopy(first)
    other_key["verificationMaterial"]["certificate"] = bundle()["verificationMaterial"]["certificate"]
    yield "neg-other-certificate", "verification.signature", other_key, {}


def files_of(name: str, code: str, value: Json, more: Json) -> dict[str, bytes]:
    """Return the files of a case."""
    expected: Json = {
        "name": f"own-sigstore-{name}",
        "format": "sigstore-bundle",
        "code": code,
        "expect": "valid" if code == "ok" else "invalid",
        "digest": f"sha256:{DIGEST}",
        "identity": WHO,
        "issuer": IDP,
        "trusted_root": "trusted_root.json",
        "verify_at": NOW.isoformat(),
    }
    trusted = more.pop("root", None) or root()
    expected |= more
    files = {"expected.json": expected, "bundle.sigstore.json": value, "trusted_root.json": trusted}
    found = {path: json.dumps(content, indent=1, sort_keys=True).encode() for path, content in files.items()}
    if "witnesses" in more:
        found["witnesses.txt"] = "".join(f"{witness.vkey}\n" for witness in SERVICES.witnesses).encode()
    return {f"{expected['name']}/{path}": content for path, content in found.items()}


def main() -> None:
    """Write the archive."""
    vector_archive.write("own-sigstore.tar.xz", (files_of(*row) for row in cases()))


if __name__ == "__main__":
    main()
