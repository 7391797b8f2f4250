"""What linters cannot say: sizes, names, and who may make what."""

import ast
import importlib
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import trustkit.engine.errors
import trustkit.errors

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "trustkit"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.endswith("_pb2.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 400, 50
# A part with a family of errors of its own keeps them beside it; all others are in the one file.
ERROR_FILES = {
    "trustkit.errors",
    "trustkit.engine.errors",
    "trustkit.fleet.errors",
    "trustkit.hooks.errors",
    "trustkit.policy.errors",
    "trustkit.signing.content_trust.errors",
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "handler", "misc", "types"}
# Who may construct a value whose existence means something. Where the type is defined, its own copies are made.
MAKERS = {
    # What `recorded` makes is judged to learn what a policy would say; an Admission needs a Judgement of real evidence.
    "VerifiedSignature": (
        "trustkit/signing/formats/",
        "trustkit/model/signature.py",
        "trustkit/policy/recorded.py",
    ),
    "VerifiedRepository": ("trustkit/signing/content_trust/verify.py", "trustkit/signing/content_trust/values.py"),
    "VerifiedGrant": ("trustkit/policy/grants.py",),
    "Decision": ("trustkit/policy/evaluate.py", "trustkit/model/decision.py"),
    "Admission": ("trustkit/admission/admit.py", "trustkit/model/admission.py"),
}


def relative(path: Path) -> str:
    """Return the path as it stands in the repository."""
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    """Return the module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the last name of everything the module calls, and the line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield (node.func.id if isinstance(node.func, ast.Name) else node.func.attr), node.lineno


def test_no_module_is_longer_than_the_limit() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_is_longer_than_the_limit() -> None:
    too_long = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert too_long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [relative(path) for path in MODULES if path.stem in FORBIDDEN_NAMES] == []


def test_no_class_is_named_for_its_kind() -> None:
    suspicious = re.compile(r"^(I[A-Z][a-z]|Abstract)|(Impl|Interface|Manager|Helper|Util)$")
    classes = [
        f"{relative(path)}: {node.name}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and suspicious.search(node.name)
    ]
    assert classes == []


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_only_its_maker_makes_a_trusted_value(name: str) -> None:
    strangers = [
        f"{relative(path)}:{line}"
        for path in MODULES
        if not relative(path).startswith(MAKERS[name])
        for called, line in calls(path)
        if called == name
    ]
    assert strangers == []


def test_only_one_module_makes_tls_contexts() -> None:
    makers = {"SSLContext", "create_default_context", "_create_unverified_context"}
    found = {relative(path) for path in MODULES for called, _ in calls(path) if called in makers}
    assert found == {"trustkit/net/tls.py"}


def test_no_module_hides_its_docstring_rules_behind_all() -> None:
    with_all = [
        relative(path)
        for path in MODULES
        if path.name != "api.py"
        for node in tree(path).body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    assert with_all == []


def test_the_top_of_the_package_imports_nothing() -> None:
    statements = tree(PACKAGE / "__init__.py").body
    assert not [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]


def test_the_errors_import_nothing_of_ours() -> None:
    imported = [node for node in ast.walk(tree(PACKAGE / "errors.py")) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imported} <= {"typing"}


def errors() -> list[type[trustkit.errors.TrustkitError]]:
    """Return every error class, the root first."""
    for module in MODULES:
        if module.name == "errors.py":
            importlib.import_module(".".join(module.relative_to(ROOT).with_suffix("").parts))
    found = [trustkit.errors.TrustkitError]
    for each in found:
        found.extend(sub for sub in each.__subclasses__() if sub.__module__.startswith("trustkit."))
    return found


def test_every_error_is_defined_in_a_file_of_errors() -> None:
    assert [each for each in errors() if each.__module__ not in ERROR_FILES] == []


def test_every_error_has_a_code_of_its_own() -> None:
    assert [code for code, times in Counter(each.code for each in errors()).items() if times > 1] == []


def test_every_code_extends_its_parents_code_or_begins_a_family() -> None:
    shape = re.compile(r"^[a-z][a-z_]*(\.[a-z][a-z_]*)*$")
    assert [each.code for each in errors() if not shape.match(each.code)] == []


def test_every_error_has_a_documented_exit_status() -> None:
    assert {each.exit_status for each in errors()} <= {1, 2, 3, 4}


def test_every_error_says_what_it_means() -> None:
    assert [each.__name__ for each in errors() if not (each.__doc__ or "").strip()] == []


def tracked() -> list[Path]:
    """Return every file git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def test_nothing_in_the_tree_names_the_machine_it_was_written_on() -> None:
    # Put together here, so that this file does not name them either.
    words = [f"/{first}/{second}".encode() for first, second in (("work", "main"), ("work", "shared"), ("tmp", "team"))]
    words += [b"/work/" + b".library", b"/opt/" + b"pypi", b"/opt/" + b"wheels", b"/root/" + b".pyenv"]
    found = [f"{relative(path)}: {word.decode()}" for path in tracked() for word in words if word in path.read_bytes()]
    assert found == []


def test_no_lock_file_names_an_index() -> None:
    locks = [path for path in tracked() if path.name.endswith(".lock")]
    assert locks
    assert [relative(path) for path in locks if b"://" in path.read_bytes() or b"--index" in path.read_bytes()] == []


def test_every_locked_package_has_a_hash() -> None:
    for path in (path for path in tracked() if path.name.endswith(".lock")):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        pins = [line for line in text.splitlines() if re.match(r"^[a-zA-Z0-9]", line)]
        assert [line.split()[0] for line in pins if "--hash=sha256:" not in line] == []


def test_test_files_have_unique_names() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []
