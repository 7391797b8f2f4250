"""Keyless signing: a key that lives for one signature, and a certificate for whom an identity token names.

The `sigstore` package speaks with Fulcio, Rekor and the timestamp authority; what comes back is checked here by
the same rules as everybody else's signature before it leaves.
"""

import json
from typing import TYPE_CHECKING  # noqa: TID251  (an optional package)

from trustkit.codec import intoto
from trustkit.codec.intoto import Subject
from trustkit.codec.sigstore_bundle import parse_bundle
from trustkit.errors import KeyUnavailableError, UsageError
from trustkit.fips.hashing import digest_of
from trustkit.model.values import NamedTuple
from trustkit.signing.blob import Blob, SignedBlob, verify_blob
from trustkit.signing.format import Attachment, Check
from trustkit.signing.keyless.legacy import envelope_text, proofs_of
from trustkit.signing.predicates import predicate_of, predicate_type_of
from trustkit.signing.sign import (
    BUNDLE,
    Subjected,
    bundled,
    legacy_attestation,
    legacy_signature,
    require_layout,
    simple_signing_payload,
)
from trustkit.signing.statement import SIGN_PREDICATE

if TYPE_CHECKING:
    from sigstore.oidc import IdentityToken

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


class Keyless(NamedTuple):
    """Who signs, by which services, and under which root it must hold: its trusted_root.json, and the same in `check`.

    `check.image` is the image's digest.
    """

    token: str
    services: Services
    root: bytes
    check: Check


class KeylessSignature(NamedTuple):
    """Evidence, ready to be pushed, and what it proves."""

    attachment: Attachment
    proven: SignedBlob


def sign_keyless(image: Subjected, how: Keyless, annotations: dict[str, str], layout: str = BUNDLE) -> KeylessSignature:
    """Return a signature on the image that holds under the root.

    Raises UsageError for a token that is none, or for what the layout cannot say; KeyUnavailableError if a service
    does not answer or refuses; and what verification raises if what came back does not hold.
    """
    require_layout(layout)
    if layout == BUNDLE:
        # cosign leaves the name out; the library wants one
        subject = Subject(image.name, {image.digest.algorithm: image.digest.hex}, annotations)
        made = _made(intoto.build([subject], SIGN_PREDICATE, {}, intoto.STATEMENT_V1), how, is_statement=True)
        return KeylessSignature(bundled(made.content, SIGN_PREDICATE), made.proven)
    payload = simple_signing_payload(image, annotations)
    made = _made(payload, how, is_statement=False)
    read = parse_bundle(made.content)
    signature = read.message.signature if read.message else b""
    return KeylessSignature(legacy_signature(payload, signature, proofs_of(read, timestamped=True)), made.proven)


def attest_keyless(
    image: Subjected, how: Keyless, predicate: tuple[str, bytes], layout: str = BUNDLE
) -> KeylessSignature:
    """Return an attestation that holds under the root; `predicate` is as for `attest`. Raises as `sign_keyless`."""
    require_layout(layout)
    name, content = predicate
    kind, value = predicate_type_of(name), predicate_of(name, content, how.check.now)
    subject = Subject(image.name, {image.digest.algorithm: image.digest.hex})
    made = _made(intoto.build([subject], kind, value, intoto.STATEMENT_V1), how, is_statement=True)
    if layout == BUNDLE:
        return KeylessSignature(bundled(made.content, kind), made.proven)
    proofs = proofs_of(parse_bundle(made.content), timestamped=False)
    return KeylessSignature(legacy_attestation(envelope_text(made.content), kind, proofs), made.proven)


def state_keyless(statement: tuple[bytes, str], how: Keyless) -> KeylessSignature:
    """Return a signature on a statement that is written already, given with its predicate's type; as `sign_keyless`."""
    payload, kind = statement
    made = _made(payload, how, is_statement=True)
    return KeylessSignature(bundled(made.content, kind), made.proven)


class _Made(NamedTuple):
    """A bundle that holds, and what it proves."""

    content: bytes
    proven: SignedBlob


def _made(payload: bytes, how: Keyless, *, is_statement: bool) -> _Made:
    content = _bundle(payload, how, is_statement=is_statement)
    blob = Blob((how.check.image,)) if is_statement else Blob((digest_of(payload),), payload)
    proven = verify_blob(blob, content, how.check)
    url = how.services.timestamp_url
    if url and not parse_bundle(content).timestamps:
        # the library only warns
        raise KeyUnavailableError(f"{url} gave no timestamp", next_step="check its URL")
    return _Made(content, proven)


def claimed_identity(how: Keyless) -> tuple[str, str]:
    """Return whom the token names, and who issued it; nothing of it is proven. Raises UsageError."""
    identity = _identity(how)
    return str(identity.identity), str(identity.federated_issuer)


def _identity(how: Keyless) -> "IdentityToken":
    try:
        from sigstore.oidc import IdentityError, IdentityToken
    except ImportError as error:
        raise UsageError(
            "signing without a key needs the sigstore package", next_step="pip install trustkit[keyless]"
        ) from error
    try:
        return IdentityToken(how.token, how.services.audience)
    except IdentityError as error:
        raise UsageError(f"the identity token cannot be used: {error}", next_step="log in again") from error


def _bundle(payload: bytes, how: Keyless, *, is_statement: bool) -> bytes:
    """Return a bundle, of which nothing is proven yet."""
    identity = _identity(how)
    from sigstore.dsse import Statement
    from sigstore.models import ClientTrustConfig
    from sigstore.sign import SigningContext

    try:
        config = ClientTrustConfig.from_json(_trust_config(how.services, how.root))
        with SigningContext.from_trust_config(config).signer(identity) as signer:
            signed = signer.sign_dsse(Statement(payload)) if is_statement else signer.sign_artifact(payload)
            return signed.to_json().encode()
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
