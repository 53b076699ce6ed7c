"""What every reader of documents promises, for each one that is registered."""

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest

from courtyard import plugins
from courtyard.documents import Documents, Unreadable

READERS = cast("dict[str, Any]", plugins.load("readers"))
_SEED = 7


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    documents = Documents()
    yield documents
    documents.close()


@pytest.fixture(params=sorted(READERS))
def name(request: pytest.FixtureRequest) -> str:
    return cast("str", request.param)


def test_a_reader_is_named_as_it_is_registered(name: str) -> None:
    """It says which files it reads, before it loads anything, and each type of a suffix is one of its own."""
    reader = READERS[name]()

    assert reader.name == name
    assert reader.suffixes
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.suffixes)
    assert set(reader.suffixes.values()) <= set(reader.media_types)


def test_no_two_readers_read_the_same() -> None:
    """Who reads a file does not depend on an order."""
    readers = [reader() for reader in READERS.values()]
    for said in ([*reader.media_types] for reader in readers), ([*reader.suffixes] for reader in readers):
        every = [one for each in said for one in each]
        assert len(every) == len(set(every))


def test_whatever_the_bytes_it_reads_them_or_refuses(documents: Documents, name: str) -> None:
    """Nothing but `Unreadable` comes out of a file that is none, and the process lives on."""
    chance = random.Random(_SEED)
    documents.read("a.txt", b"before")
    before = documents.pids
    for media_type in sorted(READERS[name].media_types):
        for content in (b"\x00", b"<", b"%" * 100, "王".encode() * 50, chance.randbytes(4_000)):
            with suppress(Unreadable):
                documents.read("a", content, media_type=media_type)

    assert documents.pids == before
