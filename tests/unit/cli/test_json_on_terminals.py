"""JSON on a terminal moves no cursor and turns no text around; in a pipe it is plain UTF-8."""

import io
import json

import pytest

from trustkit.cli.output import as_json


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", ["\u202eexe.x", "\u009b2J", "\x7f", "\u2066x", "\x1b[2J"])
def test_a_terminal_gets_ascii_that_reads_back_the_same(text: str) -> None:
    out = Terminal()
    as_json({"name": text}, out)
    assert text not in out.getvalue()
    assert all(" " <= c <= "~" or c == "\n" for c in out.getvalue())
    assert json.loads(out.getvalue()) == {"name": text}


def test_a_pipe_gets_letters_as_they_are() -> None:
    out = io.StringIO()
    as_json("Müller", out)
    assert out.getvalue() == '"Müller"\n'
