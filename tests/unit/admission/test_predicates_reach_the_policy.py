"""Attested predicates reach the policy as typed values, through real layouts, envelopes and keys."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from peers import images
from predicate_samples import BUILT
from trustkit.admission.judge import Kit, judge
from trustkit.admission.policies import read_policy, trust_roots
from trustkit.codec.predicates.provenance import Provenance
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.facts import RequestFacts
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.formats.cosign_attestation import CosignAttestation
from trustkit.signing.formats.cosign_signature import CosignSignature
from trustkit.signing.keys import SigningKey
from trustkit.signing.sign import BUNDLE, LEGACY, Subjected, attest

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
SLSA = "https://slsa.dev/provenance/v1"
KEY, OTHER = provider().generate("ecdsa-p256"), provider().generate("ecdsa-p256")
POLICY = f"""
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: built}}
spec:
  trust: {{keys: {{builder: {{pem: builder.pub}}}}}}
  verify: {{attestations: {{provenance: {{type: '{SLSA}', by: {{key: builder}}}}}}}}
"""
REQUIRED = POLICY + "  require: {provenance: {level: 3, source: {uriPrefix: 'git+https://github.com/corp/'}}}\n"


def judged(folder: Path, policy: str, predicate: object, layout: str = BUNDLE, key: SigningKey = KEY) -> Judgement:
    (folder / "images").mkdir()
    images.write_layout(images.build(config={"User": "10001"}), folder / "images", "1.0")
    (folder / "builder.pub").write_bytes(public_key_to_pem(KEY.public))
    (folder / "policy.yaml").write_text(policy)
    ref = ImageRef.parse(f"oci:{folder / 'images'}:1.0")
    place = LayoutFolder(folder / "images")
    subject = place.manifest("1.0").descriptor
    stated = ("slsaprovenance1", json.dumps(predicate).encode())
    push(attest(Subjected(subject.digest, ref.name), key, stated, NOW, layout), subject, place)
    loaded = read_policy(folder / "policy.yaml")
    kit = Kit(
        open_source=lambda _: place,
        formats=(SigstoreBundle(), CosignSignature(), CosignAttestation()),
        crypto=provider(),
        policy=loaded,
        trust=trust_roots(loaded),
        now=lambda: NOW,
    )
    return judge(ref, RequestFacts(), kit)


@pytest.mark.parametrize("layout", [BUNDLE, LEGACY])
def test_a_policy_that_looks_inside_gets_what_the_builder_attested(tmp_path: Path, layout: str) -> None:
    found = judged(tmp_path, REQUIRED, BUILT, layout)
    assert found.decision.allowed, found.decision
    (item,) = found.facts.report.accepted
    assert item.statement is not None
    assert isinstance(item.statement.said, Provenance)
    assert item.statement.said.source.uri == "git+https://github.com/corp/app@refs/tags/v1"


def test_a_policy_that_does_not_look_inside_does_not_pay_for_it(tmp_path: Path) -> None:
    found = judged(tmp_path, POLICY, BUILT)
    assert found.decision.allowed
    assert [item.statement and item.statement.said for item in found.facts.report.accepted] == [None]


@pytest.mark.parametrize("layout", [BUNDLE, LEGACY])
def test_provenance_by_another_key_is_refused(tmp_path: Path, layout: str) -> None:
    found = judged(tmp_path, REQUIRED, BUILT, layout, OTHER)
    assert not found.decision.allowed
    assert found.facts.report.accepted == ()


def test_provenance_from_another_source_is_refused_by_its_rule(tmp_path: Path) -> None:
    found = judged(tmp_path, REQUIRED.replace("corp/", "other/"), BUILT)
    assert found.decision.deciding is not None
    assert found.decision.deciding.rule == "built/require.provenance"
