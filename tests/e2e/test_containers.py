"""Containers through the installed command, a real daemon, containerd and runc."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from peers.images import Image, build
from peers.processes import PeerError, wait_until
from peers.registry import Registry
from peers.signed import Signed, daemon_pids
from peers.trustkit import Trustkit

RUN = ("run", "--rm", "--network", "none")
LOOP = "trap 'exit 7' TERM INT; echo ready; while :; do sleep 0.05; done"


@pytest.fixture(name="signed")
def signed_(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


@pytest.fixture(name="reference")
def reference_(signed: Signed, image: Image) -> str:
    return signed.push(image)


def records(trustkit: Trustkit, kind: str) -> list[dict[str, object]]:
    found = trustkit.json("audit", "log")
    assert isinstance(found, list)
    return [entry for entry in found if entry["kind"] == kind]


def test_run_passes_both_outputs_and_the_exit_status_through(trustkit: Trustkit, reference: str) -> None:
    done = trustkit.run(*RUN, reference, "sh", "-c", "echo out; echo err >&2; exit 42")
    assert (done.status, done.stdout, done.stderr) == (42, "out\n", "err\n")


def test_run_passes_standard_input_through_whole(trustkit: Trustkit, reference: str) -> None:
    data = bytes(range(256)) * 4096
    done = trustkit.run(*RUN, "-i", reference, "wc", "-c", stdin=data)
    assert done.stdout.strip() == str(len(data))


def test_run_gives_the_container_what_the_flags_say(trustkit: Trustkit, reference: str) -> None:
    flags = ("-e", "A=b", "-w", "/tmp", "-u", "nobody", "--hostname", "inside", "--read-only")
    script = "echo $A; pwd; id -un; hostname; touch /tmp/x 2>/dev/null || echo read-only"
    done = trustkit.run(*RUN, *flags, reference, "sh", "-c", script)
    assert done.stdout.split() == ["b", "/tmp", "nobody", "inside", "read-only"]


def test_an_unsigned_image_is_refused_and_leaves_no_container(trustkit: Trustkit, signed: Signed) -> None:
    reference = signed.push(build(files={"x": b"unsigned"}), sign=False)
    done = trustkit.run(*RUN, reference, "echo", "ran")
    assert done.status == 1
    assert done.stdout == ""
    assert "trustkit: refused: " in done.stderr
    assert "next: " in done.stderr
    assert trustkit.must("ps", "-a", "-q").stdout == ""


def test_another_image_over_the_same_tag_is_refused(trustkit: Trustkit, signed: Signed, reference: str) -> None:
    trustkit.must(*RUN, reference, "true")
    signed.push(build(files={"x": b"other"}), sign=False)
    assert trustkit.run(*RUN, reference, "true").status == 1


def test_an_image_id_leads_to_the_gate_too(trustkit: Trustkit, signed: Signed, reference: str) -> None:
    trustkit.must(*RUN, reference, "true")
    name = trustkit.must("images", "-q").stdout.strip()
    trustkit.must(*RUN, name, "true")
    signed.distrust()
    assert trustkit.run(*RUN, name, "true").status == 1


def test_without_the_registry_nothing_runs_and_nobody_is_called_a_liar(
    trustkit: Trustkit, start_registry: Callable[..., Registry], image: Image
) -> None:
    registry = start_registry()
    reference = Signed(trustkit, registry, "gone").push(image)
    trustkit.must(*RUN, reference, "true")
    registry.process.stop()
    done = trustkit.run(*RUN, reference, "echo", "ran")
    assert (done.status, done.stdout) == (3, "")


def test_a_start_after_the_trust_has_gone_is_refused_and_on_record(
    trustkit: Trustkit, signed: Signed, reference: str
) -> None:
    container = trustkit.must("create", "--network", "none", reference, "true").stdout.strip()
    signed.distrust()
    assert trustkit.run("start", container).status == 1
    assert [entry["outcome"] for entry in records(trustkit, "container.refused")] == ["deny"]
    assert records(trustkit, "container.started") == []


def test_starts_exits_and_removals_are_on_record(trustkit: Trustkit, reference: str) -> None:
    trustkit.must(*RUN, reference, "true")
    wait_until(lambda: bool(records(trustkit, "container.removed")), "the record of the removal")
    assert len(records(trustkit, "container.started")) == len(records(trustkit, "container.exited")) == 1
    trustkit.must("audit", "verify")


@pytest.mark.parametrize(
    ("command", "status"), [(("nosuch",), 127), (("/etc/passwd-not-executable",), 127), (("/etc",), 126)]
)
def test_a_command_that_cannot_start_gives_dockers_status(
    trustkit: Trustkit, reference: str, command: tuple[str, ...], status: int
) -> None:
    assert trustkit.run(*RUN, reference, *command).status == status
    assert trustkit.must("ps", "-a", "-q").stdout == ""


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("run", "UPPER/case"), 2),
        (("run", "--memory", "lots", "x"), 2),
        (("run", "--network", "other", "x"), 2),
        (("run", "-v", "relative:no", "x"), 2),
        (("exec", "nobody", "true"), 2),
        (("logs", "nobody"), 2),
        (("stop", "nobody"), 2),
        (("rmi", "nothing"), 2),
        (("inspect", "nothing"), 2),
        (("ps", "--filter", "colour=red"), 2),
    ],
)
def test_a_wrong_word_is_one_clear_line_and_status_2(trustkit: Trustkit, words: tuple[str, ...], status: int) -> None:
    done = trustkit.run(*words)
    assert done.status == status
    assert done.stderr.startswith("trustkit: ")
    assert "Traceback" not in done.stderr


def test_a_container_lives_through_logs_exec_stop_start_and_rm(trustkit: Trustkit, reference: str) -> None:
    name = "life"
    trustkit.must("run", "-d", "--name", name, "--network", "none", reference, "sh", "-c", LOOP)
    wait_until(lambda: trustkit.must("logs", name).stdout == "ready\n", "the container's first line")
    assert name in trustkit.must("ps").stdout
    assert trustkit.run("exec", name, "sh", "-c", "echo in; exit 3").status == 3
    assert trustkit.run("exec", "-i", name, "cat", stdin="piped").stdout == "piped"
    assert trustkit.run("exec", "--privileged", name, "true").status == 2
    assert trustkit.run("rm", name).status == 2
    trustkit.must("stop", name)
    assert trustkit.must("wait", name).stdout == "7\n"
    assert trustkit.must("ps", "-q").stdout == ""
    trustkit.must("start", name)
    trustkit.must("kill", "-s", "TERM", name)
    assert trustkit.must("wait", name).stdout == "7\n"
    trustkit.must("rm", name)
    trustkit.must("rmi", reference)
    assert trustkit.json("images") == []


def test_an_interrupt_reaches_the_container_and_its_status_comes_back(trustkit: Trustkit, reference: str) -> None:
    running = subprocess.Popen(
        trustkit.command(*RUN, reference, "sh", "-c", LOOP), env=trustkit.env, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 7
    running.stdout.close()
    assert trustkit.must("ps", "-a", "-q").stdout == ""


def test_containers_outlive_a_killed_daemon(trustkit: Trustkit, reference: str) -> None:
    script = "echo before; while [ ! -e /go ]; do sleep 0.05; done; echo after; exit 9"
    trustkit.must("run", "-d", "--name", "tough", "--network", "none", reference, "sh", "-c", script)
    wait_until(lambda: trustkit.must("logs", "tough").stdout == "before\n", "the first line")
    for pid in daemon_pids(trustkit.home):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not daemon_pids(trustkit.home), "the daemon's end")
    trustkit.must("exec", "tough", "touch", "/go")
    assert trustkit.must("wait", "tough").stdout == "9\n"
    assert trustkit.must("logs", "tough").stdout == "before\nafter\n"


def test_an_exit_nobody_saw_is_put_on_record_by_the_next_daemon(trustkit: Trustkit, reference: str) -> None:
    script = "while [ ! -e /go/on ]; do sleep 0.05; done; exit 9"
    go = trustkit.home.parent / "go"
    go.mkdir()
    trustkit.must("run", "-d", "--name", "lone", "--network", "none", "-v", f"{go}:/go", reference, "sh", "-c", script)
    for pid in daemon_pids(trustkit.home):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not daemon_pids(trustkit.home), "the daemon's end")
    (go / "on").touch()
    trustkit.must("wait", "lone")
    wait_until(lambda: len(records(trustkit, "container.exited")) == 1, "the record of the exit")


def test_a_daemon_told_to_end_leaves_containers_running(trustkit: Trustkit, reference: str) -> None:
    trustkit.must("run", "-d", "--name", "stays", "--network", "none", reference, "sh", "-c", LOOP)
    for pid in daemon_pids(trustkit.home):
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not daemon_pids(trustkit.home), "the daemon's end")
    assert "Up" in trustkit.must("ps").stdout
    trustkit.must("rm", "-f", "stays")


def test_commands_that_race_start_one_daemon(trustkit: Trustkit) -> None:
    racing = [
        subprocess.Popen(trustkit.command("ps", "-q"), env=trustkit.env, stdout=subprocess.DEVNULL) for _ in range(5)
    ]
    assert [each.wait(60) for each in racing] == [0] * 5
    assert len(daemon_pids(trustkit.home)) == 1


def test_a_daemon_that_cannot_start_says_why(trustkit: Trustkit) -> None:
    done = trustkit.run("ps", env={"TRUSTKIT_ENGINE_CONTAINERD": "/no/such/socket"})
    assert done.status == 4
    assert "the daemon could not start" in done.stderr
    assert "/no/such/socket" in done.stderr
    assert trustkit.run("ps").status == 0


def test_without_autostart_a_missing_daemon_is_status_4(trustkit: Trustkit) -> None:
    done = trustkit.run("ps", env={"TRUSTKIT_DAEMON_AUTOSTART": "no"})
    assert done.status == 4
    assert "next: start it with `trustkit daemon`" in done.stderr


def test_the_socket_is_its_owners_alone(trustkit: Trustkit) -> None:
    trustkit.must("ps")
    socket = next(
        path for path in Path(trustkit.home / "run").iterdir() if path.is_socket() and "trustkit" in path.name
    )
    assert socket.stat().st_mode & 0o777 == 0o600


def test_a_second_daemon_is_refused(trustkit: Trustkit) -> None:
    trustkit.must("ps")
    with pytest.raises(PeerError, match="exit 2"):
        trustkit.must("daemon")


def test_nothing_starts_when_the_decision_log_is_gone(trustkit: Trustkit, reference: str) -> None:
    container = trustkit.must("create", "--network", "none", reference, "true").stdout.strip()
    (trustkit.home / "audit").rename(trustkit.home / "elsewhere")
    done = trustkit.run("start", container)
    assert done.status in {1, 4}
    assert trustkit.run(*RUN, reference, "echo", "ran").stdout == ""
    assert '"Status": "created"' in trustkit.must("inspect", container).stdout


def test_a_bad_policy_at_the_start_admits_nothing(trustkit: Trustkit, reference: str) -> None:
    policy = trustkit.home / "policy"
    trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(policy)
    for text in ("version: 1\ncolour: red\n", "colour: red\n", "- [\n"):
        policy.write_text(text, encoding="utf-8")
        done = trustkit.run(*RUN, reference, "echo", "ran")
        assert (done.status, done.stdout) == (2, "")
        assert str(policy) in done.stderr


def test_a_policy_that_breaks_while_the_daemon_runs_leaves_the_one_before_in_force(
    trustkit: Trustkit, signed: Signed, reference: str
) -> None:
    policy = trustkit.home / "policy"
    trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(policy)
    keys = f"{{release: {{pem: {signed.key_ring / 'release.pub'}}}}}"
    policy.write_text(
        "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {name: release}\n"
        f"spec: {{trust: {{keys: {keys}}}, verify: {{signatures: {{key: release}}}}}}\n"
    )
    assert trustkit.run(*RUN, reference, "echo", "ran").stdout == "ran\n"
    policy.write_text("colour: red\n")
    assert trustkit.run(*RUN, reference, "echo", "ran").stdout == "ran\n"
    assert trustkit.run(*RUN, signed.push(build(files={"x": b"no"}), sign=False), "true").status == 1
    assert "the policy release of before stays in force" in trustkit.must("info").stdout
    assert len(records(trustkit, "policy.refused")) == 1
    signed.distrust()
    assert trustkit.run(*RUN, reference, "echo", "ran").stdout == ""
