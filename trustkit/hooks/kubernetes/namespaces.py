"""The labels of namespaces, from the API server: a review does not tell them, and who writes one must not either.

Kept for a few seconds. What cannot be found out is an error, never a namespace without labels: rules for it would not
be asked.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from trustkit import limits
from trustkit.admission.cache import Cache
from trustkit.admission.single_flight import SingleFlight
from trustkit.codec.strict_json import as_object, as_text
from trustkit.hooks.errors import HookError
from trustkit.hooks.kubernetes.api_server import ApiReader, ApiServer
from trustkit.policy.scope import NAME_LABEL

Labels = tuple[tuple[str, str], ...]
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_RIGHTS = "give the webhook's service account the right to get namespaces, as deploy/kubernetes does"


class Namespaces:
    """Reads namespaces, for one event loop."""

    def __init__(self, server: ApiServer, now: Callable[[], datetime]) -> None:
        """Nothing is asked yet."""
        self._api, self._now = ApiReader(server), now
        self._flights: SingleFlight[Labels] = SingleFlight(limits.NAMESPACE_READS, limits.WAITING_FETCHES)
        self._kept: Cache[Labels] = Cache(limits.CACHED_NAMESPACES)

    async def labels(self, name: str) -> Labels:
        """Return the labels a namespace has, as they were at most some seconds ago. Raises TrustkitError."""
        kept = self._kept.get(name, self._now())
        if kept is not None:
            return kept
        if not _NAME.match(name):
            raise HookError(f"{name[:80]!r} is no namespace, so nothing is known of its labels")
        return await self._flights.run(name, partial(self._read, name))

    def close(self) -> None:
        """Ask no more."""
        self._flights.close()
        self._api.close()

    def _read(self, name: str) -> Labels:
        asked = self._now()
        labels = _labels(self._api.read(f"/api/v1/namespaces/{name}", "Namespace", name, _RIGHTS), name)
        self._kept.put(name, labels, (asked, asked + timedelta(seconds=limits.NAMESPACE_SECONDS)))
        return labels


def _labels(found: dict[str, object], name: str) -> Labels:
    what = f"the namespace {name}"
    metadata = as_object(found.get("metadata"), f"{what}: metadata")
    labels = as_object(metadata.get("labels", {}), f"{what}: labels")
    texts = {key: as_text(value, f"{what}: label {key}") for key, value in labels.items()}
    return tuple(sorted({**texts, NAME_LABEL: name}.items()))
