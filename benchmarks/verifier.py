"""What engines start for a pull (image verifier) and for a container (runtime wrapper), beside a bare Python."""

from pathlib import Path

from pairs import Command, Pair, compare

ROOT = Path(__file__).resolve().parent.parent
PYTHON, VERIFIER, RUNTIME = (
    str(ROOT / ".venv" / "bin" / name) for name in ("python", "trustkit-image-verifier", "trustkit-runtime")
)
# 120 ms, where a bare Python takes 12.
_LIMIT = 10.0


def verifier(reference: str, digest: str, env: dict[str, str]) -> list[Pair]:
    """Start-up to its refusal of an odd question, and whole answers about a signed image; a daemon runs.

    Where no daemon runs (`TRUSTKIT_DAEMON_SOCKET` names nothing) the program judges by itself: registry, signature, record.
    """
    kind = "application/vnd.oci.descriptor.v1+json"
    descriptor = f'{{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "{digest}", "size": 500}}'
    ask = f"echo '{descriptor}' | {VERIFIER} -name {reference} -digest {digest} -stdin-media-type {kind}"
    bare = Command(["/bin/sh", "-c", f"echo | {PYTHON} -c pass"], env)
    start = Command(["/bin/sh", "-c", _refused(f"echo | {VERIFIER} -name", "trustkit: -name is missing")], env)
    alone = {**env, "TRUSTKIT_DAEMON_SOCKET": "/nonexistent/trustkit.sock"}
    started = compare("image-verifier start | python -c pass", start, bare, limit=_LIMIT, rounds=21)
    asked = compare("image-verifier whole answer | python -c pass", Command(["/bin/sh", "-c", ask], env), bare,
                    limit=_LIMIT, rounds=11)  # fmt: skip
    itself = compare("image-verifier without a daemon | python -c pass", Command(["/bin/sh", "-c", ask], alone), bare,
                     limit=_LIMIT, rounds=11)  # fmt: skip
    # four of the five calls that an engine makes for one container
    through = Command([RUNTIME, "--trustkit-runtime", "/bin/true", "state", "x"], env)
    passed = compare("runtime wrapper, a call that passes | python -c pass", through,
                     Command([PYTHON, "-c", "pass"], env), limit=_LIMIT, rounds=21)  # fmt: skip
    return [started, asked, itself, passed]


def _refused(command: str, reason: str) -> str:
    """Return words of a shell that fail unless the command refuses for this reason.

    A program that is not there, or falls over, is quick and fails as well.
    """
    return f'said=$({command}); test "$? $said" = "1 {reason}" || {{ echo "$said"; exit 1; }}'
