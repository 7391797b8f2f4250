"""What `trustkit scan` takes for its places and times."""

import argparse
from typing import Any

import pytest

from trustkit.cli import scan_places
from trustkit.cli.client import daemon
from trustkit.cli.commands import scan
from trustkit.engine.errors import NoSuchContainerError

DIGEST = "sha256:" + "a" * 64


class Peer:
    """A daemon of three containers, one of which ends while it is asked."""

    def call(self, _method: str, path: str, **_words: str) -> Any:
        if path == "/containers/json":
            return [{"Id": name} for name in "abc"]
        name = path.split("/")[2]
        if name == "b":
            raise NoSuchContainerError("no such container: b")
        made_of = {"Reference": "registry.example/app:1", "ImageDigest": DIGEST}
        return {"Name": f"/{name}", "Trustkit": made_of, "State": {"Running": True}}


def test_a_container_that_ends_while_it_is_listed_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "daemon", Peer)
    assert [one.name for one in scan_places._own_engine()] == ["a", "c"]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e3", "99999999999999999999"])
def test_no_other_than_whole_seconds_lie_between_scans(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    scan.add_arguments(parser)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([f"--every={seconds}"])
    assert "no whole number" in capsys.readouterr().err
