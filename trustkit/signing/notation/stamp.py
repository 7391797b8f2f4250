"""Ask a timestamp authority when a signature was made, by HTTP (RFC 3161 sections 2.4.1 and 3.4)."""

from trustkit import limits
from trustkit.codec import der
from trustkit.codec.timestamp import token_of
from trustkit.errors import MalformedError, UnreachableError
from trustkit.fips.hashing import random_bytes, sha256
from trustkit.model.values import NamedTuple
from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.url import parse

_SHA256 = "2.16.840.1.101.3.4.2.1"
_NONCE_BYTES = 8
_OK = 200


class Stamping(NamedTuple):
    """Where to ask, and the roots (DER) under which the answer has to hold."""

    url: str
    roots: tuple[bytes, ...]

    def token(self, message: bytes) -> bytes:
        """Return a token for the message; who made it is for verification to check.

        Raises SourceError, MalformedError, LimitExceededError.
        """
        algorithm = der.encode(der.SEQUENCE, der.encode_oid(_SHA256), bytes((der.NULL, 0)))
        imprint = der.encode(der.SEQUENCE, algorithm, der.encode(der.OCTET_STRING, sha256(message)))
        nonce = der.encode_unsigned(int.from_bytes(random_bytes(_NONCE_BYTES), "big"))
        asked = der.encode(der.SEQUENCE, der.encode_unsigned(1), imprint, nonce, der.encode(der.BOOLEAN, b"\xff"))
        place = parse(self.url)
        # the token proves itself, so the authority may be spoken to without TLS
        plain = (f"{place.host}:{place.port}",) if place.scheme == "http" else ()
        client = HttpClient(HttpOptions(insecure_hosts=plain))
        try:
            response = client.send(Request("POST", place, {"Content-Type": "application/timestamp-query"}, asked))
            content = response.read(limits.TIMESTAMP_BYTES, "the timestamp")
        finally:
            client.close()
        if response.status != _OK:
            raise UnreachableError(f"{self.url} answers {response.status}", next_step="check --timestamp-url")
        token = token_of(content)
        if nonce not in token:
            raise MalformedError(f"{self.url} answered another question: the nonce is not ours")
        return token
