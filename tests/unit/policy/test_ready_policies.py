"""Each ready policy admits one image and refuses others; their keys are stand-ins."""

from pathlib import Path

import pytest

from policy_facts import NAME, facts, read, signature, verdict
from trustkit.cli.main import run
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


NAMES = sorted(path.stem for path in POLICIES.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_ready_policy_passes_the_cases_that_ship_with_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "test", str(POLICIES / "tests" / f"{name}.yaml")]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_its_cases_refuse_more_than_they_admit(name: str) -> None:
    cases = (POLICIES / "tests" / f"{name}.yaml").read_text()
    admitted, refused = cases.count("verdict: allow"), cases.count("verdict: deny")
    assert admitted
    assert refused > admitted or name == "audit-only"


@pytest.mark.parametrize("name", NAMES)
def test_lint_finds_nothing_in_a_ready_policy(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "lint", "--strict", str(POLICIES / f"{name}.yaml")]) == 0, capsys.readouterr().out
