"""Private keys in key management services: AWS, Google Cloud, Azure and HashiCorp Vault, by securesystemslib's signers.

Credentials are those the services' own libraries find. What a service returns is verified here before it is used.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar  # noqa: TID251  (the services' libraries are large)

from trustkit.codec import base64
from trustkit.errors import (
    AlgorithmNotApprovedError,
    KeyUnavailableError,
    MalformedError,
    SignatureMismatchError,
    TrustkitError,
    UsageError,
)
from trustkit.fips.ecdsa_signature import ecdsa_signature_der
from trustkit.fips.parse import public_key_from_pem, public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.spki import ed25519_spki
from trustkit.model.keys import (
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA256,
    ECDSA_P384_SHA384,
    ECDSA_P521_SHA256,
    ECDSA_P521_SHA512,
    ED25519,
    RSA_PKCS1_SHA256,
    PublicKey,
)
from trustkit.model.values import NamedTuple

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey  # type: ignore[attr-defined]

_Found = TypeVar("_Found")
SCHEMES = ("awskms", "gcpkms", "azurekms", "hashivault")
_URI_CHARS = 1024
_VISIBLE = re.compile(r"[!-~]+\Z")
_ED25519_BYTES = 32
# How securesystemslib calls what a service does with a key.
_ALGORITHMS = {
    "ecdsa-sha2-nistp256": ECDSA_P256_SHA256,
    "ecdsa-sha2-nistp384": ECDSA_P384_SHA384,
    "ecdsa-sha2-nistp521": ECDSA_P521_SHA512,
    "rsa-pkcs1v15-sha256": RSA_PKCS1_SHA256,
    "ed25519": ED25519,
}
# Vault hashes with SHA-256 on every curve unless told otherwise, and pads RSA by PSS, which cosign's formats never use.
_VAULT_ALGORITHMS = {
    "ed25519": ED25519,
    "ecdsa-p256": ECDSA_P256_SHA256,
    "ecdsa-p384": ECDSA_P384_SHA256,
    "ecdsa-p521": ECDSA_P521_SHA256,
}
_AZURE = re.compile(
    r"(?P<vault>[A-Za-z0-9-]{3,24})\.vault\.azure\.net/(?:keys/)?(?P<key>[A-Za-z0-9-]{1,127})(?:/(?P<version>[0-9a-f]{32}))?\Z"
)
_VAULT = re.compile(r"(?P<key>[\w.-]{1,255})(?:/(?P<version>[0-9]{1,9}))?\Z", re.ASCII)
_GCP = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+/cryptoKeyVersions/[0-9]+\Z")


class ServicePlace(NamedTuple):
    """Which service did the maths, and what the key is called there."""

    service: str
    key: str

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.key} in {self.service}"


class ServiceKey:
    """A private key in a service; `algorithm` is the only one it signs with."""

    scheme: ClassVar[str] = "kms"

    def __init__(
        self, signer: "Signer", public: PublicKey, algorithm: str, place: ServicePlace, crypto: CryptoProvider
    ) -> None:
        """Keep what signs; nothing is asked yet."""
        self._signer = signer
        self._public = public
        self._crypto = crypto
        self.algorithm = algorithm
        self.place = place

    @property
    def public(self) -> PublicKey:
        """The public half, as the service gave it."""
        return self._public

    def sign(self, algorithm: str, message: bytes) -> bytes:
        """Sign the message there, and verify it here. Raises AlgorithmNotApprovedError, KeyUnavailableError."""
        if algorithm != self.algorithm:
            raise AlgorithmNotApprovedError(f"{self.place} signs with {self.algorithm}, not with {algorithm}")
        found = _asked(str(self.place), lambda: self._signer.sign(message).signature)
        try:
            signature = bytes.fromhex(found)
            if self._public.kind.startswith("ecdsa-"):
                signature = ecdsa_signature_der(signature, self._public.kind)
            self._crypto.verify(self._public, algorithm, signature, message)
        except (ValueError, MalformedError, SignatureMismatchError) as error:
            raise KeyUnavailableError(
                f"{self.place}: what it returns is no signature by its own public key",
                next_step="was the key replaced there? import it anew",
            ) from error
        return signature


def open_service(uri: str, crypto: CryptoProvider) -> ServiceKey:
    """Ask the service for the key.

    Raises UsageError, KeyUnavailableError, MalformedError, AlgorithmNotApprovedError.
    """
    if len(uri) > _URI_CHARS or not _VISIBLE.match(uri):
        raise UsageError("the URI of a key in a service is too long, or has characters no URI has")
    if crypto.status().mode != "off":
        raise AlgorithmNotApprovedError(
            "the client libraries of key services hash outside the FIPS module, so they are not used in FIPS mode",
            next_step="sign with a key in a PKCS#11 token; to verify, export the public half to a file",
        )
    scheme, _, rest = uri.partition(":")
    opening = {"awskms": _aws, "gcpkms": _gcp, "azurekms": _azure, "hashivault": _vault}[scheme.lower()]
    return opening(rest.removeprefix("//"), crypto)


def _aws(rest: str, crypto: CryptoProvider) -> ServiceKey:
    host, slash, key = rest.partition("/")
    if not slash or host or not key:
        raise UsageError(
            "a key in AWS KMS is written awskms:///ID, awskms:///alias/NAME or awskms:///ARN",
            next_step="another endpoint goes into AWS_ENDPOINT_URL_KMS",
        )

    def asked() -> "tuple[Signer, SSlibKey]":
        from securesystemslib.signer import AWSSigner  # type: ignore[attr-defined]

        _, public = AWSSigner.import_(key)
        if public.keytype == "rsa":
            # the library prefers PSS, which cosign's formats never use
            _, public = AWSSigner.import_(key, "rsa-pkcs1v15-sha256")
        return AWSSigner(key, public), public

    return _service_key(ServicePlace("AWS KMS", key), asked, crypto)


def _gcp(rest: str, crypto: CryptoProvider) -> ServiceKey:
    if not _GCP.match(rest):
        raise UsageError(
            "a key in Google Cloud KMS is written "
            "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N"
        )

    def asked() -> "tuple[Signer, SSlibKey]":
        from securesystemslib.signer import GCPSigner  # type: ignore[attr-defined]

        _, public = GCPSigner.import_(rest)
        return GCPSigner(rest, public), public

    return _service_key(ServicePlace("Google Cloud KMS", rest), asked, crypto)


def _azure(rest: str, crypto: CryptoProvider) -> ServiceKey:
    named = _AZURE.match(rest)
    if not named:
        raise UsageError("a key in Azure Key Vault is written azurekms://VAULT.vault.azure.net/KEY[/VERSION]")

    def asked() -> "tuple[Signer, SSlibKey]":
        from securesystemslib.signer import AzureSigner  # type: ignore[attr-defined]

        uri, public = AzureSigner.import_(named["vault"], named["key"])
        if named["version"] and not uri.endswith(f"/{named['version']}"):
            raise KeyUnavailableError(
                f"{rest}: version {named['version']} is no longer the key's newest", next_step="name the newest version"
            )
        return AzureSigner(uri.replace("azurekms:", "https:"), public), public

    return _service_key(ServicePlace("Azure Key Vault", rest), asked, crypto)


def _vault(rest: str, crypto: CryptoProvider) -> ServiceKey:
    named = _VAULT.match(rest)
    if not named:
        raise UsageError(
            "a key in HashiCorp Vault is written hashivault://NAME[/VERSION]",
            next_step="set VAULT_ADDR and VAULT_TOKEN",
        )
    place = ServicePlace("HashiCorp Vault", rest)
    public, version = _asked(str(place), lambda: _vault_public(named["key"], named["version"] or ""))
    algorithm = _VAULT_ALGORITHMS.get(public.kind)
    if algorithm is None:
        raise AlgorithmNotApprovedError(f"{place}: keys of kind {public.kind} are not used there")

    def signer() -> "Signer":
        from securesystemslib.signer import SSlibKey, VaultSigner  # type: ignore[attr-defined]

        # the library asks nothing of it but its identifier
        key = SSlibKey(public.fingerprint, public.kind, algorithm, {"public": public.fingerprint})
        return VaultSigner(named["key"], key, int(version))

    place = ServicePlace("HashiCorp Vault", f"{named['key']}/{version}")
    return ServiceKey(_asked(str(place), signer), public, algorithm, place, crypto)


def _vault_public(name: str, version: str) -> tuple[PublicKey, str]:
    import hvac  # type: ignore[import-untyped]

    found = hvac.Client().secrets.transit.read_key(name)["data"]["keys"]
    number = version or max(found, key=int)
    if number not in found:
        raise KeyUnavailableError(f"{name} in HashiCorp Vault has no version {number}")
    written = str(found[number]["public_key"])
    if written.startswith("-----BEGIN"):
        return public_key_from_pem(written.strip().encode() + b"\n"), number
    raw = base64.decode(written, "the key in Vault")
    if len(raw) != _ED25519_BYTES:
        raise MalformedError(f"{name} in HashiCorp Vault is no public key that is used here")
    return public_key_from_spki(ed25519_spki(raw)), number


def _service_key(
    place: ServicePlace, asked: "Callable[[], tuple[Signer, SSlibKey]]", crypto: CryptoProvider
) -> ServiceKey:
    signer, found = _asked(str(place), asked)
    algorithm = _ALGORITHMS.get(found.scheme)
    if algorithm is None:
        raise AlgorithmNotApprovedError(f"{place}: signs with {found.scheme}, which is not used for images")
    public = public_key_from_pem(str(found.keyval["public"]).encode())
    return ServiceKey(signer, public, algorithm, place, crypto)


def _asked(what: str, ask: Callable[[], _Found]) -> _Found:
    """Return what a service answers; its library's many errors become one of ours. Raises KeyUnavailableError."""
    try:
        return ask()
    except TrustkitError:
        raise
    except ImportError as error:
        raise KeyUnavailableError(f"{what}: needs {error.name}", next_step="install trustkit[kms]") from error
    except Exception as error:
        # every service's library has errors of its own, and they share no class
        words = " ".join(str(error).split())[:300]
        raise KeyUnavailableError(
            f"{what}: {type(error).__name__}: {words}",
            next_step="check the key's name, your permissions and the network",
        ) from error
