"""Evidence that another node of the fleet fetched, verified here as if it came from the registry.

Nodes share bytes and never verdicts: an entry holds what the registry answered, and every node hashes it and checks the
signatures itself, by its own policy and trust and at its own time. So a poisoned entry can at worst hide evidence. Only
what was proven and complete is shared, and an entry that does not prove that again is put aside and the registry asked.
"""

from collections.abc import Callable
from datetime import datetime

from trustkit.admission.judge import Established, Kit, establish
from trustkit.codec.shared_entry import Entry
from trustkit.errors import TrustkitError
from trustkit.fleet.shared import SharedEntries
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.oci.recorded import RecordedSource


class SharedEvidence(NamedTuple):
    """The entries, and what tells one set of registry credentials from another."""

    entries: SharedEntries
    credential: Callable[[ImageRef], str]


class _Fetch(NamedTuple):
    ref: ImageRef
    kit: Kit
    name: str
    shared: SharedEvidence


def establish_shared(
    ref: ImageRef,
    kit: Kit,
    shared: SharedEvidence,
    scope: tuple[str, ...],
    until: Callable[[Established], datetime],
) -> Established:
    """Return what is known of an image that is named by digest, from another node's answers if there are some.

    `until` says how long something proven may count. Raises as `judge.establish`.
    """
    name = shared.entries.name(*scope, ref.name, str(ref.digest), shared.credential(ref))
    fetch = _Fetch(ref, kit, name, shared)
    found, notes = _borrowed(fetch)
    if found is None:
        found, more = _fetched(fetch, until)
        notes += more
    return found._replace(report=found.report._replace(notes=(*found.report.notes, *notes)))


def _borrowed(fetch: _Fetch) -> tuple[Established | None, tuple[str, ...]]:
    """Return what another node's answers prove, if they do, and what was wrong with the store."""
    ref, kit = fetch.ref, fetch.kit
    try:
        entry = fetch.shared.entries.get(fetch.name, kit.now())
    except TrustkitError as error:
        return None, (f"evidence of other nodes was not used: {error.message}",)
    if entry is None:
        return None, ()
    source = RecordedSource(lambda: kit.open_source(ref), entry.answers)
    try:
        found = establish(ref, kit._replace(open_source=lambda _: source))
    except TrustkitError as error:
        return None, (f"evidence of other nodes was not used: {error.message}",)
    if not _is_proven(found):
        return None, ("evidence of other nodes was not used: it proves nothing here",)
    # it counts from when the registry was asked, by whichever clock is behind
    return found._replace(at=min(found.at, entry.at)), ()


def _fetched(fetch: _Fetch, until: Callable[[Established], datetime]) -> tuple[Established, tuple[str, ...]]:
    """Return what the registry's answers prove, after other nodes were given them."""
    ref, kit, asked = fetch.ref, fetch.kit, fetch.kit.now()
    source = RecordedSource(lambda: kit.open_source(ref), {})
    found = establish(ref, kit._replace(open_source=lambda _: source))
    if not _is_proven(found):
        return found, ()
    now = kit.now()
    seconds = int((until(found) - now).total_seconds())
    if seconds <= 0:
        return found, ()
    try:
        fetch.shared.entries.put(fetch.name, Entry(asked, source.answers), seconds, now)
    except TrustkitError as error:
        return found, (f"evidence was not shared with other nodes: {error.message}",)
    return found, ()


def _is_proven(found: Established) -> bool:
    return bool(found.report.accepted) and found.report.complete
