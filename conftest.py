"""Runs the documentation: each Python block, each `$` command and each settings file in README.md and docs/."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from tests.docs.console import Reader, read_toml, reading, run_console, run_python


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
