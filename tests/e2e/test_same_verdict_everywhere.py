"""One policy, one image: the same verdict by the same rule on six engines.

Ours (the daemon), Docker (the authorization plugin), containerd (the image verifier), Podman (the runtime wrapper),
CRI-O (the same wrapper, with bundles of CRI-O's form; CRI-O itself is in no package source) and Kubernetes (the
webhook). Each engine is asked for the image by its digest, for that is what hooks of containerd, Podman and CRI-O know.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from peers import images
from peers.everywhere import ENGINES, Everywhere, Told, everywhere, started
from peers.registry import Registry, Tls
from peers.signed import Signed
from peers.tools import run
from peers.trustkit import COMMAND, Trustkit

KEYS = ("release", "second", "leaver")
ATTESTED = "https://example.com/reviewed/v1"


class Row(NamedTuple):
    """What the policy asks for, who signed the image, what the run asks for, and what must come of it."""

    name: str
    policy: str
    signers: tuple[str, ...]
    allowed: bool
    rule: str
    labels: tuple[tuple[str, str], ...] = ()
    attested: bool = False
    index: bool = False
    privileged: bool = False
    # a run's demands are no question at a pull, and containerd asks at pulls only
    pull_allowed: bool = False


BY_KEY = "verify: {signatures: {key: release}}"
TWO = "verify: {signatures: {threshold: {count: 2, distinct: key, of: [release, second]}}}"
REVIEWED = f"{BY_KEY[:-1]}, attestations: {{review: {{type: {ATTESTED}, by: {{key: release}}}}}}}}"
LABELLED = (
    f"{BY_KEY}\n  require: {{expressions: [{{id: team, rule: \"image.labels['team'] == 'shop'\", message: no}}]}}"
)
NOT_ROOT = f"{BY_KEY}\n  require: {{image: {{denyRootUser: true}}}}"
EXEMPTED = (
    f"{NOT_ROOT}\n  exceptions: {{exemptions: [{{id: moving, images: ['HOST/six/*'], "
    "skip: [require.image.denyRootUser], reason: moves next month, approvedBy: [alice], "
    "expires: SOON}]}"
)
PINNED = f"enforcement: {{digest: {{require: true}}}}\n  {BY_KEY}"
PLAIN = f"{BY_KEY}\n  require: {{runtime: {{denyPrivileged: true}}}}"
ROWS = (
    Row("signed", BY_KEY, ("release",), True, "verify.signatures"),
    Row("unsigned", BY_KEY, (), False, "verify.signatures"),
    Row("wrong-key", BY_KEY, ("stranger",), False, "verify.signatures"),
    Row("revoked-key", "verify: {signatures: {key: leaver}}", ("leaver",), False, "verify.signatures"),
    Row("two-of-two", TWO, ("release", "second"), True, "verify.signatures"),
    Row("one-of-two", TWO, ("release",), False, "verify.signatures"),
    Row("attested", REVIEWED, ("release",), True, "verify.signatures", attested=True),
    Row("not-attested", REVIEWED, ("release",), False, "verify.attestations.review"),
    Row("index", BY_KEY, ("release",), True, "verify.signatures", index=True),
    Row("unsigned-index", BY_KEY, (), False, "verify.signatures", index=True),
    Row("expression", LABELLED, ("release",), True, "verify.signatures", labels=(("team", "shop"),)),
    Row("other-label", LABELLED, ("release",), False, "require.expressions.team", labels=(("team", "ads"),)),
    Row("exempted", EXEMPTED, ("release",), True, "verify.signatures"),
    Row(
        "exempted-for-ever",
        EXEMPTED.replace("SOON", "2100-01-01T00:00:00Z"),
        ("release",),
        False,
        "require.image.denyRootUser",
    ),
    Row("root", NOT_ROOT, ("release",), False, "require.image.denyRootUser"),
    Row("pinned", PINNED, ("release",), True, "verify.signatures"),
    Row("privileged", PLAIN, ("release",), False, "require.runtime.denyPrivileged", privileged=True, pull_allowed=True),
)


@pytest.fixture(scope="module")
def engines(registry: Registry, tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    folder = tmp_path_factory.mktemp("six")
    with everywhere(registry, folder) as found:
        trusted = {name: f"pem: {found.key(name)[1]}" for name in KEYS}
        trusted["leaver"] += ", revoked: {at: 2020-01-01T00:00:00Z, reason: left}"
        keys = ", ".join(f"{name}: {{{how}}}" for name, how in trusted.items())
        soon = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for row in ROWS:
            policy = row.policy.replace("HOST", registry.host).replace("SOON", soon)
            (found.trustkit.home / f"policy/{row.name}.yaml").write_text(
                "apiVersion: trustkit.dev/v1\nkind: Policy\n"
                f"metadata: {{name: {row.name}}}\nspec:\n"
                f"  match: {{images: ['{registry.host}/six/{row.name}']}}\n"
                f"  trust: {{keys: {{{keys}}}}}\n  {policy}\n"
            )
        with started(found, tls, folder):
            yield found


def pushed(engines: Everywhere, row: Row) -> str:
    image = images.build(files={"row": row.name.encode()}, labels=dict(row.labels))
    if row.index:
        arm = images.build(architecture="arm64", files={"row": row.name.encode()})
        image = images.index({"linux/amd64": image, "linux/arm64": arm})
    name = engines.push(f"six/{row.name}", image, *row.signers)
    if row.attested:
        predicate = engines.cosign.home / "predicate.json"
        predicate.write_text("{}")
        made = ("--predicate", predicate, "--type", ATTESTED, "--tlog-upload=false", "--yes")
        engines.cosign.must("attest", "--key", engines.key("release")[0], *made, name)
    return name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_same_verdict_by_the_same_rule(engines: Everywhere, row: Row) -> None:
    told = engines.ask(pushed(engines, row), privileged=row.privileged)
    expected = Told(row.allowed, "allow" if row.allowed else "deny", f"{row.name}/{row.rule}")
    wanted = dict.fromkeys(ENGINES, expected)
    if row.pull_allowed:
        wanted["containerd"] = Told(True, "allow", f"{row.name}/verify.signatures")
    assert told == wanted


# --- and whoever asks without an engine, and without a daemon ---

_RULE = re.compile(r"\(rule ([^)]+)\)")
Answer = tuple[str, str]


def by_admit(trustkit: Trustkit, name: str, digest: str) -> Answer:
    answer = trustkit.json("admit", name)
    assert isinstance(answer, dict)
    return answer["verdict"], answer["rule"]


def by_verify(trustkit: Trustkit, name: str, digest: str) -> Answer:
    answer = trustkit.json("verify", name)
    assert isinstance(answer, dict)
    return answer["verdict"], next(found["rule"] for found in answer["findings"] if found["enforced"])


def by_image_verifier(trustkit: Trustkit, name: str, digest: str) -> Answer:
    flags = ("-name", name, "-digest", digest, "-stdin-media-type", "application/vnd.oci.descriptor.v1+json")
    descriptor = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 500}
    verifier = COMMAND.with_name("trustkit-image-verifier")
    done = run([verifier, *flags], env=trustkit.env, stdin=json.dumps(descriptor))
    found = _RULE.search(done.stdout)
    assert found, done.said
    return "deny" if done.status else "allow", found[1]


@pytest.mark.parametrize(("sign", "verdict"), [(True, "allow"), (False, "deny")], ids=["signed", "unsigned"])
@pytest.mark.parametrize("ask", [by_admit, by_verify, by_image_verifier], ids=lambda one: one.__name__)
def test_the_built_in_policy_decides_alike_whoever_asks(
    trustkit: Trustkit,
    registry: Registry,
    repository: str,
    ask: Callable[[Trustkit, str, str], Answer],
    sign: bool,
    verdict: str,
) -> None:
    image = images.build()
    name = Signed(trustkit, registry, repository).push(image, sign=sign)
    assert ask(trustkit, name, image.digest) == (verdict, "built-in/verify.signatures")
