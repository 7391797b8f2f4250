"""Containers from create to remove, on real containerd and runc."""

import asyncio

import pytest

from peers.engine_bench import Bench, admit, now
from trustkit.engine.errors import ConflictError, ContainerStartError, NoSuchContainerError
from trustkit.engine.values import ExecSpec, Status
from trustkit.errors import UsageError
from trustkit.model.run import ContainerHandle, Mount, RunSpec


def test_a_container_goes_through_its_states(engine: Bench) -> None:
    container = engine.create("sleep", "60", name="walker")
    states = [engine.run(engine.service.inspect("walker")).status]
    engine.start(container)
    states.append(engine.run(engine.service.inspect(container[:8])).status)
    engine.run(engine.service.stop(container, 0))
    states.append(engine.run(engine.service.inspect("/walker")).status)
    engine.run(engine.service.remove(container))
    assert states == [Status.CREATED, Status.RUNNING, Status.EXITED]
    with pytest.raises(NoSuchContainerError):
        engine.run(engine.service.inspect("walker"))


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_process_s(engine: Bench, code: int) -> None:
    assert engine.output("sh", "-c", f"exit {code}")[0] == code


@pytest.mark.parametrize(("name", "code"), [("KILL", 137), ("SIGTERM", 143), ("10", 138)])
def test_a_signal_gives_128_and_its_number(engine: Bench, name: str, code: int) -> None:
    container = engine.create(
        "sh", "-c", "trap 'exit 143' TERM; trap 'exit 138' USR1; echo up; while :; do sleep 0.05; done"
    )
    engine.start(container)
    engine.run(_line(engine, container, "up"))
    engine.run(engine.service.kill(container, name))
    assert engine.run(engine.service.wait(container)).code == code


async def _line(engine: Bench, container: str, text: str) -> None:
    async for chunk in engine.service.logs(container, follow=True):
        if text in chunk.data.decode():
            return


