"""Servers that the walks share."""

from collections.abc import Iterator

import pytest

from tests.walk.server import Running, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A real server with the echo engine, for the tests of one file."""
    with serving(tmp_path_factory.mktemp("walk") / "data") as running:
        yield running
