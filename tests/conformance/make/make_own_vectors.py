"""Make our own vectors, each negative one failing at exactly one check, and pack them.

usage: python tests/conformance/make/make_own_vectors.py

Keys are made anew each time and thrown away, so the archive's bytes differ from run to run.
"""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

import vector_archive  # noqa: E402  (the path has to be set first)

from trustkit.codec import base64, dsse  # noqa: E402
from trustkit.codec.sigstore_bundle import MEDIA_TYPE as BUNDLE  # noqa: E402
from trustkit.fips.ecdsa_signature import numbers  # noqa: E402
from trustkit.fips.hashing import digest_of  # noqa: E402
from trustkit.fips.parse import public_key_to_pem  # noqa: E402
from trustkit.fips.provider import PrivateKey  # noqa: E402
from trustkit.fips.select import provider  # noqa: E402
from trustkit.model.digest import Digest  # noqa: E402
from trustkit.signing.formats.cosign_signature import MEDIA_TYPE as SIMPLE  # noqa: E402
from trustkit.signing.formats.cosign_signature import SIGNATURE_ANNOTATION  # noqa: E402
from trustkit.signing.sign import LEGACY, Subjected, attest, sign  # noqa: E402

PROVENANCE = b'{"buildDefinition":{"buildType":"t"},"runDetails":{"builder":{"id":"b"}}}'
NOW = datetime(2026, 11, 24, tzinfo=UTC)
OCI = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
Json = dict[str, object]
# name, expected code (`ok` for valid), evidence, and the predicate type asked for
Case = tuple[str, str, "Made", str]
KEY = provider().generate("ecdsa-p256")


class Made(NamedTuple):
    """Evidence, and where it lies: `.sig`, `.att` or a referrer (no suffix)."""

    suffix: str
    media_type: str
    content: bytes
    annotations: dict[str, str]


def compact(value: object) -> bytes:
    """Return JSON as Go writes it."""
    return json.dumps(value, separators=(",", ":")).encode()


def simple(change: Callable[[Json], object] = lambda _: None, *, key: PrivateKey = KEY) -> Made:
    """Return a simple-signing layer whose payload was changed before it was signed."""
    payload: Json = json.loads(sign(SUBJECT, key, LEGACY).content)
    change(payload)
    content = compact(payload)
    algorithm = {"ecdsa-p256": "ecdsa-p256-sha256", "ecdsa-p521": "ecdsa-p521-sha512"}[key.public.kind]
    signature = base64.encode(key.sign(algorithm, content))
    return Made(".sig", SIMPLE, content, {SIGNATURE_ANNOTATION: signature})


def bundled(change: Callable[[Json], object] = lambda _: None) -> Made:
    """Return a bundle that was changed after it was signed."""
    value: Json = json.loads(sign(SUBJECT, KEY).content)
    change(value)
    return Made("", BUNDLE, compact(value), {})


def stated(change: Callable[[Json], object] = lambda _: None) -> Made:
    """Return a bundle whose statement was changed before it was signed."""
    value: Json = json.loads(sign(SUBJECT, KEY).content)
    envelope = value["dsseEnvelope"]
    assert isinstance(envelope, dict)
    statement: Json = json.loads(base64.decode(envelope["payload"], "payload"))
    change(statement)
    payload = compact(statement)
    envelope["payload"] = base64.encode(payload)
    signature = KEY.sign("ecdsa-p256-sha256", dsse.pae(dsse.IN_TOTO_TYPE, payload))
    envelope["signatures"] = [{"sig": base64.encode(signature)}]
    return Made("", BUNDLE, compact(value), {})


def raw_signature() -> Made:
    """Return a simple-signing layer with the signature as r || s."""
    made = simple()
    r, s = numbers(base64.decode(made.annotations[SIGNATURE_ANNOTATION], "signature"))
    raw = base64.encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return made._replace(annotations={SIGNATURE_ANNOTATION: raw})


def material(**members: object) -> Made:
    """Return a bundle with other verification material."""
    return bundled(lambda value: value.update(verificationMaterial=members))


def unpadded() -> Made:
    """Return a bundle whose payload has no base64 padding, though it needs some."""
    for name in ("", "a", "ab"):
        made = stated(subject(name=name, digest={"sha256": SUBJECT.digest.hex}))
        if b'="' in made.content.partition(b'"payload"')[2].partition(b",")[0]:
            break
    value: Json = json.loads(made.content)
    envelope = value["dsseEnvelope"]
    assert isinstance(envelope, dict)
    assert envelope["payload"].endswith("=")
    envelope["payload"] = envelope["payload"].rstrip("=")
    return made._replace(content=compact(value))


def attestation(layout: str) -> Made:
    """Return a SLSA provenance by the key."""
    made = attest(SUBJECT, KEY, ("slsaprovenance1", PROVENANCE), NOW, layout)
    return Made(".att" if layout == LEGACY else "", made.media_type, made.content, dict(made.annotations))


