"""`make bench`: trustkit beside its peers, as ratios of medians of paired runs.

Real registry, real cosign, real dockerd; the peers come from `.peers/`. Exit status 1 if a ratio is over its limit.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from bench_webhook import webhook_decisions  # noqa: E402
from in_memory import in_memory  # noqa: E402
from maths import maths  # noqa: E402
from pairs import Command, Pair, clean_environment, compare  # noqa: E402
from policy_evaluation import policy_evaluation  # noqa: E402
from verifier import verifier  # noqa: E402

from peers import images, registry, workspace  # noqa: E402
from peers.processes import Process  # noqa: E402
from peers.tools import Cosign, peer  # noqa: E402

TRUSTKIT = str(ROOT / ".venv" / "bin" / "trustkit")
MANY = 100


def main() -> int:
    """Run every comparison, print the table, write it as JSON if a file is named.

    With `--prepare` only the peer's environment is made, which needs the network; all else does without.
    """
    if sys.argv[1:] == ["--prepare"]:
        sigstore_program({})
        return 0
    with workspace.short_folder("bench") as folder, registry.docker_registry() as running:
        results = [*in_memory(), *maths(), *policy_evaluation(), *webhook_decisions()]
        results += [*verification(folder, running), *containers(folder, running)]
    print_table(results)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps([pair._asdict() for pair in results], indent=2) + "\n")
    return 0 if all(pair.holds for pair in results) else 1


def verification(folder: Path, running: registry.Registry) -> list[Pair]:
    """`--help`, one image, one hundred images."""
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    env = clean_environment(HOME=str(folder), TRUSTKIT_HOME=str(home), TRUSTKIT_PASSWORD="bench")
    cosign = Cosign("cosign3", folder / "cosign")
    key, public = cosign.generate_key()
    reference = push_signed(running, cosign, key, "bench/one")
    many = [push_signed(running, cosign, key, f"bench/many-{n}") for n in range(MANY)]
    verify = ["verify", "--key", str(public)]
    theirs = [str(cosign.path), *verify, "--insecure-ignore-tlog=true"]
    one = Command([TRUSTKIT, *verify, reference], env)
    help_ = compare("trustkit --help | python -c pass", Command([TRUSTKIT, "--help"], env),
                    Command([str(ROOT / ".venv/bin/python"), "-c", "pass"], env), limit=80 / 12, rounds=21)  # fmt: skip
    single = compare(
        "verify one image | cosign verify", one, Command([*theirs, reference], cosign.env), limit=2.0, rounds=21
    )
    program = compare("verify one image | sigstore-python program", one, sigstore_program(env), limit=0.25, rounds=7)
    script = "for i in " + " ".join(many) + f"; do {' '.join(theirs)} $i >/dev/null 2>&1 || exit 1; done"
    hundred = compare(f"verify {MANY} images | {MANY} cosign verify", Command([TRUSTKIT, *verify, *many], env),
                      Command(["/bin/sh", "-c", script], cosign.env), limit=0.2, rounds=3)  # fmt: skip
    return [help_, single, program, hundred]


def push_signed(running: registry.Registry, cosign: Cosign, key: Path, repository: str) -> str:
    """Push a small image and sign it in cosign's legacy layout, which both its versions verify."""
    digest = running.push(images.build(files={"name": repository.encode()}), repository, "v1")
    reference = f"{running.host}/{repository}@{digest}"
    cosign.must(
        "sign",
        "--new-bundle-format=false",
        "--use-signing-config=false",
        "--tlog-upload=false",
        "--key",
        key,
        reference,
    )
    return reference


def sigstore_program(env: dict[str, str]) -> Command:
    """Return the peer program in an environment of its own, made once."""
    venv = ROOT / ".peers" / "sigstore"
    if not (venv / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        # The lock is complete: left to itself, pip asks for the newest release of what is named with an extra.
        pip = [
            str(venv / "bin" / "pip"),
            "install",
            "-q",
            "--disable-pip-version-check",
            "--require-hashes",
            "--no-deps",
        ]
        subprocess.run([*pip, "-r", str(HERE / "requirements.lock")], check=True, stderr=subprocess.DEVNULL)
        (venv / "ready").touch()
    data = HERE / "data"
    files = [str(HERE / "sigstore_program.py"), str(data / "bundle.sigstore.json"), str(data / "trusted_root.json")]
    return Command([str(venv / "bin" / "python"), *files], env)


def containers(folder: Path, running: registry.Registry) -> list[Pair]:
    """`run --rm IMAGE true`: ours verifies first, dockerd does not."""
    home = folder / "home"
    env = clean_environment(HOME=str(folder), TRUSTKIT_HOME=str(home), TRUSTKIT_PASSWORD="bench")
    digest = running.push(images.build(), "bench/run", "v1")
    reference = f"{running.host}/bench/run:v1"
    subprocess.run([TRUSTKIT, "key", "generate", "bench"], env=env, check=True, capture_output=True)
    subprocess.run(
        [TRUSTKIT, "sign", "--key", "bench", f"{running.host}/bench/run@{digest}"],
        env=env,
        check=True,
        capture_output=True,
    )
    with dockerd(folder / "docker") as docker:
        docker_run = Command([*docker, "run", "--rm", reference, "/bin/true"], env)
        ours = Command([TRUSTKIT, "run", "--rm", reference, "/bin/true"], env)
        try:
            run = compare("run --rm IMAGE true, verified | docker run", ours, docker_run, limit=0.6, rounds=21)
            # the daemon that ran the containers answers the verifier
            return [run, *verifier(reference, str(digest), env)]
        finally:
            subprocess.run([TRUSTKIT, "daemon", "--stop", "--containers"], env=env, check=False, capture_output=True)


@contextlib.contextmanager
def dockerd(folder: Path) -> Iterator[list[str]]:
    """Run Debian's dockerd with its default bridge in a network namespace; give the client's words."""
    folder.mkdir()
    socket = f"unix://{folder}/docker.sock"
    args = [str(peer("dockerd")), "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
            "-H", socket, "--pidfile", str(folder / "pid"), "--bip", "172.31.250.1/24"]  # fmt: skip
    path = f"{ROOT}/.peers/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    process = Process(args, log=folder / "log", env=clean_environment(PATH=path, HOME=str(folder)), cwd=folder)
    client = [str(peer("docker")), "-H", socket]
    try:
        deadline = time.monotonic() + 30
        while subprocess.run([*client, "version"], check=False, capture_output=True).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"dockerd does not answer:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)
        yield client
    finally:
        process.stop()


def print_table(results: list[Pair]) -> None:
    """Print one line a comparison."""
    print(f"{'ours | peer':<48} {'ours ms':>9} {'peer ms':>9} {'ratio':>6} {'limit':>6}")
    for pair in results:
        verdict = "ok" if pair.holds else "OVER"
        print(f"{pair.name:<48} {pair.ours:>9.1f} {pair.peer:>9.1f} {pair.ratio:>6.2f} {pair.limit:>6.2f}  {verdict}")


if __name__ == "__main__":
    sys.exit(main())
