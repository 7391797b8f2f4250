"""Command lines of OCI runtimes: one reading, or none."""

import pytest

from trustkit.errors import TrustkitError
from trustkit.hooks.oci.invocation import read


@pytest.mark.parametrize(
    ("line", "command", "container", "bundle"),
    [
        ("create --bundle /b --pid-file /p abc", "create", "abc", "/b"),
        ("--root /r --log /l --log-format json create -b /b abc", "create", "abc", "/b"),
        ("--systemd-cgroup run --bundle=/b --detach abc", "run", "abc", "/b"),
        ("exec --process /p.json --detach abc", "exec", "abc", None),
        ("--root=/r state abc", "state", "", None),
        ("--version", "", "", None),
        ("hook", "hook", "", None),
    ],
)
def test_what_engines_write_is_read(line: str, command: str, container: str, bundle: str | None) -> None:
    found = read(line.split())
    assert (found.command, found.container, found.given.get("bundle")) == (command, container, bundle)


def test_our_own_options_are_not_passed_on() -> None:
    found = read(
        ["--trustkit-home", "/h", "--root", "/r", "--trustkit-runtime=crun", "create", "--bundle", "/b", "abc"]
    )
    assert found.words == ("--root", "/r", "create", "--bundle", "/b", "abc")
    assert found.own == {"trustkit-home": "/h", "trustkit-runtime": "crun"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "no command"),
        ("restore --bundle /b abc", "checkpoint"),
        ("creat --bundle /b abc", "not known"),
        ("create -bundle /b abc", "not known"),
        ("create --bund /b abc", "not known"),
        ("create --config /other.json abc", "not known"),
        ("create --bundle /b --bundle /c abc", "twice"),
        ("create -b /b --bundle /c abc", "twice"),
        ("create --bundle /b abc --bundle /c", "follows"),
        ("create --bundle", "needs a value"),
        ("create --bundle /b", "no container"),
        ("create --no-pivot=false --bundle /b abc", "not known"),
        ("create -- abc", "not known"),
        ("--rot /r create --bundle /b abc", "not known"),
        ("--root /r --root /s create --bundle /b abc", "twice"),
        ("exec --cap SYS_ADMIN abc sh", "not known"),
        ("exec --apparmor unconfined abc sh", "not known"),
        ("hook --now", "takes no"),
    ],
)
def test_what_two_runtimes_could_read_differently_is_refused(line: str, reason: str) -> None:
    with pytest.raises(TrustkitError, match=reason):
        read(line.split())