def member(path: str, value: object) -> Callable[[Json], object]:
    """Return a change that sets one member, `a.b` for one inside another; `...` deletes it."""

    def change(document: Json) -> None:
        *outer, last = path.split(".")
        inner = document
        for name in outer:
            found = inner[name]
            assert isinstance(found, dict)
            inner = found
        if value is ...:
            del inner[last]
        else:
            inner[last] = value

    return change


def subject(**members: object) -> Callable[[Json], object]:
    """Return a change that gives a statement another subject."""
    return lambda statement: statement.update(subject=[members])


OTHER = Digest("sha256", "ab" * 32)
IMAGE: dict[str, bytes] = {}
SUBJECT = Subjected(OTHER, "registry.example.com/acme/app")
HINT = base64.encode(bytes.fromhex(KEY.public.fingerprint))
SPLIT = ("sha256", "SHA256")


def simple_signing_cases() -> Iterator[Case]:
    """Yield the cases of `.sig` signatures."""
    p521 = provider().generate("ecdsa-p521")
    certified = {"dev.sigstore.cosign/certificate": "-----BEGIN CERTIFICATE-----\n"}
    stranger = simple(key=provider().generate("ecdsa-p256"))
    yield "own-cs-valid", "ok", simple(), ""
    yield "own-cs-p1363", "ok", raw_signature(), ""
    yield "own-cs-optional-number", "ok", simple(member("optional", {"creator": "x", "timestamp": 1})), ""
    yield "own-cs-neg-p521-other-key", "verification.signature", simple(key=p521), ""
    yield "own-cs-neg-extra-critical", "malformed", simple(member("critical.extra", 1)), ""
    yield "own-cs-neg-extra-top", "malformed", simple(member("extra", 1)), ""
    yield "own-cs-neg-no-optional", "malformed", simple(member("optional", ...)), ""
    yield "own-cs-neg-optional-text", "malformed", simple(member("optional", "x")), ""
    yield "own-cs-neg-no-identity", "malformed", simple(member("critical.identity", ...)), ""
    yield "own-cs-neg-reference-number", "malformed", simple(member("critical.identity.docker-reference", 1)), ""
    yield "own-cs-neg-digest-list", "malformed", simple(member("critical.image.docker-manifest-digest", [])), ""
    other = member("critical.image.docker-manifest-digest", str(OTHER))
    yield "own-cs-neg-other-image", "verification.subject", simple(other), ""
    yield "own-cs-neg-empty-signature", "malformed", simple()._replace(annotations={SIGNATURE_ANNOTATION: ""}), ""
    yield (
        "own-cs-neg-certificate-only",
        "verification.unsupported",
        stranger._replace(annotations={**stranger.annotations, **certified}),
        "",
    )


def bundle_cases() -> Iterator[Case]:
    """Yield the cases of bundles and of attestations."""
    digest = {"sha256": SUBJECT.digest.hex}
    blob = {"messageDigest": {"algorithm": "SHA2_256", "digest": HINT}, "signature": HINT}
    yield "own-bundle-valid", "ok", bundled(), ""
    yield (
        "own-bundle-v01",
        "ok",
        bundled(member("mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.1")),
        "",
    )
    yield "own-bundle-null-members", "ok", bundled(member("messageSignature", None)), ""
    yield "own-bundle-tlog-ignored", "ok", material(publicKey={"hint": HINT}, tlogEntries=[]), ""
    yield "own-bundle-no-predicate", "ok", stated(member("predicate", ...)), ""
    yield "own-bundle-unpadded", "ok", unpadded(), ""
    yield "own-bundle-neg-payload-garbage", "malformed", bundled(member("dsseEnvelope.payload", "A")), ""
    yield "own-bundle-neg-mediatype", "verification.media_type", bundled(member("mediaType", f"{BUNDLE}x")), ""
    yield "own-bundle-neg-unknown-member", "malformed", bundled(member("extra", 1)), ""
    both = {"payload": "", "payloadType": "", "signatures": []}
    yield "own-bundle-neg-both-spellings", "malformed", bundled(member("dsse_envelope", both)), ""
    yield "own-bundle-neg-no-material", "malformed", bundled(member("verificationMaterial", ...)), ""
    yield "own-bundle-neg-empty-material", "malformed", material(), ""
    certificate = {"rawBytes": "MAA="}
    yield "own-bundle-neg-two-materials", "malformed", material(publicKey={}, certificate=certificate), ""
    yield "own-bundle-neg-message-signature", "malformed", bundled(member("messageSignature", blob)), ""
    yield "own-bundle-neg-extra-in-envelope", "malformed", bundled(member("dsseEnvelope.extra", 1)), ""
    yield "own-bundle-neg-statement-type", "malformed", stated(member("_type", "https://in-toto.io/Statement/v9")), ""
    yield "own-bundle-neg-twin-subject", "malformed", stated(member("Subject", [])), ""
    yield (
        "own-bundle-neg-twin-algorithm",
        "malformed",
        stated(subject(digest=dict.fromkeys(SPLIT, digest["sha256"]))),
        "",
    )
    yield "own-bundle-neg-digest-upper", "malformed", stated(subject(digest={"sha256": OTHER.hex.upper()})), ""
    yield "own-bundle-neg-other-image", "verification.subject", stated(subject(digest={"sha256": OTHER.hex})), ""
    yield "own-bundle-neg-predicate-type-missing", "malformed", stated(member("predicateType", ...)), ""
    yield "own-bundle-neg-attestation-as-signature", "verification.predicate_type", attestation("bundle"), ""
    yield "own-bundle-neg-signature-as-attestation", "verification.predicate_type", bundled(), "slsaprovenance1"
    yield "own-bundle-attestation", "ok", attestation("bundle"), "slsaprovenance1"
    yield "own-att-valid", "ok", attestation(LEGACY), "slsaprovenance1"
    yield "own-att-neg-other-type", "verification.predicate_type", attestation(LEGACY), "vuln"
    octets = attestation(LEGACY)._replace(media_type="application/octet-stream")
    yield "own-att-neg-layer-mediatype", "verification.media_type", octets, "slsaprovenance1"
    in_sig = attestation(LEGACY)._replace(suffix=".sig")
    yield "own-cs-neg-attestation-in-sig", "verification.media_type", in_sig, ""
    in_referrer = bundled()._replace(suffix=".sig")
    yield "own-cs-neg-bundle-in-sig", "verification.media_type", in_referrer, ""


