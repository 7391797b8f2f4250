"""One grant on real engines: our own, dockerd with its plugin, and the webhook, which has namespaces."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.guarded_docker import NONE, Guarded, refused, start_guarded
from peers.images import Image
from peers.registry import Registry, Tls
from peers.reviews import container, pod_spec, review, workload
from peers.signed import Signed
from peers.trustkit import Trustkit
from peers.webhook import webhook
from peers.workspace import short_folder

POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: prod, revision: 1}
spec:
  trust: {keys: {release: {pem: KEYS/release.pub}, dev: {pem: KEYS/dev.pub}, oncall: {pem: KEYS/oncall.pub}}}
  verify: {signatures: {key: release}}
  require: {runtime: {denyPrivileged: true}}
  exceptions:
    breakGlass:
      enabled: true
      grant: signed
      approvers: {count: 1, of: [{key: oncall}]}
      maxDuration: 8h
      skip: [require.runtime.denyPrivileged]
      neverSkip: [verify.signatures]
      audit: {alert: true, reviewWithin: 24h}
"""
RULE = "prod/require.runtime.denyPrivileged"


def prepare(trustkit: Trustkit) -> str:
    """Make the keys of who asks and who approves, and return the policy that names them."""
    trustkit.env["TRUSTKIT_PASSWORD"] = "x"
    for name in ("dev", "oncall"):
        trustkit.must("key", "generate", name)
    return POLICY.replace("KEYS", str(trustkit.home / "keys"))


def granted(trustkit: Trustkit, image: str, *more: str) -> str:
    """Ask for a grant, approve it, put it on the machine, and return its id."""
    file = trustkit.home / f"{len(list(trustkit.home.glob('*.jsonl')))}.jsonl"
    words = ("--rule", "require.runtime.denyPrivileged", "--reason", "INC-7", "--for", "1h", "--key", "dev", "-o", file)
    trustkit.must("break-glass", "request", image, *words, *more)
    trustkit.must("break-glass", "approve", file, "--key", "oncall")
    found = trustkit.json("break-glass", "add", file)
    assert isinstance(found, dict)
    return str(found["id"])


@pytest.fixture
def signed(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    found = Signed(trustkit, registry, repository)
    policy = trustkit.home / "policy.yaml"
    policy.write_text(prepare(trustkit))
    trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(policy)
    return found


def test_our_engine_runs_what_a_grant_lets_through_and_nothing_else(
    trustkit: Trustkit, signed: Signed, image: Image
) -> None:
    name = signed.push(image)
    run = ("run", "--rm", "--network", "none", "--privileged", name, "echo", "ran")
    before = trustkit.run(*run)
    assert (before.status, RULE in before.stderr) == (1, True), before.said
    grant = granted(trustkit, name)
    after = trustkit.run(*run)
    assert (after.status, after.stdout) == (0, "ran\n"), after.said
    trustkit.must("break-glass", "remove", grant)
    assert trustkit.run(*run).status == 1
    report = trustkit.json("audit", "log", "--kind", "breakglass")
    assert isinstance(report, list)
    assert [one["kind"].partition(".")[2] for one in report] == ["added", "used", "removed"]


def test_the_webhook_admits_by_a_grant_in_its_namespace_alone(
    trustkit: Trustkit, signed: Signed, tls: Tls, tmp_path: Path, image: Image
) -> None:
    name = signed.push(image)
    pinned = f"{name.rpartition(':')[0]}@{signed.registry.push(image, signed.repository, 'latest')}"
    pod = review(workload("Pod", pod_spec(container(pinned, securityContext={"privileged": True}))))
    with webhook(trustkit, tls, tmp_path) as server:
        granted(trustkit, pinned, "--namespace", "elsewhere")
        other = server.answer("/validate", pod)
        assert (other["allowed"], "is for namespace elsewhere" in other["status"]["message"]) == (False, True)
        granted(trustkit, pinned, "--namespace", pod["request"]["namespace"])
        server.process.wait_until(lambda: server.answer("/validate", pod)["allowed"])


@pytest.fixture
def guarded(registry: Registry) -> Iterator[Guarded]:
    with short_folder("grant") as folder:
        yield from start_guarded(folder, registry)


def test_dockerd_makes_what_a_grant_lets_through(guarded: Guarded) -> None:
    words = ("create", *NONE, "--privileged", guarded.pulled(), "true")
    with guarded.policy(prepare(guarded.trustkit)):
        refused(guarded.docker(*words), RULE)
        grant = granted(guarded.trustkit, words[-2])
        guarded.must(*words)
        guarded.trustkit.must("break-glass", "remove", grant)
        refused(guarded.docker(*words), RULE)