def test_stop_kills_what_ignores_the_stop_signal(engine: Bench) -> None:
    container = engine.create("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    engine.start(container)
    engine.run(_line(engine, container, "up"))
    engine.run(engine.service.stop(container, 1))
    assert engine.run(engine.service.wait(container)).code == 137


def test_a_stopped_container_starts_again_with_its_files(engine: Bench) -> None:
    container = engine.create("sh", "-c", "echo x >> /count; wc -l < /count")
    for _ in range(2):
        engine.start(container)
        engine.run(engine.service.wait(container))
    assert engine.logged(container).split() == ["1", "2"]


@pytest.mark.parametrize(
    ("command", "code"), [("/nope", "127"), ("nope", "127"), ("/etc/passwd", "126"), ("/etc", "126")]
)
def test_what_cannot_run_gives_dockers_codes(engine: Bench, command: str, code: str) -> None:
    container = engine.create(command)
    with pytest.raises(ContainerStartError) as caught:
        engine.start(container)
    assert caught.value.details["exit_code"] == code
    assert "\n" not in caught.value.message


def test_a_failed_start_leaves_no_task_and_no_shim(engine: Bench) -> None:
    container = engine.create("/nope")
    with pytest.raises(ContainerStartError):
        engine.start(container)
    assert engine.run(engine.service._parts.tasks.state(container)) is None
    assert not list((engine.settings.run_directory / "containerd").glob(f"**/{container}"))


def test_a_taken_name_is_refused_and_nothing_stays(engine: Bench) -> None:
    engine.create(name="twice")
    with pytest.raises(ConflictError):
        engine.create(name="twice")
    assert len(engine.run(engine.service.list(every=True))) == 1
    assert len(engine.run(engine.service._parts.tasks.records())) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "-bad"},
        {"user": "nobodyhere"},
        {"memory_bytes": 1024},
        {"network": "moon"},
        {"working_directory": "relative"},
        {"mounts": (Mount("data", "relative"),)},
        {"capabilities_added": ("FLY",)},
        {"environment": ("=x",)},
    ],
)
def test_a_senseless_request_is_refused_and_nothing_stays(engine: Bench, fields: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        engine.create("true", **fields)
    assert engine.run(engine.service.list(every=True)) == ()
    assert engine.run(engine.service._parts.tasks.records()) == ()


def test_a_running_container_is_removed_only_by_force(engine: Bench) -> None:
    container = engine.create("sleep", "60")
    engine.start(container)
    with pytest.raises(ConflictError):
        engine.run(engine.service.remove(container))
    engine.run(engine.service.remove(container, force=True))
    assert engine.run(engine.service.list(every=True)) == ()


def test_auto_remove_takes_the_container_away(engine: Bench) -> None:
    async def story() -> int:
        spec = RunSpec(command=("sh", "-c", "exit 5"), network="none", auto_remove=True)
        handle = await engine.service.create(admit(engine.image, spec), spec, now())
        removed = asyncio.create_task(engine.service.wait(handle.id, "removed"))
        await asyncio.sleep(0)
        await engine.start_work(handle.id)
        return (await removed).code

    async def files_gone() -> None:
        # Its files go after the answer; `run` bounds the wait.
        while any((engine.settings.directory / "containers").iterdir()):  # noqa: ASYNC110  (a folder tells nobody)
            await asyncio.sleep(0.01)

    assert engine.run(story()) == 5
    assert engine.run(engine.service.list(every=True)) == ()
    engine.run(files_gone())


def test_a_name_is_free_as_soon_as_its_container_counts_as_removed(engine: Bench) -> None:
    async def once() -> int:
        spec = RunSpec(name="again", command=("true",), network="none", auto_remove=True)
        handle = await engine.service.create(admit(engine.image, spec), spec, now())
        removed = asyncio.create_task(engine.service.wait(handle.id, "removed"))
        await asyncio.sleep(0)
        await engine.start_work(handle.id)
        return (await removed).code

    assert [engine.run(once()) for _ in range(3)] == [0, 0, 0]


def test_auto_remove_also_after_a_failed_start(engine: Bench) -> None:
    container = engine.create("/nope", auto_remove=True)
    with pytest.raises(ContainerStartError):
        engine.start(container)
    assert engine.run(engine.service.list(every=True)) == ()


def test_attach_before_start_misses_nothing_and_keeps_streams_apart(engine: Bench) -> None:
    async def story() -> dict[int, bytes]:
        container = (await _created(engine, "sh", "-c", "echo out; echo err >&2")).id
        attachment = await engine.service.attach(container)
        await engine.start_work(container)
        found: dict[int, bytes] = {1: b"", 2: b""}
        async for chunk in attachment.output():
            found[chunk.stream.value] += chunk.data
        return found

    assert engine.run(story()) == {1: b"out\n", 2: b"err\n"}


async def _created(engine: Bench, *command: str, **fields: object) -> ContainerHandle:
    spec = RunSpec(command=command, **{"network": "none", **fields})
    return await engine.service.create(admit(engine.image, spec), spec, now())


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_stdin_arrives_whole_and_ends(engine: Bench, size: int) -> None:
    async def story() -> tuple[int, str]:
        container = (await _created(engine, "wc", "-c", open_stdin=True, stdin_once=True)).id
        attachment = await engine.service.attach(container, stdin=True)
        await engine.start_work(container)
        await attachment.write(b"x" * size)
        await attachment.close_stdin()
        text = b"".join([chunk.data async for chunk in attachment.output()])
        return (await engine.service.wait(container)).code, text.decode().strip()

    assert engine.run(story()) == (0, str(size))


def test_stdin_closed_before_the_start_is_seen(engine: Bench) -> None:
    async def story() -> str:
        container = (await _created(engine, "cat", open_stdin=True)).id
        attachment = await engine.service.attach(container, stdin=True)
        await attachment.write(b"early\n")
        await attachment.close_stdin()
        await engine.start_work(container)
        return b"".join([chunk.data async for chunk in attachment.output()]).decode()

    assert engine.run(story()) == "early\n"


def test_a_terminal_has_its_size_and_one_stream(engine: Bench) -> None:
    async def story() -> str:
        container = (await _created(engine, "sh", "-c", "read x; stty size; tty", terminal=True, open_stdin=True)).id
        attachment = await engine.service.attach(container, stdin=True)
        await engine.start_work(container)
        await engine.service.resize(container, 33, 99)
        await attachment.write(b"go\n")
        return b"".join([chunk.data async for chunk in attachment.output()]).decode()

    found = engine.run(story())
    assert "33 99\r\n/dev/pts/0" in found


def test_a_slow_client_gets_everything(engine: Bench) -> None:
    async def story() -> int:
        container = (await _created(engine, "sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' 'y'")).id
        attachment = await engine.service.attach(container)
        await engine.start_work(container)
        total = 0
        async for chunk in attachment.output():
            total += len(chunk.data)
            await asyncio.sleep(0)
        return total

    assert engine.run(story()) == 5_000_000


def test_logs_hold_streams_tail_and_follow(engine: Bench) -> None:
    async def story() -> tuple[list[str], list[str]]:
        container = (await _created(engine, "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done; printf end")).id
        await engine.start_work(container)
        followed = [c.data.decode() async for c in engine.service.logs(container, follow=True)]
        tail = [c.data.decode() async for c in engine.service.logs(container, tail=2)]
        return followed, tail

    followed, tail = engine.run(story())
    assert followed == ["1\n", "2\n", "3\n", "end"]
    assert tail == ["3\n", "end"]


def test_exec_runs_beside_with_code_input_and_environment(engine: Bench) -> None:
    async def story() -> tuple[str, int | None]:
        container = (await _created(engine, "sleep", "60")).id
        await engine.start_work(container)
        spec = ExecSpec(("sh", "-c", "cat; echo $A; pwd; id -u; exit 9"), ("A=b",), "/tmp", "nobody", stdin=True)
        session = await engine.service.exec_create(container, spec)
        attachment = await engine.service.exec_start(session)
        await attachment.write(b"in\n")
        await attachment.close_stdin()
        text = b"".join([chunk.data async for chunk in attachment.output()]).decode()
        return text, (await engine.service.exec_inspect(session)).exit_code

    assert engine.run(story()) == ("in\nb\n/tmp\n65534\n", 9)


@pytest.mark.parametrize(("command", "code"), [("nope", 127), ("/etc/passwd", 126)])
def test_an_exec_that_cannot_run_gives_dockers_codes(engine: Bench, command: str, code: int) -> None:
    async def story() -> int | None:
        container = (await _created(engine, "sleep", "60")).id
        await engine.start_work(container)
        session = await engine.service.exec_create(container, ExecSpec((command,)))
        with pytest.raises(ContainerStartError):
            await engine.service.exec_start(session)
        return (await engine.service.exec_inspect(session)).exit_code

    assert engine.run(story()) == code


def test_an_exec_needs_a_running_container(engine: Bench) -> None:
    container = engine.create("true")
    with pytest.raises(ConflictError):
        engine.run(engine.service.exec_create(container, ExecSpec(("true",))))
