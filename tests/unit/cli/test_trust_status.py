"""`trustkit trust status`: what is trusted, until when, and what is wrong with it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.gpg import Gpg
from peers.registry import openssl
from peers.tools import Ran
from peers.trustkit import Trustkit
from peers.workspace import short_folder
from trustkit.signing.trust.files import PUBLIC_GOOD_ROOT

POLICY = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: team}
spec:
  match: {images: ["**"]}
  trust:
"""


@pytest.fixture
def gpg() -> Iterator[Gpg]:
    with short_folder("gpg") as folder:
        made = Gpg(folder / "gpg")
        try:
            yield made
        finally:
            made.stop()


def generate(trustkit: Trustkit, name: str) -> Path:
    trustkit.must("key", "generate", name, env={"TRUSTKIT_PASSWORD": "x"})
    return trustkit.home / "keys" / f"{name}.pub"


def policy(tmp_path: Path, trust: str, signatures: str) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(f"{POLICY}{trust}\n  verify: {{signatures: {signatures}}}\n", encoding="utf-8")
    return file


def rows(done: Ran) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(done.stdout)["trusted"]
    return found


def test_a_key_of_the_key_ring_is_trusted_without_a_policy(trustkit: Trustkit) -> None:
    generate(trustkit, "release")
    (one,) = rows(trustkit.run("trust", "status", "--output", "json"))
    assert (one["kind"], one["name"], one["state"]) == ("key", "release", "ok")


def test_the_table_names_key_and_state(trustkit: Trustkit) -> None:
    generate(trustkit, "release")
    shown = trustkit.run("trust", "status").stdout
    assert "policy built-in" in shown
    assert "release" in shown
    assert " ok" in shown


@pytest.mark.parametrize(
    ("bounds", "state"),
    [
        ("notAfter: 2020-01-01T00:00:00Z", "expired"),
        ("notBefore: 2120-01-01T00:00:00Z", "not yet valid"),
        ("notAfter: 2120-01-01T00:00:00Z", "ok"),
    ],
)
def test_bounds_of_a_key_are_judged_now(trustkit: Trustkit, tmp_path: Path, bounds: str, state: str) -> None:
    pem = generate(trustkit, "release")
    file = policy(tmp_path, f"    keys: {{release: {{pem: {pem}, {bounds}}}}}", "{key: release}")
    done = trustkit.run("trust", "status", "--policy", file, "--output", "json")
    assert [one["state"] for one in rows(done)] == [state], done.said
    checked = trustkit.run("trust", "status", "--policy", file, "--check")
    assert checked.status == (0 if state == "ok" else 1)


def test_what_ends_soon_is_said_in_time(trustkit: Trustkit, gpg: Gpg, tmp_path: Path) -> None:
    ring = gpg.public(gpg.key("Soon <soon@example.com>", expires="10d"))
    trust = f"    roots: {{openpgp: {{team: {ring}}}}}\n    openpgp: {{release: {{root: team}}}}"
    file = policy(tmp_path, trust, "{gpg: release}")
    (one,) = rows(trustkit.run("trust", "status", "--policy", file, "--output", "json"))
    assert (one["kind"], one["state"]) == ("OpenPGP key", "expires soon")
    assert "Soon <soon@example.com>" in one["what"]
    (later,) = rows(trustkit.run("trust", "status", "--policy", file, "--within", "5", "--output", "json"))
    assert later["state"] == "ok"


def test_a_revoked_openpgp_key_is_said(trustkit: Trustkit, gpg: Gpg, tmp_path: Path) -> None:
    fingerprint = gpg.key("Lost <lost@example.com>")
    gpg.revoke(fingerprint)
    trust = f"    roots: {{openpgp: {{team: {gpg.public(fingerprint)}}}}}\n    openpgp: {{release: {{root: team}}}}"
    (one,) = rows(
        trustkit.run("trust", "status", "--policy", policy(tmp_path, trust, "{gpg: release}"), "--output", "json")
    )
    assert one["state"] == "revoked"
    assert fingerprint in one["what"]


def test_certificates_are_shown_with_their_end(trustkit: Trustkit, tmp_path: Path) -> None:
    key, certificate = tmp_path / "ca.key", tmp_path / "ca.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", key, "-out", certificate, "-days", "400", "-subj", "/O=Team/CN=CA")
    trust = (
        f'    roots: {{x509: {{team: {certificate}}}}}\n    certificates: {{release: {{root: team, subjects: ["*"]}}}}'
    )
    file = policy(tmp_path, trust, "{x509: release}")
    (one,) = rows(trustkit.run("trust", "status", "--policy", file, "--output", "json"))
    assert (one["kind"], one["name"], one["state"]) == ("ca certificate", "x509:ca/team", "ok")
    assert "CA" in one["what"]


def test_of_a_sigstore_root_every_authority_and_log_is_shown(trustkit: Trustkit, tmp_path: Path) -> None:
    trust = (
        f"    roots: {{sigstore: {PUBLIC_GOOD_ROOT}}}\n"
        "    identities: {release: {subject: me@example.com, issuer: 'https://accounts.example.com'}}"
    )
    found = rows(
        trustkit.run("trust", "status", "--policy", policy(tmp_path, trust, "{identity: release}"), "--output", "json")
    )
    kinds = {one["kind"] for one in found}
    assert kinds >= {"certificate authority", "transparency log", "certificate log"}
    assert any(one["state"] == "expired" and one["note"].startswith("still counts") for one in found)
    assert any(one["state"] == "ok" for one in found if one["kind"] == "certificate authority")


def test_a_key_that_the_policy_does_not_name_is_said(trustkit: Trustkit, tmp_path: Path) -> None:
    pem = generate(trustkit, "release")
    generate(trustkit, "forgotten")
    file = policy(tmp_path, f"    keys: {{release: {{pem: {pem}}}}}", "{key: release}")
    assert "key forgotten of the key ring is not trusted" in trustkit.run("trust", "status", "--policy", file).stdout


def test_a_policy_that_is_broken_is_no_status(trustkit: Trustkit, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("kind: Nonsense", encoding="utf-8")
    assert trustkit.run("trust", "status", "--policy", tmp_path / "policy.yaml").status == 2
