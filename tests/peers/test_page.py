"""The page about the peers' failures keeps its word: all 25 are on it, and each test that it names exists."""

import ast
import re
from functools import cache

from tests.walk.server import ROOT

PAGE = ROOT / "docs" / "concepts" / "failures-of-peers.md"
_SECTION = re.compile(r"^### (\d+)\. (.+)$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_ISSUE = re.compile(r"#\d+|GHSA-\w+|CVE-[\d-]+")


def sections() -> dict[int, str]:
    """Each complaint by its number."""
    found = list(_SECTION.finditer(PAGE.read_text()))
    ends = [one.start() for one in found[1:]] + [None]
    return {int(one[1]): PAGE.read_text()[one.end() : end] for one, end in zip(found, ends, strict=True)}


@cache
def written_in(path: str) -> frozenset[str]:
    """The test functions of a file, read and not run."""
    tree = ast.parse((ROOT / path).read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def test_all_25_are_there() -> None:
    """In their order, each with what goes wrong elsewhere, by issue, what holds here, and what shows it."""
    assert list(sections()) == list(range(1, 26))
    for number, text in sections().items():
        elsewhere, here, shown = (text.index(f"- {word}") for word in ("Elsewhere:", "Here:", "Shown by"))

        assert elsewhere < here < shown, number
        assert _ISSUE.search(text[elsewhere:here]), number
        assert _TEST.search(text[shown:]), number


def test_each_test_that_is_named_exists() -> None:
    """Whoever renames a test renames it on the page too."""
    named = _TEST.findall(PAGE.read_text())
    missing = [f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in written_in(path)]

    assert len(named) > 50
    assert PAGE.read_text().count("::") == len(named)
    assert missing == []


def test_each_test_of_the_peers_is_named() -> None:
    """A test that was written against a complaint is found from its section."""
    named = {name for _, name in _TEST.findall(PAGE.read_text())}
    written = {
        name
        for path in (ROOT / "tests" / "peers").glob("test_*.py")
        if path.name != "test_page.py"
        for name in written_in(str(path.relative_to(ROOT)))
    }

    assert written - named == set()
