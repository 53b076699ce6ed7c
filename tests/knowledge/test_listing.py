"""A process that follows changes searches from memory, and takes up what it changes itself at once."""

from collections.abc import Iterator

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import NotFound
from courtyard.documents import Documents
from courtyard.storage import Database, Revisions
from tests.knowledge.reading_room import ADMIN, ReadingRoom, person
from tests.ledger.node import Away

LIN = person("lin")


@pytest.fixture
def away(embedded: Database) -> Iterator[Away]:
    away = Away(embedded.url)
    yield away
    away.close()


@pytest.fixture
def room(away: Away, clock: FrozenClock, documents: Documents) -> Iterator[ReadingRoom]:
    """A room that serves: it follows what others change."""
    room = ReadingRoom(away, clock, documents)
    room.knowledge.reload()
    yield room
    room.knowledge.close()


def test_a_search_asks_nothing_of_the_database(room: ReadingRoom, away: Away) -> None:
    """Who may read what is known, and so is what is found: a book that is away stops no search."""
    room.collection()
    room.add("boat.md", "# Boat\n\nThe keel of the boat is painted red.")
    room.read_all()
    room.knowledge.reload()
    assert room.search("What colour is the keel of the boat?").hits

    away.away = True
    assert room.search("What colour is the keel of the boat?").hits
    away.away = False


def test_what_one_changed_is_so_at_once(room: ReadingRoom) -> None:
    """No collection that was just made is missing, and none is read by those whom it was just taken from."""
    room.collection()
    assert [one.name for one in room.knowledge.collections(LIN)] == ["handbook"]

    room.knowledge.change(ADMIN, "handbook", title="Handbook", readers=["per_admin"])
    assert room.knowledge.collections(LIN) == []

    room.knowledge.delete(ADMIN, "handbook")
    with pytest.raises(NotFound):
        room.knowledge.collection(ADMIN, "handbook")


def test_what_others_changed_is_followed(room: ReadingRoom, laptop: ReadingRoom) -> None:
    """A change moves the room's revision, by which serving processes know to look."""
    revisions = Revisions(room.database)
    made = laptop.collection()
    first = revisions.read()["knowledge"]
    room.knowledge.reload()
    assert room.knowledge.collections(LIN) == [made]

    laptop.knowledge.change(ADMIN, "handbook", title="Handbook", readers=["per_admin"])
    assert revisions.read()["knowledge"] > first
    room.knowledge.reload()
    assert room.knowledge.collections(LIN) == []
