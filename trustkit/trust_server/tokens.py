"""Tokens of a registry's token service (Docker's "Token Authentication Specification"), checked by its public key."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from trustkit.codec import jwt
from trustkit.codec.jwt import Token
from trustkit.codec.strict_json import as_int, as_list, as_object, as_text
from trustkit.errors import AlgorithmNotApprovedError, ConfigError, CryptoError, MalformedError, VerificationError
from trustkit.fips.algorithms import CURVES
from trustkit.fips.ecdsa_signature import from_numbers
from trustkit.fips.provider import CryptoProvider
from trustkit.model import keys
from trustkit.model.keys import PublicKey
from trustkit.trust_server.access import ACTIONS, EVERYTHING, require_allowed, unauthenticated

# RFC 7518 3.1, RFC 8037: name → our algorithm, and the kind of key it needs
_ALGORITHMS = {
    "ES256": (keys.ECDSA_P256_SHA256, "ecdsa-p256"),
    "ES384": (keys.ECDSA_P384_SHA384, "ecdsa-p384"),
    "ES512": (keys.ECDSA_P521_SHA512, "ecdsa-p521"),
    "RS256": (keys.RSA_PKCS1_SHA256, "rsa"),
    "PS256": (keys.RSA_PSS_SHA256, "rsa"),
    "EdDSA": (keys.ED25519, "ed25519"),
}
# Clocks of two machines.
_SKEW = timedelta(seconds=60)
_ACCESS_ITEMS = 256
_LATEST = 253402300799  # the last second of the year 9999


class TokenService(NamedTuple):
    """Who issues tokens: where clients get them, the names in them, and the key they are signed with."""

    realm: str
    service: str
    issuer: str
    key: PublicKey


class TokenAccess:
    """Asks for a token of one service."""

    def __init__(self, service: TokenService, crypto: CryptoProvider) -> None:
        """Believe this service. Raises ConfigError for names that do not fit a header."""
        for name in (service.realm, service.service):
            if not name.isprintable() or not name.isascii() or '"' in name or not name:
                raise ConfigError(f"{name!r} cannot stand in a challenge to clients")
        self._service = service
        self._crypto = crypto

    def admit(self, authorization: str, gun: str, actions: frozenset[str], now: datetime) -> str:
        """As in the Protocol."""
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise unauthenticated("a token is needed", self._challenge(gun, actions))
        try:
            token = jwt.parse(text.strip())
            self._verify(token)
            who, granted = _claims(token.claims, self._service, now)
        except (MalformedError, VerificationError, CryptoError) as error:
            challenge = self._challenge(gun, actions) + ',error="invalid_token"'
            raise unauthenticated(f"the token is refused: {error.message}", challenge) from error
        if gun:
            require_allowed(who, gun, actions, granted)
        return who

    def _verify(self, token: Token) -> None:
        """The key decides which algorithms are possible, the token only which of them (RFC 8725 3.1)."""
        algorithm, kind = _ALGORITHMS.get(token.algorithm, ("", ""))
        key = self._service.key
        if kind != key.kind:
            raise AlgorithmNotApprovedError(f"the algorithm {token.algorithm[:20]!r} does not fit the service's key")
        signature = _ecdsa_der(token.signature, kind) if kind.startswith("ecdsa") else token.signature
        self._crypto.verify(key, algorithm, signature, token.signed)

    def _challenge(self, gun: str, actions: frozenset[str]) -> str:
        parts = f'Bearer realm="{self._service.realm}",service="{self._service.service}"'
        if not gun:
            return parts
        return f'{parts},scope="repository:{gun}:{",".join(sorted(actions))}"'


def _ecdsa_der(signature: bytes, kind: str) -> bytes:
    """Return r || s as DER; RFC 7518 3.4 knows no other form and no other length. Raises MalformedError."""
    size = CURVES[kind].field_bytes
    if len(signature) != 2 * size:
        raise MalformedError(f"the signature is not {2 * size} bytes")
    return from_numbers(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))


def _claims(
    claims: Mapping[str, object], service: TokenService, now: datetime
) -> tuple[str, dict[str, frozenset[str]]]:
    """Return who the token speaks of and what it grants. Raises MalformedError, VerificationError."""
    if as_text(claims.get("iss"), "iss") != service.issuer:
        raise VerificationError("another service issued it")
    audience = claims.get("aud")
    audiences = [as_text(item, "aud") for item in (audience if isinstance(audience, list) else [audience])]
    if service.service not in audiences:
        raise VerificationError("it is meant for another service")
    if now >= _time(claims, "exp") + _SKEW:
        raise VerificationError("it has expired")
    if "nbf" in claims and now < _time(claims, "nbf") - _SKEW:
        raise VerificationError("it is not valid yet")
    who = as_text(claims.get("sub", ""), "sub")
    return who[:255] or "token", _granted(claims.get("access") or [])


def _granted(value: object) -> dict[str, frozenset[str]]:
    granted: dict[str, frozenset[str]] = {}
    items = as_list(value, "access")
    if len(items) > _ACCESS_ITEMS:
        raise MalformedError(f"it grants {len(items)} things")
    for item in items:
        members = as_object(item, "access")
        if members.get("type") != "repository":
            continue
        name = as_text(members.get("name"), "name")
        actions = frozenset(as_text(action, "action") for action in as_list(members.get("actions"), "actions"))
        allowed = ACTIONS if EVERYTHING in actions else actions & ACTIONS
        granted[name] = granted.get(name, frozenset()) | allowed
    return granted


def _time(claims: Mapping[str, object], name: str) -> datetime:
    seconds = as_int(claims.get(name), name)
    if not 0 <= seconds <= _LATEST:
        raise MalformedError(f"{name} is no time")
    return datetime.fromtimestamp(seconds, UTC)
