"""Keyless signing: a key that lives for one signature, and a certificate for whom an identity token names.

The `sigstore` package speaks with Fulcio, Rekor and the timestamp authority; what comes back is checked here by
the same rules as everybody else's signature before it leaves.
"""

import json

from trustkit.codec import intoto
from trustkit.codec.intoto import Subject
from trustkit.codec.sigstore_bundle import MEDIA_TYPE, parse_bundle
from trustkit.errors import KeyUnavailableError, UsageError
from trustkit.model.evidence import REFERRERS, Place
from trustkit.model.values import NamedTuple
from trustkit.signing.blob import Blob, SignedBlob, verify_blob
from trustkit.signing.format import Attachment, Check
from trustkit.signing.sign import Subjected
from trustkit.signing.statement import SIGN_PREDICATE

PUBLIC_FULCIO = "https://fulcio.sigstore.dev"
PUBLIC_REKOR = "https://rekor.sigstore.dev"
# What the identity token has to be for; public-good Fulcio wants this.
AUDIENCE = "sigstore"


class Services(NamedTuple):
    """Where signing goes: certificate authority, log (of API version 1 or 2), and timestamp authority if any."""

    fulcio_url: str = PUBLIC_FULCIO
    rekor_url: str = PUBLIC_REKOR
    timestamp_url: str = ""
    rekor_version: int = 1
    audience: str = AUDIENCE


class KeylessSignature(NamedTuple):
    """A bundle, ready to be pushed, and what it proves."""

    attachment: Attachment
    proven: SignedBlob


def sign_keyless(
    image: Subjected, token: str, services: Services, root: bytes, check: Check, annotations: dict[str, str]
) -> KeylessSignature:
    """Return a signature on the image that holds under the root: `root` is its trusted_root.json.

    Raises UsageError for a token that is none, KeyUnavailableError if a service does not answer or refuses, and
    what verification raises if what came back does not hold.
    """
    # cosign leaves the name out; the library wants one
    subject = Subject(image.name, {image.digest.algorithm: image.digest.hex}, annotations)
    payload = intoto.build([subject], SIGN_PREDICATE, {}, intoto.STATEMENT_V1)
    content = _bundle(payload, token, services, root)
    proven = verify_blob(Blob((image.digest,)), content, check)
    if services.timestamp_url and not parse_bundle(content).timestamps:
        # the library only warns
        raise KeyUnavailableError(f"{services.timestamp_url} gave no timestamp", next_step="check its URL")
    attachment = Attachment(
        place=Place(REFERRERS, MEDIA_TYPE),
        media_type=MEDIA_TYPE,
        content=content,
        annotations={},
        artifact_type=MEDIA_TYPE,
        manifest_annotations={
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": SIGN_PREDICATE,
        },
    )
    return KeylessSignature(attachment, proven)


def _bundle(payload: bytes, token: str, services: Services, root: bytes) -> bytes:
    try:
        from sigstore.dsse import Statement
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import IdentityError, IdentityToken
        from sigstore.sign import SigningContext
    except ImportError as error:
        raise UsageError(
            "signing without a key needs the sigstore package", next_step="pip install trustkit[keyless]"
        ) from error
    try:
        identity = IdentityToken(token, services.audience)
    except IdentityError as error:
        raise UsageError(f"the identity token cannot be used: {error}", next_step="log in again") from error
    try:
        config = ClientTrustConfig.from_json(_trust_config(services, root))
        with SigningContext.from_trust_config(config).signer(identity) as signer:
            return signer.sign_dsse(Statement(payload)).to_json().encode()
    except Exception as error:
        raise KeyUnavailableError(
            f"signing without a key failed: {type(error).__name__}: {str(error)[:300]}",
            next_step="check the URLs of Fulcio, Rekor and the timestamp authority, and the trusted root",
        ) from error


def _trust_config(services: Services, root: bytes) -> str:
    """Return URLs and root as the library takes them (sigstore_trustroot.proto, ClientTrustConfig)."""
    signing = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [_service(services.fulcio_url, 1)],
        "oidcUrls": [],
        "rekorTlogUrls": [_service(services.rekor_url, services.rekor_version)],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": [_service(services.timestamp_url, 1)] if services.timestamp_url else [],
        "tsaConfig": {"selector": "ANY"},
    }
    return (
        '{"mediaType":"application/vnd.dev.sigstore.clienttrustconfig.v0.1+json","signingConfig":'
        + json.dumps(signing)
        + ',"trustedRoot":'
        + root.decode("utf-8", "replace")
        + "}"
    )


def _service(url: str, version: int) -> dict[str, object]:
    window = {"start": "1970-01-01T00:00:00Z"}
    return {"url": url, "majorApiVersion": version, "validFor": window, "operator": url}
