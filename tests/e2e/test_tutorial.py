"""docs/tutorial.md, acted out: every `$` line is run, every line below it must appear in the output."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from peers import images
from peers.registry import Registry
from peers.trustkit import Trustkit

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"


class Step(NamedTuple):
    """One command of the page, the words it promises, and the exit status it promises."""

    command: str
    words: list[str]
    status: int


def steps(page: str) -> list[Step]:
    """Read the console blocks."""
    found: list[Step] = []
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:], [], 0))
            elif line.startswith("[exit "):
                found[-1] = found[-1]._replace(status=int(line[6:-1]))
            elif line:
                found[-1].words.append(line)
    return found


def test_the_tutorial_does_what_it_says(trustkit: Trustkit, registry: Registry, repository: str) -> None:
    registry.push(images.build(files={"hello": b"Hello"}, command=["/bin/cat", "/hello"]), repository, "v1")
    policy = trustkit.user_home / "policy.yaml"
    values = {"IMAGE": registry.reference(repository, "v1"), "POLICY": str(policy)}
    env = {"TRUSTKIT_PASSWORD": "tutorial"}
    acted = steps(TUTORIAL.read_text(encoding="utf-8"))
    assert len(acted) >= 12
    for step in acted:
        if "POLICY" in step.command:
            policy.write_text(POLICY.replace("PREFIX", f"{registry.host}/**"), encoding="utf-8")
        words = [values.get(word, word) for word in shlex.split(step.command)]
        assert words[0] == "trustkit", step.command
        done = trustkit.run(*words[1:], env=env)
        assert done.status == step.status, done.said
        for promised in step.words:
            assert promised in done.stdout + done.stderr, f"{promised!r} is not in:\n{done.said}"
    assert (trustkit.user_home / "report.html").stat().st_size > 1000


POLICY = """\
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: tutorial, revision: 1}
spec:
  match: {images: ["PREFIX"]}
  trust:
    keys:
      release: {pem: release.pub}
  verify:
    signatures:
      anyOf:
        - key: release
"""
