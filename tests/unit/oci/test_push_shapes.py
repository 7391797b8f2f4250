"""What is pushed is byte for byte what cosign 2.5 and 3.1 pushed for the same signature."""

from collections.abc import Mapping
from typing import NamedTuple

from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, TAG_SUFFIX, Place
from trustkit.model.image import OCI_MANIFEST, Descriptor
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push

IMAGE = "7a811e194c33988a729894d8bbcd185b73e055f7649e7aa3b8e3c02e6166c9f0"
SUBJECT = Descriptor(OCI_MANIFEST, Digest("sha256", IMAGE), 401)
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGNATURE = "MEQCIHoKZLpf6r9s78WpYxRyr7L9E8NC3NkrzudYFeoJTx6MAiA/krohmdomtBIgjle9IJU9hNwT/mba3hRDlva0o6XzCg=="
PAYLOAD = (
    b'{"critical":{"identity":{"docker-reference":"127.0.0.1:5591/acme/app"},"image":{"docker-ma'
    b'nifest-digest":"sha256:7a811e194c33988a729894d8bbcd185b73e055f7649e7aa3b8e3c02e6166c9f0"},'
    b'"type":"cosign container image signature"},"optional":null}'
)
ENVELOPE = (
    b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publ'
    b'icKey":{"hint":"DqYSwRumKfpfhg0BA9kcrWYggKiB+UTD5ArYd8qqvNA="}},"dsseEnvelope":{"payload":'
    b'"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic'
    b"2hhMjU2IjoiN2E4MTFlMTk0YzMzOTg4YTcyOTg5NGQ4YmJjZDE4NWI3M2UwNTVmNzY0OWU3YWEzYjhlM2MwMmU2MTY"
    b"2YzlmMCJ9LCJhbm5vdGF0aW9ucyI6e319XSwicHJlZGljYXRlVHlwZSI6Imh0dHBzOi8vc2lnc3RvcmUuZGV2L2Nvc"
    b'2lnbi9zaWduL3YxIiwicHJlZGljYXRlIjp7fX0=","payloadType":"application/vnd.in-toto+json","sig'
    b'natures":[{"sig":"MEQCIAybpURxqYKI+NUTltjlPkydqK+b5Ave/vb9AX8sSGEOAiAOhpENgKSrfZsGJ5Gw7gvv'
    b'Ch4OjVYkKEMZTqnNOyKgQA=="}]}}'
)


class Made(NamedTuple):
    place: Place
    media_type: str
    content: bytes
    annotations: Mapping[str, str]
    artifact_type: str = ""
    manifest_annotations: Mapping[str, str] = {}
    config_type: str = ""


def test_a_signature_tag_is_as_cosign_2_writes_it(tmp_path):
    made = Made(
        Place(TAG_SUFFIX, ".sig"),
        "application/vnd.dev.cosign.simplesigning.v1+json",
        PAYLOAD,
        {"dev.cosignproject.cosign/signature": SIGNATURE},
    )
    digest = push(made, SUBJECT, LayoutFolder.create(tmp_path))
    assert digest.hex == "7278ca13228e50cd50900c446cfc56c437336659017e0085470ba06684cd97be"


def test_a_bundle_is_as_cosign_3_writes_it(tmp_path):
    notes = {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
        "org.opencontainers.image.created": "2026-11-23T17:50:03Z",
    }
    made = Made(Place(REFERRERS, BUNDLE), BUNDLE, ENVELOPE, {}, BUNDLE, notes)
    digest = push(made, SUBJECT, LayoutFolder.create(tmp_path))
    assert digest.hex == "32b57c0e29048d6fe88cdb2209c91956aae3dd3ccccc11d5ac4b2e4f58eb56a3"
