"""The registry credentials a pod brings along: its pull secrets, or those of its service account.

Read where the webhook was given the right to; where it was not, its own credentials are all it has. A secret that does
not exist is passed over, as kubelets do: without credentials a registry refuses, and then so do we.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from trustkit import limits
from trustkit.admission.cache import Cache
from trustkit.admission.judge import PullCredentials
from trustkit.admission.single_flight import SingleFlight
from trustkit.codec import base64
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import LimitExceededError, MalformedError, NotFoundError, UnauthorizedError
from trustkit.fips.hashing import digest_of
from trustkit.hooks.kubernetes.api_server import ApiReader, ApiServer
from trustkit.model.values import NamedTuple

_TYPE, _MEMBER = "kubernetes.io/dockerconfigjson", ".dockerconfigjson"
# RFC 1123, as Kubernetes names objects.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
_RIGHTS = "give the webhook's service account the right to get secrets there, or leave --pull-secrets out"
_DEFAULT_ACCOUNT = "default"


class Pull(NamedTuple):
    """What a pod says of its credentials: secrets by name, and the service account that may name more."""

    secrets: tuple[str, ...] = ()
    account: str = ""


class PullSecrets:
    """Reads secrets, for one event loop."""

    def __init__(self, server: ApiServer, now: Callable[[], datetime]) -> None:
        """Nothing is asked yet."""
        self._api, self._now = ApiReader(server), now
        self._flights: SingleFlight[tuple[bytes, ...]] = SingleFlight(limits.NAMESPACE_READS, limits.WAITING_FETCHES)
        self._kept: Cache[tuple[bytes, ...]] = Cache(limits.CACHED_CREDENTIALS)

    async def credentials(self, namespace: str, pull: Pull) -> PullCredentials:
        """Return what the pod may pull with. Raises TrustkitError: it is not known, so nothing is decided."""
        key = (namespace, *pull)
        texts = self._kept.get(key, self._now())
        if texts is None:
            texts = await self._flights.run(key, partial(self._read, namespace, pull))
        if not texts:
            return PullCredentials()
        return PullCredentials(str(digest_of(b"\0".join(str(digest_of(text)).encode() for text in texts))), texts)

    def close(self) -> None:
        """Ask no more."""
        self._flights.close()
        self._api.close()

    def _read(self, namespace: str, pull: Pull) -> tuple[bytes, ...]:
        asked = self._now()
        names = pull.secrets or self._of_account(namespace, pull.account or _DEFAULT_ACCOUNT)
        if len(names) > limits.PULL_SECRETS:
            raise LimitExceededError(f"{len(names)} pull secrets, more than the {limits.PULL_SECRETS} allowed")
        texts = tuple(text for name in names if (text := self._secret(namespace, name)))
        life = (asked, asked + timedelta(seconds=limits.PULL_SECRET_SECONDS))
        self._kept.put((namespace, *pull), texts, life)
        return texts

    def _of_account(self, namespace: str, name: str) -> tuple[str, ...]:
        try:
            found = self._object(namespace, "serviceaccounts", "ServiceAccount", name)
        except (NotFoundError, UnauthorizedError):
            return ()
        what = f"the service account {name}: imagePullSecrets"
        listed = as_list(found.get("imagePullSecrets") or [], what)
        return tuple(as_text(as_object(one, what).get("name"), what) for one in listed)

    def _secret(self, namespace: str, name: str) -> bytes:
        """Return a secret's config.json; nothing if it does not exist, is of another type, or may not be read."""
        try:
            found = self._object(namespace, "secrets", "Secret", name)
        except (NotFoundError, UnauthorizedError):
            return b""
        if found.get("type") != _TYPE:
            return b""
        data = as_object(found.get("data") or {}, f"the secret {name}: data")
        return base64.decode(as_text(data.get(_MEMBER), f"the secret {name}: {_MEMBER}"), f"the secret {name}")

    def _object(self, namespace: str, resource: str, kind: str, name: str) -> dict[str, object]:
        for part in (namespace, name):
            if not _NAME.match(part):
                raise MalformedError(f"{part[:80]!r} is no name of Kubernetes")
        return self._api.read(f"/api/v1/namespaces/{namespace}/{resource}/{name}", kind, name, _RIGHTS)
