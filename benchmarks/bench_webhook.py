"""Cached admission decisions over TLS keep-alive per second of server processor time, beside uvicorn's empty answer.

    .venv/bin/python benchmarks/bench_webhook.py [SECONDS]      by itself; `make bench` has it too

A Pod of 7.3 kB with four images, all proven before; name and uid differ in every review, and every review is on record.
"""

import http.client
import os
import ssl
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT), str(ROOT / "benchmarks")]

from pairs import Pair  # noqa: E402

from peers import images, registry  # noqa: E402
from peers.processes import Process, free_port  # noqa: E402
from peers.reviews import container, encoded, pod_spec, review, workload  # noqa: E402
from peers.signed import Signed  # noqa: E402
from peers.trustkit import Trustkit  # noqa: E402

CONNECTIONS, ROUNDS = 16, 4
# At least 7,000 decisions a second of processor time: 143 us each. An empty answer costs about half of that.
MOST_US, MOST_RATIO = 1e6 / 7000, 4.0
EMPTY = """
import sys, uvicorn
async def app(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[1]), ssl_certfile=sys.argv[2], ssl_keyfile=sys.argv[3], lifespan="off", access_log=False, log_level="error")
"""


def connect(port: int) -> http.client.HTTPSConnection:
    context = ssl._create_unverified_context()  # noqa: SLF001  (loopback)
    return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)


def answers(port: int, path: str) -> bool:
    try:
        one = connect(port)
        one.request("GET", path)
        return one.getresponse().status == 200
    except OSError:
        return False


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, body: bytes, seconds: float, counts: list[int], wanted: bytes, number: int) -> None:
    one, until, done = connect(port), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        uid = f"{number:04d}-{done:08d}".encode()
        one.request("POST", "/validate?timeout=10s", body.replace(b"UID-NUMBER", uid))
        found = one.getresponse().read()
        if wanted not in found:
            raise SystemExit(f"not admitted: {found[:500]!r}")
        done += 1
    counts.append(done)


def measure(name: str, process: Process, port: int, body: bytes, seconds: float, wanted: bytes) -> float:
    load(port, body, 0.5, [], wanted, 9999)
    counts: list[int] = []
    threads = [Thread(target=load, args=(port, body, seconds, counts, wanted, n)) for n in range(CONNECTIONS)]
    before = processor_seconds(process.pid)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = processor_seconds(process.pid) - before
    rate = sum(counts) / used
    print(f"{name:<28}{rate:>8.0f} a second of processor time  {1e6 / rate:>6.0f} us each  ({sum(counts)} answers)")
    return rate


def main() -> None:
    """Print every round and both comparisons."""
    for pair in webhook_decisions(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0):
        print(f"{pair.name}: {pair.ours:.0f} and {pair.peer:.0f} us, ratio {pair.ratio:.2f}")


def webhook_decisions(seconds: float = 3.0) -> list[Pair]:
    """Return microseconds of the servers' processor time for one answer: ours, uvicorn's empty one, and the bound."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = folder / "home"
        home.mkdir(mode=0o700)
        trustkit = Trustkit(home)
        tls = registry.make_tls(folder)
        running = stack.enter_context(registry.docker_registry())
        signed = Signed(trustkit, running, "bench/web")
        name = signed.push(images.build(config={"User": "10001"}))
        port = free_port()
        words = ("--listen", f"127.0.0.1:{port}", "--tls-cert", tls.certificate_file, "--tls-key", tls.key_file)
        webhook = trustkit.start("serve", "webhook", *words)
        stack.callback(webhook.stop)
        webhook.wait_until(lambda: answers(port, "/readyz"))
        pinned = pin(port, name)
        used = [container(pinned, f"c{n}", securityContext={"runAsUser": 1000 + n}) for n in range(3)]
        volumes = [{"name": "model", "image": {"reference": pinned}}]
        pod = workload("Pod", pod_spec(*used, volumes=volumes), managedFields=[{"fieldsV1": {}}])
        spare = 7300 - len(encoded(review(pod)))
        pod["metadata"]["managedFields"] = [{"fieldsV1": {f"f:{n:04d}": {} for n in range(spare // 12)}}]
        body = encoded(review(pod, uid="UID-NUMBER"))
        print(f"review of {len(body)} bytes, 4 images, {CONNECTIONS} connections")
        empty_port = free_port()
        arguments = [sys.executable, "-c", EMPTY, str(empty_port), str(tls.certificate_file), str(tls.key_file)]
        empty = Process(arguments, log=folder / "empty.log")
        stack.callback(empty.stop)
        empty.wait_until(lambda: answers(empty_port, "/"))
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            rate = measure("uvicorn, empty answer", empty, empty_port, body, seconds, b"{}")
            times[1].append(1e6 / rate)
            rate = measure("trustkit, cached decision", webhook, port, body, seconds, b'"allowed":true')
            times[0].append(1e6 / rate)
        ours, peer = (statistics.median(taken) for taken in times)
        return [
            Pair("webhook, cached decision (us) | uvicorn, empty", ours, peer, MOST_RATIO),
            Pair("webhook, cached decision (us) | 7,000 a second", ours, MOST_US, 1.0),
        ]


def pin(port: int, name: str) -> str:
    import base64
    import json

    one = connect(port)
    one.request("POST", "/mutate", encoded(review(workload("Pod", pod_spec(container(name))))))
    found = json.loads(one.getresponse().read())["response"]
    return json.loads(base64.b64decode(found["patch"]))[0]["value"]


if __name__ == "__main__":
    main()
