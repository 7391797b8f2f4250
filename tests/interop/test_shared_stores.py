"""What a real Redis and a real PostgreSQL keep: values by name, within bounds, and for as long as was asked."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread

import pytest

from peers.postgres import postgres
from peers.processes import wait_until
from peers.redis import redis
from trustkit.errors import ConfigError
from trustkit.fleet.errors import SharedStoreError
from trustkit.fleet.open_store import open_store
from trustkit.fleet.postgres_store import PostgresStore


@pytest.fixture(scope="module", params=["redis", "postgres"])
def place(request) -> Iterator[tuple[str, object]]:
    with ExitStack() as stack:
        running = stack.enter_context(redis() if request.param == "redis" else postgres())
        yield (running.url if request.param == "redis" else running.database()), running


@pytest.fixture
def store(place):
    found = open_store(place[0], 2, None)
    yield found
    found.close()


def test_a_value_is_read_as_it_was_put(store):
    store.put("bytes", bytes(range(256)) * 9, 60)
    assert store.get("bytes", 1 << 20) == bytes(range(256)) * 9


def test_what_nobody_put_is_absent(store):
    assert store.get("nothing", 10) is None


def test_a_value_ends(store):
    store.put("short", b"x", 1)
    wait_until(lambda: store.get("short", 10) is None, "the value's end", 5)


def test_a_value_over_the_limit_is_an_error(store):
    store.put("long", b"x" * 101, 60)
    with pytest.raises(SharedStoreError, match="more than 100"):
        store.get("long", 100)


def test_of_two_first_values_one_wins(store):
    assert (store.swap("first", None, b"a"), store.swap("first", None, b"b")) == (True, False)
    assert store.get("first", 10) == b"a"


def test_a_value_that_changed_meanwhile_is_not_replaced(store):
    store.swap("swapped", None, b"1")
    assert (store.swap("swapped", b"0", b"2"), store.swap("swapped", b"1", b"3")) == (False, True)
    assert store.get("swapped", 10) == b"3"


def test_many_threads_share_it(store):
    def work(number: int) -> None:
        for turn in range(20):
            store.put(f"thread-{number}", b"%d" % turn, 60)
            assert store.get(f"thread-{number}", 10) == b"%d" % turn
        done.append(number)

    done: list[int] = []
    threads = [Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(12))


def test_a_flood_stays_within_bounds_in_postgres():
    with postgres() as cluster:
        url = cluster.database()
        store = PostgresStore(url, 2, most=100)
        store.swap("kept", None, b"for good")
        for number in range(600):
            store.put(f"flood-{number}", b"x", 60)
        store.close()
        assert int(cluster.query(url, "SELECT count(*) FROM trustkit_shared")) <= 100 + 64 + 1
        again = PostgresStore(url, 2)
        assert again.get("kept", 10) == b"for good"
        again.close()


def test_redis_forgets_entries_before_revocations():
    with redis("--maxmemory", "3mb", "--maxmemory-policy", "volatile-ttl") as running:
        store = open_store(running.url, 2, None)
        store.swap("kept", None, b"for good")
        for number in range(200):
            store.put(f"flood-{number}", b"x" * 50_000, 60)
        assert store.get("kept", 10) == b"for good"
        assert store.get("flood-0", 1 << 20) is None
        store.close()


def test_redis_is_spoken_to_with_tls_and_a_password(tls):
    with redis("--requirepass", "s3cret", tls=tls) as running:
        store = open_store(running.url.replace("://", "://default:s3cret@"), 2, running.ca_file)
        store.put("name", b"value", 60)
        assert (store.get("name", 10), "s3cret" in store.place) == (b"value", False)
        store.close()


def test_redis_with_a_certificate_of_nobody_known_is_refused(tls):
    with redis(tls=tls) as running, pytest.raises(SharedStoreError, match="certificate does not verify"):
        open_store(running.url, 2, None).get("name", 10)


def test_a_wrong_password_is_an_error_that_does_not_show_it():
    with redis("--requirepass", "s3cret") as running:
        with pytest.raises(SharedStoreError, match="WRONGPASS") as caught:
            open_store(running.url.replace("://", "://default:guess@"), 2, None).get("name", 10)
        assert "guess" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [b"$99999999999\r\n", b"$-2\r\n", b"*1\r\n$1\r\nx\r\n", b"x" * 3000, b"$5\r\nshort", b"$x\r\n", b"-ERR no\r\n"],
)
def test_a_redis_that_lies_is_an_error(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def lie() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = Thread(target=lie, daemon=True)
        thread.start()
        with pytest.raises(SharedStoreError):
            open_store(f"redis://127.0.0.1:{server.getsockname()[1]}", 1, None).get("name", 100)
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache.example:6379", "mysql://127.0.0.1/x", "redis://", "redis://127.0.0.1/x", "redis://u@127.0.0.1",
        "postgresql://cache.example/x", "postgresql://cache.example/x?sslmode=require", "postgresql://127.0.0.1:x/y",
    ],
)  # fmt: skip
def test_an_unsafe_or_unknown_place_is_refused(url):
    with pytest.raises(ConfigError):
        open_store(url, 1, None)
