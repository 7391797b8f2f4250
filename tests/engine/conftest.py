"""One engine for the tests of a module; each test makes containers of its own."""

from collections.abc import Iterator

import pytest

from peers.engine_bench import Bench, bench


@pytest.fixture(scope="module")
def shared_engine() -> Iterator[Bench]:
    """An engine with the busybox image pulled."""
    with bench() as made:
        made.pull()
        yield made


@pytest.fixture
def engine(shared_engine: Bench) -> Iterator[Bench]:
    """The module's engine; containers a test leaves are removed."""
    yield shared_engine
    for item in shared_engine.run(shared_engine.service.list(every=True)):
        shared_engine.run(shared_engine.service.remove(item.id, force=True, volumes=True))


@pytest.fixture
def own_engine() -> Iterator[Bench]:
    """An engine of the test's own, for tests that break it."""
    with bench() as made:
        made.pull()
        yield made
