"""Cached admission decisions over TLS keep-alive per second of server processor time, beside uvicorn's empty answer.

    .venv/bin/python benchmarks/bench_webhook.py [SECONDS]      by itself; `make bench` has it too

A Pod of 7.3 kB with four images, all proven before; name and uid differ in every review, and every review is on record.
"""

import http.client
import os
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT), str(ROOT / "benchmarks")]

from pairs import Pair  # noqa: E402

from peers import images, registry  # noqa: E402
from peers.processes import Process, free_port  # noqa: E402
from peers.reviews import container, encoded, pod_spec, review, workload  # noqa: E402
from peers.signed import Signed  # noqa: E402
from peers.trustkit import Trustkit  # noqa: E402

# Records are written together, so a decision costs less the more are asked for at once.
CONNECTIONS, ROUNDS = 128, 4
# At least 7,000 decisions a second of processor time: 143 us each. An empty answer costs about half of that.
MOST_US, MOST_RATIO = 1e6 / 7000, 2.5
EMPTY = """
import sys, uvicorn
async def app(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[1]), ssl_certfile=sys.argv[2], ssl_keyfile=sys.argv[3], lifespan="off", access_log=False, log_level="error")
"""


SCRIPT = """
local file = io.open("{body}", "rb")
local body = file:read("*a")
file:close()
local at, stop = body:find("UID-NUMBER", 1, true)
local before, after = body:sub(1, at - 1), body:sub(stop + 1)
local seed, count = os.time(), 0
function request()
  count = count + 1
  return wrk.format("POST", nil, nil, before .. string.format("%d-%09d", seed, count) .. after)
end
answered, wrong = 0, 0
function response(status, headers, text)
  answered = answered + 1
  if status ~= 200 or not text:find('{wanted}', 1, true) then wrong = wrong + 1 end
end
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function done(summary)
  local all, bad = 0, 0
  for _, thread in ipairs(threads) do
    all, bad = all + thread:get("answered"), bad + thread:get("wrong")
  end
  print(string.format("COUNTED %d WRONG %d", all, bad))
end
"""


class Asked(NamedTuple):
    """Which server is sent which review, for how long, and where the load's files may lie."""

    port: int
    body: bytes
    seconds: float
    folder: Path


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


def load(asked: Asked, wanted: bytes) -> int:
    """Send reviews with wrk over kept connections, each with a uid of its own, and return how many were answered."""
    script, review_file = asked.folder / "load.lua", asked.folder / "review.json"
    review_file.write_bytes(asked.body)
    script.write_text(SCRIPT.format(body=review_file, wanted=wanted.decode()), encoding="ascii")
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{asked.seconds:g}s",
        "-s",
        script,
        f"https://127.0.0.1:{asked.port}/validate?timeout=10s",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    counted = re.search(r"COUNTED (\d+) WRONG (\d+)", said)
    if counted is None or counted[2] != "0" or "Socket errors" in said:
        raise SystemExit(f"not all admitted: {said[-800:]}")
    return int(counted[1])


def measure(name: str, process: Process, asked: Asked, wanted: bytes) -> float:
    load(asked._replace(seconds=1.0), wanted)
    before = processor_seconds(process.pid)
    answered = load(asked, wanted)
    used = processor_seconds(process.pid) - before
    rate = answered / used
    print(f"{name:<28}{rate:>8.0f} a second of processor time  {1e6 / rate:>6.0f} us each  ({answered} answers)")
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
            rate = measure("uvicorn, empty answer", empty, Asked(empty_port, body, seconds, folder), b"{}")
            times[1].append(1e6 / rate)
            rate = measure("trustkit, cached decision", webhook, Asked(port, body, seconds, folder), b'"allowed":true')
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
