"""Runs the documentation: each Python block, each `$` command and each settings file in README.md and docs/."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser
from xdist.scheduler import LoadScopeScheduling

from tests.docs.console import Reader, read_toml, reading, run_console, run_python

os.environ.pop("COLUMNS", None)  # Tables are as wide as a test says, whatever terminal it was started in.


class _FilesAndPages(LoadScopeScheduling):
    """A process of tests takes a file at a time, and all pages as one: whoever follows them follows them in order."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "pages" if path.endswith(".md") else path


_LONG = ("README.md", "docs/", "tests/walk/test_newcomer", "tests/walk/test_kill", "tests/egress/", "tests/browser/")
"""What takes longest comes first, so that no process is left with it when the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _FilesAndPages(config, log)


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody who follows the pages from the first to the last."""
    yield from reading(Path(tmp_path_factory.mktemp("reader")))


pytest_collect_file = Sybil(
    parsers=[
        CodeBlockParser("python", run_python),
        CodeBlockParser("console", run_console),
        CodeBlockParser("toml", read_toml),
    ],
    patterns=["*.md"],
    excludes=["docs/reference/*.md", "CHANGELOG.md"],
    fixtures=["reader"],
).pytest()
