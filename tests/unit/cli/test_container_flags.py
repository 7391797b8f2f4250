"""docker's flags to the create request, and the words that are refused before anybody is asked."""

import argparse
from pathlib import Path

import pytest

from trustkit.cli.client import flags
from trustkit.errors import UsageError


def body(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    flags.add_container_flags(parser)
    return flags.request_of(parser.parse_args(words), attached=True)


def host(*words: str) -> dict[str, object]:
    found = body(*words)["HostConfig"]
    assert isinstance(found, dict)
    return found


def test_flags_after_the_image_belong_to_its_command() -> None:
    assert body("--rm", "image", "ls", "--rm", "-l", "-e")["Cmd"] == ["ls", "--rm", "-l", "-e"]


def test_short_flags_may_be_joined() -> None:
    found = body("-it", "image")
    assert (found["Tty"], found["OpenStdin"], found["StdinOnce"]) == (True, True, True)


def test_an_empty_entrypoint_takes_the_images_away() -> None:
    assert body("--entrypoint", "", "image")["Entrypoint"] == []
    assert "Entrypoint" not in body("image")


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("1024", 1024), ("1b", 1), ("64m", 64 << 20), ("1.5g", 3 << 29), ("2kb", 2048), ("1MiB", 1 << 20)],
)
def test_sizes_are_read_as_docker_does(text: str, count: int) -> None:
    assert flags.bytes_of(text) == count


@pytest.mark.parametrize("text", ["m", "12x", "1mm", "nan", "inf", "--", "0x10", "1 m m"])
def test_a_wrong_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        flags.bytes_of(text)


@pytest.mark.parametrize("text", ["many", "nan", "inf", "1,5"])
def test_a_wrong_number_of_cpus_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        flags.nano_cpus_of(text)


def test_a_variable_without_value_takes_ours_or_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "value")
    monkeypatch.delenv("MISSING", raising=False)
    assert body("-e", "OURS", "-e", "MISSING", "-e", "A=", "image")["Env"] == ["OURS=value", "A="]


@pytest.mark.parametrize("text", ["=x", "A B=c", ""])
def test_a_wrong_variable_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        body("-e", text, "image")


def test_an_environment_file_has_comments_and_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# comment\n\nA=1\n  B=two words\n", encoding="utf-8")
    assert body("--env-file", str(file), "-e", "A=2", "image")["Env"] == ["A=1", "B=two words", "A=2"]


def test_a_missing_environment_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        body("--env-file", str(tmp_path / "none"), "image")


def test_a_relative_host_path_is_made_absolute() -> None:
    assert host("-v", "./data:/data:ro", "image")["Binds"] == [f"{Path.cwd()}/data:/data:ro"]
