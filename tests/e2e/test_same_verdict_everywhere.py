"""One policy: the same verdict by the same rule, wherever the question comes from."""

import json
import re
from collections.abc import Callable

import pytest

from peers import images
from peers.docker import authorized
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import run
from peers.trustkit import COMMAND, Trustkit
from peers.workspace import short_folder

Answer = tuple[str, str]
_RULE = re.compile(r"\(rule ([^)]+)\)")


def by_admit(trustkit: Trustkit, name: str, digest: str) -> Answer:
    answer = trustkit.json("admit", name)
    assert isinstance(answer, dict)
    return answer["verdict"], answer["rule"]


def by_verify(trustkit: Trustkit, name: str, digest: str) -> Answer:
    answer = trustkit.json("verify", name)
    assert isinstance(answer, dict)
    return answer["verdict"], next(found["rule"] for found in answer["findings"] if found["enforced"])


def by_containerd(trustkit: Trustkit, name: str, digest: str) -> Answer:
    flags = ("-name", name, "-digest", digest, "-stdin-media-type", "application/vnd.oci.descriptor.v1+json")
    descriptor = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 500}
    verifier = COMMAND.with_name("trustkit-image-verifier")
    done = run([verifier, *flags], env=trustkit.env, stdin=json.dumps(descriptor))
    found = _RULE.search(done.stdout)
    assert found, done.said
    return "deny" if done.status else "allow", found[1]


def by_containerd_and_daemon(trustkit: Trustkit, name: str, digest: str) -> Answer:
    trustkit.must("info")
    return by_containerd(trustkit, name, digest)


def by_own_engine(trustkit: Trustkit, name: str, digest: str) -> Answer:
    done = trustkit.run("pull", name)
    newest = trustkit.json("audit", "log", "--kind", "decision")
    assert isinstance(newest, list)
    body = newest[-1].get("body", newest[-1])
    assert (done.status == 0) == (body["verdict"] == "allow"), done.said
    return body["verdict"], body["rule"]


def by_docker(trustkit: Trustkit, name: str, digest: str) -> Answer:
    port = int(name.partition("/")[0].rpartition(":")[2])
    with short_folder("docker") as folder, authorized(folder, trustkit, port) as (daemon, _):
        done = daemon.docker("pull", name)
    newest = trustkit.json("audit", "log", "--kind", "decision")
    assert isinstance(newest, list)
    body = newest[-1]["body"]
    assert (done.status == 0) == (body["verdict"] == "allow"), done.said
    return body["verdict"], body["rule"]


@pytest.mark.parametrize(("sign", "verdict"), [(True, "allow"), (False, "deny")], ids=["signed", "unsigned"])
@pytest.mark.parametrize(
    "engine",
    [by_admit, by_verify, by_containerd, by_containerd_and_daemon, by_own_engine, by_docker],
    ids=lambda one: one.__name__,
)
def test_same_image_same_policy_same_verdict_same_rule(
    trustkit: Trustkit,
    registry: Registry,
    repository: str,
    engine: Callable[[Trustkit, str, str], Answer],
    sign: bool,
    verdict: str,
) -> None:
    image = images.build()
    name = Signed(trustkit, registry, repository).push(image, sign=sign)
    assert engine(trustkit, name, image.digest) == (verdict, "built-in/verify.signatures")
