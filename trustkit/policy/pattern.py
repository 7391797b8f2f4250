"""Patterns over normalised image names: `*` stays inside one path component, `**` crosses `/`.

A pattern matches the whole name, never a part of it, in one pass over the name: it is a bit-parallel
automaton, so no pattern can make matching slow. There are no other special characters.

    registry.corp.example/**        everything on one registry
    docker.io/library/*             the official images of Docker Hub
    oci:/srv/images/**              layouts on disk
"""

from typing import Self

from trustkit.model.values import NamedTuple

_STAR = 1
_DOUBLE_STAR = 2
# A repository name ends at 255 characters; a longer pattern matches nothing.
PATTERN_CHARS = 512


class Pattern(NamedTuple):
    """A compiled pattern; `text` is what was written.

    Bit i of a state set means: the first i tokens are consumed. `literal` maps a character to the
    tokens that consume it, `star` and `double_star` are the tokens that repeat.
    """

    text: str
    tokens: int
    literal: dict[str, int]
    star: int
    double_star: int

    @classmethod
    def compile(cls, text: str) -> Self:
        """Prepare a pattern; any text is one."""
        literal: dict[str, int] = {}
        star = double_star = position = 0
        for token in _tokens(text):
            bit = 1 << position
            if token == _STAR:
                star |= bit
            elif token == _DOUBLE_STAR:
                double_star |= bit
            elif isinstance(token, str):
                literal[token] = literal.get(token, 0) | bit
            position += 1
        return cls(text, position, literal, star, double_star)

    def matches(self, name: str) -> bool:
        """Whether the whole name fits."""
        skippable = self.star | self.double_star
        states = 1
        states |= (states & skippable) << 1
        for character in name:
            repeat = self.double_star if character == "/" else skippable
            states = ((states & self.literal.get(character, 0)) << 1) | (states & repeat)
            states |= (states & skippable) << 1
            if not states:
                return False
        return bool(states >> self.tokens & 1)

    @property
    def specificity(self) -> tuple[int, int]:
        """How narrow the pattern is: literal characters before the first star, then literals in all."""
        head = self.text.partition("*")[0]
        return len(head), len(self.text) - self.text.count("*")


def _tokens(text: str) -> list[int | str]:
    """Split into characters and stars; a run of stars is one token, so two never stand side by side."""
    found: list[int | str] = []
    run = 0
    for character in text + "\0":
        if character == "*":
            run += 1
            continue
        if run:
            found.append(_STAR if run == 1 else _DOUBLE_STAR)
            run = 0
        found.append(character)
    found.pop()
    return found
