"""Make our own vectors of Notary Project signatures, each negative one failing at exactly one check, and pack them.

usage: python tests/conformance/make/make_notation_vectors.py

Keys are made anew each time and thrown away, so the archive's bytes differ from run to run.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2])]

import vector_archive  # noqa: E402  (the path has to be set first)

from forgeries import notation as forge  # noqa: E402
from forgeries.notation import DAY, Issued, Signing, issued, stated  # noqa: E402
from trustkit.signing.notation.envelope import COSE, JWS, SCHEME_AUTHORITY  # noqa: E402

Json = dict[str, Any]
# name, expected code (`ok` for valid), kind of the store that holds the root, and what is signed
Case = tuple[str, str, str, Signing]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
OCI = "application/vnd.oci.image.manifest.v1+json"
SIGNATURE = "application/vnd.cncf.notary.signature"
NAME = "registry.example.com/acme/app"
ROOT = issued("root", authority=True, start=NOW - 900 * DAY, end=NOW + 900 * DAY)
LEAF = issued("signer", ROOT, start=NOW - 9 * DAY, end=NOW + 900 * DAY)
EXPIRED = issued("signer", ROOT, start=NOW - 800 * DAY, end=NOW - 400 * DAY)
# when the expired certificate was still good
THEN = NOW - 500 * DAY


def cases(payload: bytes) -> Iterator[Case]:
    """Yield the cases of one envelope."""
    good, old = (LEAF, ROOT), (EXPIRED, ROOT)
    yield "valid", "ok", "ca", stated(payload, good, signing=NOW)
    yield "neg-expired-signer", "verification.certificate", "ca", stated(payload, old, signing=THEN)
    yield "neg-authentic-time", "malformed", "ca", stated(payload, good, signing=NOW, authentic=NOW)
    # the attack that this is about: without the attribute the chain would be refused
    yield "neg-expired-signer-dates-itself", "malformed", "ca", stated(payload, old, signing=THEN, authentic=THEN)
    authority = "signingAuthority"
    yield "authority-valid", "ok", authority, stated(payload, old, SCHEME_AUTHORITY, authentic=THEN)
    both = stated(payload, good, SCHEME_AUTHORITY, authentic=NOW, signing=NOW)
    yield "neg-authority-signing-time", "malformed", authority, both
    late = stated(payload, old, SCHEME_AUTHORITY, authentic=NOW)
    yield "neg-authority-after-certificate", "verification.certificate", authority, late


def put(blobs: dict[str, bytes], content: bytes, media_type: str) -> Json:
    """Store a blob and return its descriptor."""
    digest = hashlib.sha256(content).hexdigest()
    blobs[digest] = content
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def compact(value: object) -> bytes:
    """Return JSON as Go writes it."""
    return json.dumps(value, separators=(",", ":")).encode()


def image(blobs: dict[str, bytes]) -> Json:
    """Store an image of one layer and return its descriptor."""
    layer = put(blobs, b"layer", "application/vnd.oci.image.layer.v1.tar")
    rootfs: Json = {"type": "layers", "diff_ids": [layer["digest"]]}
    content = compact({"architecture": "amd64", "os": "linux", "rootfs": rootfs})
    config = put(blobs, content, "application/vnd.oci.image.config.v1+json")
    return put(blobs, compact({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer]}), OCI)


def layout(media_type: str, content: bytes) -> dict[str, bytes]:
    """Return the files of a layout that holds the image and this envelope."""
    blobs: dict[str, bytes] = {}
    root = image(blobs)
    manifest = {
        "schemaVersion": 2, "mediaType": OCI, "config": put(blobs, b"{}", SIGNATURE),
        "layers": [put(blobs, content, media_type)], "subject": root,
    }  # fmt: skip
    listed = [{**root, "annotations": {"org.opencontainers.image.ref.name": "v1"}}, put(blobs, compact(manifest), OCI)]
    files = {f"layout/blobs/sha256/{name}": blob for name, blob in blobs.items()}
    files["layout/oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    files["layout/index.json"] = compact({"schemaVersion": 2, "manifests": listed})
    return files


def trusting(store: str, root: Issued) -> dict[str, bytes]:
    """Return a strict trust policy for everything, and its store."""
    policy = {
        "name": "acme", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
        "trustStores": [f"{store}:acme"], "trustedIdentities": ["*"],
    }  # fmt: skip
    document = {"version": "1.0", "trustPolicies": [policy]}
    return {"notation/trustpolicy.json": compact(document), f"notation/truststore/x509/{store}/acme/root.crt": root.pem}


def files_of(kind: str, media_type: str, case: Case) -> dict[str, bytes]:
    """Return the files of a case."""
    name, code, store, signing = case
    expected: Json = {"name": f"own-notation-{kind}-{name}", "format": f"notation-{kind}", "code": code}
    expected |= {"expect": "valid" if code == "ok" else "invalid", "verify_at": NOW.isoformat()}
    expected["reference"] = f"{NAME}@{image({})['digest']}"
    files = layout(media_type, forge.envelope(media_type, signing)) | trusting(store, ROOT)
    files["expected.json"] = json.dumps(expected, indent=1, sort_keys=True).encode()
    return {f"{expected['name']}/{path}": content for path, content in sorted(files.items())}


def main() -> None:
    """Write the archive."""
    root = image({})
    payload = forge.payload_of(root["digest"], root["mediaType"], root["size"])
    kinds = (("jws", JWS), ("cose", COSE))
    vector_archive.write("own-notation.tar.xz", (files_of(*kind, case) for kind in kinds for case in cases(payload)))


if __name__ == "__main__":
    main()
