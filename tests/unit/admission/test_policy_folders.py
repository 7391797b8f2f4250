"""A folder of policies: a document is in force however its suffix is written."""

from pathlib import Path

import pytest

from trustkit.admission.policies import read_policy

DOCUMENT = "apiVersion: trustkit.dev/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec: {{}}\n"


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".YAML", ".Yml"])
def test_no_document_is_left_out_for_its_suffixs_letters(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "one.yaml").write_text(DOCUMENT.format(name="one"))
    (tmp_path / f"two{suffix}").write_text(DOCUMENT.format(name="two"))
    assert {section.name for section in read_policy(tmp_path).sections} == {"one", "two"}
