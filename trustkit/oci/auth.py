"""Answers to a registry's challenge: Basic, or a Bearer token (distribution-spec token flow).

    WWW-Authenticate: Bearer realm="https://auth.example/token",service="x",scope="repository:a:pull"

A token is asked once per registry and scope. Credentials go only to the registry's own host, to an https realm of its
domain, or to one that the configuration names; a plain realm elsewhere is refused.
"""

import re
from collections.abc import Callable, Mapping

from trustkit import limits
from trustkit.codec import base64, strict_json
from trustkit.codec.strict_json import as_object, as_text
from trustkit.errors import MalformedError, ProtocolError, UnauthorizedError
from trustkit.model.values import NamedTuple
from trustkit.net.credentials import Credential
from trustkit.net.http import HttpClient, Request
from trustkit.net.reach import MACHINE
from trustkit.net.url import Url, domain, is_loopback, is_machines_own, parse, query
from trustkit.oci.failures import require_status

_SCHEME = re.compile(r"\s*([A-Za-z]+)(?:\s+|$)")
_PARAMETER = re.compile(r'([A-Za-z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,\s*|$)')
_HEADER_SAFE = re.compile(r"[!-~]{1,65536}\Z")
_CLIENT = "trustkit"

FindCredential = Callable[[], Credential | None]


class Refused(NamedTuple):
    """A request that was answered with 401: to which host, for what, its challenges, and how far inwards it lies."""

    url: Url
    scope: str
    challenges: tuple[str, ...]
    reach: int = MACHINE


class Authenticator:
    """Credentials and tokens of one process, for any number of registries."""

    def __init__(self, client: HttpClient, hosts: tuple[str, ...] = ()) -> None:
        """Begin without tokens. `hosts` may be told credentials of registries of other domains."""
        self._client = client
        self._hosts = hosts
        self._headers: dict[tuple[str, str], str] = {}

    def header(self, url: Url, scope: str) -> str:
        """Return the Authorization value known for this registry and scope, or ""."""
        return self._headers.get((url.authority, scope)) or self._headers.get((url.authority, ""), "")

    def answer(self, refused: Refused, sent: str, find: FindCredential) -> bool:
        """Act on a 401 to a request with the Authorization value `sent`; return whether there is another to try.

        Raises UnauthorizedError, ProtocolError, SourceError, ConfigError.
        """
        url, scope = refused.url, refused.scope
        known = self.header(url, scope)
        if known not in ("", sent):
            # another thread was told the same and has answered since
            return True
        for place in ((url.authority, scope), (url.authority, "")):
            if self._headers.get(place) == sent:
                self._headers.pop(place, None)
        offered = dict(_challenge(each) for each in refused.challenges)
        if "bearer" in offered:
            header = f"Bearer {self._token(refused, offered['bearer'], find())}"
            self._headers[url.authority, scope] = header
            return header != sent
        credential = find()
        if "basic" not in offered or credential is None or credential.identity_token:
            return False
        header = _basic(credential)
        self._headers[url.authority, ""] = header
        return header != sent

    def _token(self, refused: Refused, challenge: Mapping[str, str], credential: Credential | None) -> str:
        registry, realm = refused.url, parse(challenge.get("realm", ""))
        self._require_safe(registry, realm)
        if credential is not None:
            self._require_known(registry, realm)
        service = challenge.get("service", "")
        asked = (("service", service), ("scope", refused.scope))
        if credential is not None and credential.identity_token:
            form = (
                ("grant_type", "refresh_token"),
                *asked,
                ("client_id", _CLIENT),
                ("refresh_token", credential.identity_token),
            )
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            request = Request("POST", realm, headers, query(form).encode(), reach=refused.reach)
        else:
            mark = "&" if "?" in realm.target else "?"
            target = f"{realm.target}{mark}{query(tuple(pair for pair in asked if pair[1]))}"
            headers = {} if credential is None else {"Authorization": _basic(credential)}
            request = Request("GET", realm._replace(target=target), headers, reach=refused.reach)
        response = self._client.send(request)
        require_status(response, (200,), f"a token for {registry.authority}")
        content = response.read(limits.ERROR_BODY_BYTES, "the token answer")
        return _token_of(content, realm.authority)

    def _require_known(self, registry: Url, realm: Url) -> None:
        """Return if the registry's credentials may be told to the realm. Raises ProtocolError."""
        if realm.host == registry.host or (is_loopback(realm.host) and is_loopback(registry.host)):
            return
        if domain(realm.host) == domain(registry.host) or realm.host in self._hosts:
            return
        raise ProtocolError(
            f"{registry.authority} wants its credentials sent to {realm.host}, which is not of its domain",
            next_step=f"if {realm.host} is its token service, add it to registry.auth_hosts",
        )

    def _require_safe(self, registry: Url, realm: Url) -> None:
        stays = realm.host == registry.host or (is_loopback(realm.host) and is_loopback(registry.host))
        if is_machines_own(realm.host) and not stays:
            raise ProtocolError(
                f"{registry.authority} wants credentials sent into this machine ({realm.authority})",
                next_step="ask the registry's operator",
            )
        same_host = realm.host == registry.host and realm.scheme == registry.scheme
        if realm.scheme == "https" or (same_host and self._client.may_be_plain(realm)):
            return
        if self._client.may_be_plain(realm) and self._client.may_be_plain(registry):
            return
        raise ProtocolError(
            f"{registry.authority} wants credentials sent in the clear to {realm.authority}",
            next_step="its token service must use https; ask the registry's operator",
        )


def _challenge(header: str) -> tuple[str, dict[str, str]]:
    """Read one challenge (RFC 9110 11.6.1). Raises ProtocolError."""
    scheme = _SCHEME.match(header)
    if scheme is None:
        raise ProtocolError(f"not an authentication challenge: {header[:60]!r}")
    parameters: dict[str, str] = {}
    at = scheme.end()
    while found := _PARAMETER.match(header, at):
        name = found[1].lower()
        if name in parameters:
            raise ProtocolError(f"an authentication challenge has two values of {name}")
        quoted = found[2]
        parameters[name] = found[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = found.end()
    return scheme[1].lower(), parameters


def _basic(credential: Credential) -> str:
    pair = f"{credential.user}:{credential.password}"
    return f"Basic {base64.encode(pair.encode())}"


def _token_of(content: bytes, host: str) -> str:
    what = f"the token answer of {host}"
    try:
        members = as_object(strict_json.parse(content, what=what, limit_bytes=limits.ERROR_BODY_BYTES), what)
        token = as_text(members.get("token") or members.get("access_token"), f"{what}: token")
    except MalformedError as error:
        raise ProtocolError(error.message, next_step="ask the registry's operator") from error
    if not _HEADER_SAFE.match(token):
        raise UnauthorizedError(f"{what} holds no usable token", next_step="log in again")
    return token
