"""Private keys in tokens: `pkcs11:` URIs (RFC 7512), smart cards and HSMs by their PKCS#11 library.

Content is hashed here, the digest is signed in the token, and what it returns is verified here before anybody
sees it. The PIN goes to the token and nowhere else.
"""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar  # noqa: TID251  (the binding is loaded when a token is used)

from trustkit.codec import der
from trustkit.errors import KeyUnavailableError, SignatureMismatchError, UsageError
from trustkit.fips.algorithms import ECDSA, EDDSA, RSA_PKCS1, RSA_PSS, Algorithm, fitting
from trustkit.fips.ecdsa_signature import ecdsa_signature_der
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import PublicKey
from trustkit.signing.key_providers.token_objects import TokenIdentity, public_of, token_identity
from trustkit.signing.key_providers.token_session import (
    AskPin,
    find_token,
    load_library,
    login,
    named,
    pin_for,
    private_key,
    spoken,
    wanted_key,
)

if TYPE_CHECKING:
    import pkcs11

# RFC 8017 9.2 note 1: DigestInfo up to the digest.
_DIGEST_OIDS = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}


class TokenKeys:
    """Keys named by `pkcs11:` URIs."""

    api: ClassVar[int] = 1
    scheme: ClassVar[str] = "pkcs11"

    def __init__(self, crypto: CryptoProvider, ask_pin: AskPin, module: Path | None = None) -> None:
        """Take the maths, who asks for PINs, and the library for URIs that name none."""
        self._crypto = crypto
        self._ask_pin = ask_pin
        self._module = module

    def open(self, uri: str) -> "TokenKey":
        """Log in and return the private key. Raises UsageError, KeyUnavailableError, KeyFileError."""
        wanted = wanted_key(uri)
        if wanted.type not in (None, "private"):
            raise UsageError(f"{wanted}: type={wanted.type} does not sign", next_step="leave type= out")
        library = load_library(wanted, self._module)
        token = find_token(library, wanted)
        pin = pin_for(wanted, token, self._ask_pin)
        with spoken(wanted):
            session = login(token, pin, wanted)
            key = private_key(session, wanted)
            public = public_of(session, key, named(wanted))
        return TokenKey(session, key, public, token_identity(token, str(library.library_description)), self._crypto)

    def public(self, uri: str) -> tuple[PublicKey, TokenIdentity]:
        """Return a key's public half and its token, without a PIN if the token shows it to everybody.

        Raises UsageError, KeyUnavailableError, KeyFileError.
        """
        wanted = wanted_key(uri)
        library = load_library(wanted, self._module)
        token = find_token(library, wanted)
        with spoken(wanted), token.open() as session:
            found = public_of(session, None, named(wanted))
        return found, token_identity(token, str(library.library_description))


class TokenKey:
    """A private key in a token, with the session it was opened in."""

    def __init__(
        self,
        session: "pkcs11.Session",
        key: "pkcs11.SignMixin",
        public: PublicKey,
        token: TokenIdentity,
        crypto: CryptoProvider,
    ) -> None:
        """Keep the session; the process ends it."""
        self._session = session
        self._key = key
        self._public = public
        self._crypto = crypto
        self.place = token

    @property
    def public(self) -> PublicKey:
        """The public half, as the token has it."""
        return self._public

    def sign(self, algorithm: str, message: bytes) -> bytes:
        """Sign the message: hash here, sign there, verify here. ECDSA as DER.

        Raises AlgorithmNotApprovedError, KeyUnavailableError.
        """
        row = fitting(self._public, algorithm)
        with spoken(self.place):
            signature = self._signed(row, message)
        if row.scheme == ECDSA:
            signature = ecdsa_signature_der(signature, self._public.kind)
        try:
            self._crypto.verify(self._public, algorithm, signature, message)
        except SignatureMismatchError as error:
            raise KeyUnavailableError(
                f"{self.place}: its signature does not fit its own public key",
                next_step="are the two halves of one key stored under one CKA_ID?",
            ) from error
        return signature

    def _signed(self, row: Algorithm, message: bytes) -> bytes:
        import pkcs11

        kinds = pkcs11.Mechanism
        if row.scheme == EDDSA:
            # pure EdDSA hashes the message twice, so the token has to see it (RFC 8032 5.1.6)
            return self._key.sign(message, mechanism=kinds.EDDSA)
        digest = self._digest(row, message)
        if row.scheme == ECDSA:
            return self._key.sign(digest, mechanism=kinds.ECDSA)
        if row.scheme == RSA_PKCS1:
            return self._key.sign(_digest_info(row.digest, digest), mechanism=kinds.RSA_PKCS)
        if row.scheme == RSA_PSS:
            name = row.digest.upper()
            hashed = {"SHA256": kinds.SHA256, "SHA384": kinds.SHA384, "SHA512": kinds.SHA512}[name]
            return self._key.sign(
                digest, mechanism=kinds.RSA_PKCS_PSS, mechanism_param=(hashed, pkcs11.MGF[name], len(digest))
            )
        raise KeyUnavailableError(f"{self.place}: {row.name} is not signed in tokens")

    def _digest(self, row: Algorithm, message: bytes) -> bytes:
        running = self._crypto.hasher(row.digest)
        running.update(message)
        return running.digest()


def _digest_info(digest: str, value: bytes) -> bytes:
    algorithm = der.encode(der.SEQUENCE, der.encode_oid(_DIGEST_OIDS[digest]), der.encode(der.NULL))
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.OCTET_STRING, value))
