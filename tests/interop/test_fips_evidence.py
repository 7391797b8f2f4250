"""Which module did the maths, in every verification and on record, and policies that demand it, on a real module."""

import json
from pathlib import Path

import pytest

from peers.fips import module_file
from peers.images import Image
from peers.registry import Registry
from peers.tools import Cosign
from peers.trustkit import Trustkit
from trustkit.fips.hashing import digest_of

PASSPHRASE = {"TRUSTKIT_PASSWORD": "a passphrase"}
MODULE = "OpenSSL FIPS Provider"


@pytest.fixture(name="sha256", scope="module")
def sha256_() -> str:
    return digest_of(module_file().read_bytes()).hex


@pytest.fixture(name="signed")
def signed_(fips: Trustkit, registry: Registry, repository: str, image: Image) -> str:
    """An image signed in FIPS mode by the key `k`, which has to vouch for what runs."""
    reference = registry.reference(repository, registry.push(image, repository, "v1"))
    fips.must("key", "generate", "k", env=PASSPHRASE)
    fips.must("sign", "--key", "k", reference, env=PASSPHRASE)
    return reference


def policy(trustkit: Trustkit, demand: str) -> Path:
    path = trustkit.home / "policy.yaml"
    path.write_text(f"""apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: evidence, revision: 1}}
spec:
  trust: {{keys: {{k: {{pem: keys/k.pub}}}}}}
  verify: {{subjects: {{index: indexOnly}}, signatures: {{key: k}}}}
  require: {demand}
""")
    return path


def last_decision(trustkit: Trustkit) -> dict[str, object]:
    rows = trustkit.json("audit", "log")
    assert isinstance(rows, list)
    return max((row for row in rows if row["kind"] == "decision"), key=lambda row: row["number"])["body"]


def test_the_daemon_s_record_names_the_module_its_file_and_what_it_approves(
    fips: Trustkit, signed: str, sha256: str
) -> None:
    fips.must("run", "--rm", "--network", "none", signed, "true")
    body = json.loads(json.dumps(last_decision(fips)))
    assert body["crypto"]["module"] == MODULE
    assert body["crypto"]["sha256"] == sha256
    assert (body["crypto"]["mode"], body["crypto"]["validated"]) == ("module", False)
    assert [item["approved"] for item in body["accepted"]] == [True]


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(
    "demand", ["{{crypto: {{sha256: [{file}]}}}}", "{{expressions: [{{id: a, rule: \"crypto.sha256 == '{file}'\"}}]}}"]
)
def test_a_policy_asks_for_the_module_s_very_file(
    fips: Trustkit, signed: str, sha256: str, demand: str, allowed: bool
) -> None:
    wanted = sha256 if allowed else sha256[::-1]
    done = fips.run("verify", "--policy", policy(fips, demand.format(file=wanted)), signed)
    assert done.status == (0 if allowed else 1), done.said
    assert MODULE in done.stdout


def test_a_policy_counts_only_what_the_module_approves(fips: Trustkit, signed: str) -> None:
    path = policy(fips, "{crypto: {approved: true, modules: [OpenSSL FIPS Provider]}}")
    assert fips.run("verify", "--policy", path, signed).status == 0
    (fips.home / "config.toml").write_text("")
    done = fips.run("verify", "--policy", path, signed)
    assert done.status == 1, done.said
    assert "no FIPS module that approves" in done.stdout


def test_the_same_image_is_refused_by_a_demand_that_no_module_here_meets(fips: Trustkit, signed: str) -> None:
    done = fips.run("verify", "--policy", policy(fips, "{crypto: {validated: true}}"), signed)
    assert done.status == 1
    assert "no FIPS certificate was matched" in done.stdout


def test_every_verification_says_which_module_did_it(
    fips: Trustkit, signed: str, sha256: str, cosign3: Cosign, tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_text("{}")
    fips.must("attest", "--key", "k", "--type", "custom", "--predicate", tmp_path / "p.json", signed, env=PASSPHRASE)
    blob, bundle, config = tmp_path / "blob", tmp_path / "bundle.json", tmp_path / "signing.json"
    blob.write_bytes(b"a blob")
    config.write_text('{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}')
    private, public = cosign3.generate_key()
    cosign3.must("sign-blob", "--signing-config", config, "--key", private, "--bundle", bundle, "-y", blob)
    for command in (
        ("verify", signed),
        ("verify-attestation", "--key", "k", signed),
        ("verify-blob", str(blob), "--bundle", str(bundle), "--key", str(public)),
    ):
        shown = fips.json(*command)
        assert isinstance(shown, dict)
        assert (shown["crypto"]["module"], shown["crypto"]["sha256"]) == (MODULE, sha256), command
        text = fips.must(*command).stdout
        assert f"{MODULE} sha256:{sha256}" in text, command
        assert "not FIPS validated" in text, command


def test_the_audit_report_lists_the_module_by_its_file(fips: Trustkit, signed: str, sha256: str) -> None:
    fips.must("verify", signed)
    report = json.loads(fips.must("audit", "report").stdout)
    assert [(use["module"], use["sha256"], use["validated"]) for use in report["modules"]] == [(MODULE, sha256, False)]