def put(blobs: dict[str, bytes], content: bytes, media_type: str) -> Json:
    """Store a blob and return its descriptor."""
    digest = digest_of(content)
    blobs[digest.hex] = content
    return {"mediaType": media_type, "digest": str(digest), "size": len(content)}


def image(blobs: dict[str, bytes]) -> Json:
    """Store an image of one layer and return its descriptor."""
    layer = put(blobs, b"layer", "application/vnd.oci.image.layer.v1.tar")
    rootfs: Json = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = put(blobs, compact({"architecture": "amd64", "os": "linux", "rootfs": rootfs}), CONFIG)
    return put(blobs, compact({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer]}), OCI)


def layout(made: Made) -> dict[str, bytes]:
    """Return the files of a layout that holds the image and this evidence."""
    blobs: dict[str, bytes] = {}
    root = image(blobs)
    layer = {**put(blobs, made.content, made.media_type), "annotations": made.annotations}
    manifest: Json = {"schemaVersion": 2, "mediaType": OCI, "layers": [layer]}
    if made.suffix:
        manifest["config"] = put(blobs, b"{}", CONFIG)
        tag = f"sha256-{SUBJECT.digest.hex}{made.suffix}"
        found = {**put(blobs, compact(manifest), OCI), "annotations": {"org.opencontainers.image.ref.name": tag}}
    else:
        manifest |= {"config": put(blobs, b"{}", "application/vnd.oci.empty.v1+json")}
        manifest |= {"artifactType": BUNDLE, "subject": root}
        found = put(blobs, compact(manifest), OCI)
    tagged = {**root, "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    files = {f"layout/blobs/sha256/{name}": content for name, content in blobs.items()}
    files["layout/oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    files["layout/index.json"] = compact({"schemaVersion": 2, "manifests": [tagged, found]})
    return files


def case(name: str, code: str, made: Made, predicate_type: str) -> dict[str, bytes]:
    """Return the files of a case."""
    formats = {".sig": "cosign-simplesigning", ".att": "cosign-att-dsse", "": "sigstore-bundle-oci"}
    expected: Json = {"name": name, "format": formats[made.suffix], "key": "key.pub", "code": code}
    expected |= {"expect": "valid" if code == "ok" else "invalid", "verify_at": "2026-11-24T00:00:00Z"}
    expected["reference"] = f"{SUBJECT.name}@{SUBJECT.digest}"
    if predicate_type:
        expected["predicateType"] = predicate_type
    files = layout(made)
    files["expected.json"] = json.dumps(expected, indent=1, sort_keys=True).encode()
    files["key.pub"] = public_key_to_pem(KEY.public)
    return {f"{name}/{path}": content for path, content in sorted(files.items())}


def main() -> None:
    """Write the archive."""
    rows = (*simple_signing_cases(), *bundle_cases())
    vector_archive.write("own.tar.xz", (case(*row) for row in rows))


if __name__ == "__main__":
    SUBJECT = SUBJECT._replace(digest=Digest.parse(str(image({})["digest"])))
    main()
