"""The documentation names what there is."""

from importlib import import_module
from pathlib import Path

import pytest

from trustkit.cli.main import COMMANDS, module_of
from trustkit.config import template
from trustkit.settings import SETTINGS

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMES = [name for group in COMMANDS.values() for name in group]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_documented(name: str) -> None:
    assert f"| `{name}` |" in (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_a_module_that_explains_itself(name: str) -> None:
    module = import_module(module_of(name))
    assert module.__doc__
    assert callable(module.add_arguments)
    assert callable(module.run)


def test_every_file_of_the_commands_folder_is_a_command() -> None:
    folder = Path(import_module("trustkit.cli.commands").__path__[0])
    found = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert found == {name.replace("-", "_") for name in NAMES}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_stands_in_the_commented_file(setting: object) -> None:
    assert setting in SETTINGS
    assert getattr(setting, "help", "") in template()


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_page_that_is_linked_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {word.strip("`.,;:()") for word in text.split() if word.strip("`.,;:()").startswith("docs/")}
    assert [name for name in named if not (DOCS.parent / name).exists()] == []
