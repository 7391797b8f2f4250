"""Each ready policy admits one image and refuses others; their keys are stand-ins."""

from pathlib import Path

import pytest

from policy_facts import NAME, facts, read, signature, verdict
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import Facts, RequestFacts
from trustkit.policy.document import Policy

POLICIES = Path(__file__).parents[3] / "policies"
PINNED = f"{NAME}@sha256:{'11' * 32}"
RUN = RequestFacts(purpose="run", user="10001")


def ready(name: str) -> Policy:
    return read((POLICIES / f"{name}.yaml").read_text().replace("pem: keys/", "pem: "), f"policies/{name}.yaml")


CASES = [
    ("baseline", facts(signature("release-2")), ALLOW, "baseline/verify.signatures"),
    ("baseline", facts(signature("release-1"), reference="busybox", user=""), ALLOW, "baseline/verify.signatures"),
    ("baseline", facts(), DENY, "baseline/verify.signatures"),
    ("baseline", facts(signature("release-3")), DENY, "baseline/verify.signatures"),
    (
        "baseline",
        facts(signature("release-1"), request=RUN._replace(privileged=True)),
        DENY,
        "baseline/require.runtime.denyPrivileged",
    ),
    (
        "strict",
        facts(signature("release-1"), signature("release-3"), reference=PINNED),
        ALLOW,
        "strict/verify.signatures",
    ),
    ("strict", facts(signature("release-1"), reference=PINNED), DENY, "strict/verify.signatures"),
    (
        "strict",
        facts(signature("release-1"), signature("release-2")),
        DENY,
        "strict/enforcement.digest.require",
    ),
    (
        "strict",
        facts(signature("release-1"), signature("release-2"), reference=PINNED.replace("corp", "evil")),
        DENY,
        "strict/require.image.registries",
    ),
    (
        "strict",
        facts(signature("release-1"), signature("release-2"), reference=PINNED, user="0"),
        DENY,
        "strict/require.image.denyRootUser",
    ),
    (
        "strict",
        facts(
            signature("release-1"), signature("release-2"), reference=PINNED, request=RUN._replace(host_mounts=("/",))
        ),
        DENY,
        "strict/require.runtime.denyHostPath",
    ),
    ("audit-only", facts(), ALLOW, ""),
    ("offline", facts(signature("courier"), reference="oci:/srv/images/app"), ALLOW, "offline/verify.signatures"),
    ("offline", facts(reference="oci:/srv/images/app"), DENY, "offline/verify.signatures"),
    ("offline", facts(signature("courier"), reference="oci:/tmp/app"), DENY, "offline/match"),
    ("offline", facts(signature("courier")), DENY, "offline/match"),
]


@pytest.mark.parametrize(("name", "about", "expected", "rule"), CASES)
def test_a_ready_policy_decides_as_its_comments_say(name: str, about: Facts, expected: str, rule: str) -> None:
    assert verdict(ready(name), about) == (expected, rule)


def test_every_ready_policy_has_cases() -> None:
    assert {path.stem for path in POLICIES.glob("*.yaml")} == {name for name, *_ in CASES}
