"""One process that reads, for all tests of the room that do not break it."""

from collections.abc import Iterator

import pytest

from courtyard.documents import Documents


@pytest.fixture(scope="session")
def documents() -> Iterator[Documents]:
    documents = Documents()
    yield documents
    documents.close()
