"""What may stand in the repository's files."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.house.tidy import ROOT

_UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b")
_MACHINE = re.compile(r"(?<![\w.])/(?:ro" r"ot|wo" r"rk|us" r"ers)/\w", re.IGNORECASE)
_REGISTRY = re.compile(r"py" r"pi\.org|python" r"hosted\.org|registry\.npm" r"js|deb\.deb" r"ian|archive\.ubu" r"ntu")
_VENDORED = ("static/vendor/", "LICENSE")


def _files() -> Iterator[tuple[Path, str]]:
    """Every text file that git keeps, or would keep once added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and not any(part in name for part in _VENDORED):
            try:
                yield path.relative_to(ROOT), path.read_text()
            except UnicodeDecodeError:
                continue


def _found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in _files()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_nothing_is_left_for_later() -> None:
    """No file holds a note of what is yet to be done."""
    assert _found(_UNFINISHED) == []


def test_no_file_knows_the_machine_it_was_made_on() -> None:
    """No path of somebody's machine, and no package registry's address, stands in any file."""
    assert _found(_MACHINE) == []
    assert _found(_REGISTRY) == []


def test_the_patterns_find_what_they_are_for() -> None:
    """A planted word is found."""
    assert _UNFINISHED.search("# TO" + "DO: later")
    assert _MACHINE.search('"/ro' + 'ot/models/x"')
    assert _REGISTRY.search("https://py" + "pi.org/simple")


def test_every_test_says_what_holds() -> None:
    """Each test function has a sentence, so that a failure reads as a broken promise."""
    silent = [
        f"{path.name}:{node.name}"
        for path, tree in _tests()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_every_test_runs() -> None:
    """Nothing is skipped, expected to fail, or patched: the real thing is tested or the test is wrong."""
    forbidden = {"test_namespaces.py"}  # A kernel may not let anybody make a network: then it says so.
    escapes = {"skip", "skipif", "xfail", "importorskip", "mock"}
    escaped = [
        f"{path.name}:{node.lineno}"
        for path, tree in _tests()
        if path.name not in forbidden
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute))
        and node.attr in escapes
        and _owner(node) in ("pytest", "mark", "unittest")
    ]

    assert escaped == []


def _tests() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        yield path, ast.parse(path.read_text())


def _owner(node: ast.Attribute) -> str:
    return node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
