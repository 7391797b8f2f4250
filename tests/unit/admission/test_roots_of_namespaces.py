"""Roots that documents of a namespace name: the cluster's, or none. Others would date what is signed elsewhere."""

import json
from pathlib import Path

import pytest

from peers import fake_sigstore as fake
from trustkit.admission.policies import read_policy, trust_roots
from trustkit.errors import PolicySyntaxError

SERVICES, STRANGER = fake.FakeSigstore(), fake.FakeSigstore()
DOCUMENT = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: {name}}}
spec:
  trust:
    roots: {{sigstore: {{{root}}}}}
    identities: {{me: {{issuer: 'https://i.example', subject: 'me@i.example', root: {root_name}}}}}
  verify: {{signatures: {{identity: me}}}}
"""


def document(name: str, root: str) -> str:
    return DOCUMENT.format(name=name, root=root, root_name=root.partition(":")[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "policy"
    found.mkdir()
    (found / "root.json").write_text(json.dumps(SERVICES.trusted_root()))
    (found / "cluster.yaml").write_text(document("cluster", "corp: root.json"))
    own = tmp_path / "namespaces" / "team-a"
    own.mkdir(parents=True)
    (own / "same.json").write_text(json.dumps(SERVICES.trusted_root()))
    (own / "other.json").write_text(json.dumps(STRANGER.trusted_root()))
    return found


def write(folder: Path, root: str) -> None:
    (folder.parent / "namespaces" / "team-a" / "own.yaml").write_text(document("own", root))


@pytest.mark.parametrize("root", ["corp: ../../policy/root.json", "corp: same.json"])
@pytest.mark.parametrize("resolve", [True, False])
def test_it_names_the_clusters_root_by_the_clusters_file_or_its_own_copy(
    folder: Path, root: str, *, resolve: bool
) -> None:
    alone = trust_roots(read_policy(folder / "cluster.yaml"))
    write(folder, root)
    found = read_policy(folder, resolve=resolve)
    assert [one.name for one in found.sections] == ["cluster", "team-a/own"]
    assert not resolve or trust_roots(found) == alone


@pytest.mark.parametrize("root", ["mine: other.json", "corp: other.json", "mine: same.json"])
def test_a_root_of_its_own_is_refused(folder: Path, root: str) -> None:
    write(folder, root)
    with pytest.raises(PolicySyntaxError, match="would be believed in every namespace"):
        read_policy(folder)


def test_a_root_of_its_own_is_refused_without_looking_at_files(folder: Path) -> None:
    write(folder, "mine: other.json")
    with pytest.raises(PolicySyntaxError, match="would be believed in every namespace"):
        read_policy(folder, resolve=False)


def test_a_root_of_another_namespace_is_not_the_clusters(folder: Path) -> None:
    write(folder, "mine: other.json")
    other = folder.parent / "namespaces" / "team-b"
    other.mkdir()
    (other / "other.json").write_text(json.dumps(STRANGER.trusted_root()))
    (other / "own.yaml").write_text(document("own", "mine: other.json"))
    with pytest.raises(PolicySyntaxError, match="team-a/own"):
        read_policy(folder)
