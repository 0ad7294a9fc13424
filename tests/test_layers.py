"""The project's layout, enforced: who may import whom, and that nothing in it knows the machine it was made on."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "model/everyturn_model": {"everyturn_impl", "everyturn", "simpy", "tests", "conftest"},
    "impl/everyturn_impl": {"everyturn_model", "everyturn", "simpy", "tests", "conftest"},
    "sim/everyturn": {"tests", "conftest"},
    "tests": {"tests", "conftest"},
    "examples": {"tests", "conftest"},
    "notebooks": {"tests", "conftest"},
    "benchmarks": {"tests", "conftest"},
}
# Spelt so that this file does not find itself.
MACHINE = re.compile(r"(?<![\w.:/])/(?:work|farm|root|home/\w+|Users/\w+|tmp/\w+)" + "/")
REGISTRY = re.compile(r"(?:pypi|pythonhosted|crates|npmjs|maven)\.(?:org|io|com)" + "/")


def imports(source: str) -> Iterator[tuple[int, str]]:
    """The line and the first name of everything that a module imports, by statement or by name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name.partition(".")[0]) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module.partition(".")[0]
            case ast.Call(
                func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield node.lineno, module.partition(".")[0]


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_layers(folder: str) -> None:
    """The model knows neither the implementation nor the simulation, the implementation neither of the others."""
    wrong = [
        f"{path.relative_to(ROOT)}:{number} imports {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, name in imports(path.read_text(encoding="utf-8"))
        if name in FORBIDDEN[folder]
    ]
    assert wrong == []


def test_no_relative_way_out() -> None:
    """Relative imports are not used, so that the rule above sees every import."""
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in FORBIDDEN
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_the_rule_sees_all_ways_to_import() -> None:
    """Imports by statement, inside functions and by name are found."""
    source = "import a.b\ndef f():\n    from c.d import e\n    importlib.import_module('g.h')\n    __import__('i')\n"
    assert list(imports(source)) == [(1, "a"), (3, "c"), (4, "g"), (5, "i")]


def test_no_file_knows_a_machine() -> None:
    """No file holds an absolute path of somebody's machine or a registry's address."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    wrong = []
    for name in filter(None, listed.stdout.split("\0")):
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        wrong += [f"{name}: {found.group()}" for rule in (MACHINE, REGISTRY) for found in rule.finditer(text)]
    assert wrong == []


@pytest.mark.parametrize("text", ["see /work/" + "x", "in '/root/" + ".venv'", "=/home/" + "me/x", "/Users/" + "me/x"])
def test_machine_paths_are_recognised(text: str) -> None:
    """The rule finds what it looks for."""
    assert MACHINE.search(text)


@pytest.mark.parametrize("text", ["impl/work/x", "https://example.com/home/me/", "a /workers/ pool", "../root/x"])
def test_other_paths_are_not(text: str) -> None:
    """Relative paths and addresses are no machine's."""
    assert not MACHINE.search(text)
