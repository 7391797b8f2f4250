"""A folder of policies: a document is in force however its suffix is written."""

from pathlib import Path

import pytest

from trustkit.admission.policies import read_policy
from trustkit.errors import PolicySyntaxError

DOCUMENT = "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec: {{}}\n"


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".YAML", ".Yml"])
def test_no_document_is_left_out_for_its_suffixs_letters(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "one.yaml").write_text(DOCUMENT.format(name="one"))
    (tmp_path / f"two{suffix}").write_text(DOCUMENT.format(name="two"))
    assert {section.name for section in read_policy(tmp_path).sections} == {"one", "two"}


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Return a policy directory with documents of the namespace team-a beside it."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "one.yaml").write_text(DOCUMENT.format(name="one"))
    own = tmp_path / "namespaces" / "team-a"
    own.mkdir(parents=True)
    (own / "own.yaml").write_text(DOCUMENT.format(name="own"))
    return folder


def test_documents_of_namespaces_lie_beside_the_directory(policies: Path) -> None:
    found = read_policy(policies).sections
    assert [(one.name, one.namespace) for one in found] == [("one", ""), ("team-a/own", "team-a")]


def test_a_mounted_config_map_is_read_once(policies: Path) -> None:
    team = policies.parent / "namespaces" / "team-b"
    (team / "..2026_11_29").mkdir(parents=True)
    (team / "..2026_11_29" / "b.yaml").write_text(DOCUMENT.format(name="b"))
    (team / "..data").symlink_to("..2026_11_29")
    (team / "b.yaml").symlink_to("..data/b.yaml")
    (policies.parent / "namespaces" / "..data").mkdir()
    assert [one.name for one in read_policy(policies).sections] == ["one", "team-a/own", "team-b/b"]


@pytest.mark.parametrize("name", ["Team", "-a", "a_b", "a.b", "a" * 64])
def test_a_folder_that_no_namespace_can_have_is_refused(policies: Path, name: str) -> None:
    (policies.parent / "namespaces" / name).mkdir()
    with pytest.raises(PolicySyntaxError, match="named after a namespace"):
        read_policy(policies)


def test_a_document_beside_the_folders_is_not_left_out_in_silence(policies: Path) -> None:
    (policies.parent / "namespaces" / "own.yaml").write_text(DOCUMENT.format(name="x"))
    with pytest.raises(PolicySyntaxError, match="named after a namespace"):
        read_policy(policies)


def test_an_empty_folder_of_a_namespace_is_refused(policies: Path) -> None:
    (policies.parent / "namespaces" / "team-c").mkdir()
    with pytest.raises(PolicySyntaxError, match="holds no policy file"):
        read_policy(policies)
