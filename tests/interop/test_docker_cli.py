"""The real docker command against our socket."""

import os
import pty
import subprocess
from collections.abc import Callable

import pytest

from peers.images import Image, build
from peers.processes import PeerError, wait_until
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import Ran, peer, run
from peers.trustkit import Trustkit

Docker = Callable[..., Ran]
RUN = ("run", "--rm", "--network", "none")


@pytest.fixture(name="signed")
def signed_(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


@pytest.fixture(name="reference")
def reference_(signed: Signed, image: Image) -> str:
    return signed.push(image)


def _environment(trustkit: Trustkit) -> dict[str, str]:
    socket = trustkit.must("info", "--output", "table").stdout.split("socket")[1].split()[0]
    return {**trustkit.env, "DOCKER_HOST": f"unix://{socket}"}


@pytest.fixture(name="docker")
def docker_(trustkit: Trustkit) -> Docker:
    environment = _environment(trustkit)

    def call(*words: str, stdin: bytes = b"") -> Ran:
        return run([peer("docker"), *words], env=environment, stdin=stdin)

    return call


def _must(done: Ran) -> str:
    if done.status != 0:
        raise PeerError(done.said)
    return done.stdout


def test_run_passes_outputs_input_and_status(docker: Docker, reference: str) -> None:
    done = docker(*RUN, "-i", reference, "sh", "-c", "cat; echo err >&2; exit 9", stdin=b"in\n")
    assert (done.status, done.stdout, done.stderr) == (9, "in\n", "err\n")


def test_a_container_goes_through_its_life(docker: Docker, reference: str) -> None:
    name = _must(
        docker("run", "-d", "--name", "d1", "--network", "none", reference, "sh", "-c", "echo o; sleep 60")
    ).strip()
    wait_until(lambda: docker("logs", "d1").stdout == "o\n", "the first line")
    assert name.startswith(_must(docker("ps", "-q", "--filter", "name=d1")).strip())
    assert _must(docker("exec", "d1", "echo", "in")) == "in\n"
    assert _must(docker("inspect", "--format", "{{.State.Status}} {{.Config.Image}}", "d1")) == f"running {reference}\n"
    _must(docker("stop", "-t", "0", "d1"))
    assert _must(docker("wait", "d1")) == "137\n"
    _must(docker("rm", "d1"))
    assert _must(docker("ps", "-a", "-q")) == ""


def test_images_are_pulled_listed_and_removed(docker: Docker, reference: str) -> None:
    assert "Downloaded newer image" in _must(docker("pull", reference))
    assert reference.rpartition(":")[0] in _must(docker("images"))
    assert _must(docker("image", "inspect", "--format", "{{.Os}}", reference)) == "linux\n"
    _must(docker("rmi", reference))
    assert _must(docker("images", "-q")) == ""


def test_version_and_info_answer(docker: Docker) -> None:
    assert "1.47" in _must(docker("version"))
    assert "Server Version" in _must(docker("info"))


@pytest.mark.parametrize("verb", [("pull",), RUN])
def test_an_unsigned_image_is_refused_with_the_reason(docker: Docker, signed: Signed, verb: tuple[str, ...]) -> None:
    reference = signed.push(build(files={"x": b"unsigned"}), sign=False)
    done = docker(*verb, reference)
    assert done.status != 0
    assert "refused" in done.stderr
    assert _must(docker("images", "-q")) == ""


@pytest.mark.parametrize(
    "flags",
    [
        ("--pid", "host"), ("--device", "/dev/null"), ("--security-opt", "seccomp=unconfined"), ("--ipc", "host"),
        ("--volumes-from", "other"), ("--tmpfs", "/t"), ("-v", "/etc:/t:rshared"), ("--userns", "host"),
        ("--cgroupns", "host"), ("--security-opt", "no-new-privileges"), ("-p", "80:80"), ("--restart", "always"),
    ],
)  # fmt: skip
def test_a_flag_that_is_not_served_is_refused_and_not_ignored(
    docker: Docker, reference: str, flags: tuple[str, ...]
) -> None:
    done = docker("run", "--rm", *flags, reference, "echo", "ran")
    assert done.status == 125
    assert "ran" not in done.stdout


def test_a_command_not_yet_served_says_so(docker: Docker) -> None:
    assert "not served yet" in docker("volume", "ls").stderr


def test_a_terminal_has_the_size_of_ours(trustkit: Trustkit, reference: str) -> None:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    import fcntl
    import struct
    import termios

    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    for program in ([str(peer("docker"))], trustkit.command()):
        words = [
            *program,
            "run",
            "--rm",
            "-it",
            "--network",
            "none",
            reference,
            "sh",
            "-c",
            "sleep 0.2; stty size; exit 5",
        ]
        running = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=_environment(trustkit))
        said = b""
        while b"33 99" not in said:
            said += os.read(ours, 1024)
        assert running.wait(20) == 5
    os.close(ours)
    os.close(theirs)
