"""Documents come in once, are recognised, get new versions, and go without a trace."""

import pytest
from sqlalchemy import func, select

from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.knowledge import Progress, State
from courtyard.storage import metadata
from tests.knowledge.reading_room import ADMIN, ReadingRoom

LEAVE = "# Leave\n\nEverybody has thirty days of leave a year. Ask Maria Gonzalez.\n"
SICK = "# Sick\n\nWho is ill tells Maria Gonzalez before nine.\n"
STAFF = "Name,City\nMaria Gonzalez,Paris\nJohn Smith,Berlin\nAda Lovelace,London\n"


def test_a_document_waits_is_read_and_is_found(room: ReadingRoom) -> None:
    """What was put in is found once it was read, with its title, heading and digest."""
    room.collection()
    added = room.add("leave.md", LEAVE)
    assert added.state is State.WAITING
    assert room.search("How much leave?").hits == ()

    [read] = room.read_all()
    [hit] = room.search("How much leave?").hits

    assert (read.state, read.title, read.passages) == (State.READY, "Leave", 1)
    assert (hit.passage.document, hit.passage.heading, hit.sha256) == (added.id, "Leave", added.sha256)
    assert "thirty days" in room.knowledge.passage(ADMIN, added.id, 1).text
    assert room.knowledge.content(ADMIN, added.id) == LEAVE.encode()


def test_the_same_content_once_more_changes_nothing(room: ReadingRoom) -> None:
    """A document that is put in again as it is does not wait again."""
    room.collection()
    first = room.add("leave.md", LEAVE)
    room.read_all()

    again = room.add("leave.md", LEAVE)

    assert (again.id, again.state) == (first.id, State.READY)
    assert room.read_all() == []


def test_a_new_version_is_found_in_the_place_of_the_old_one(room: ReadingRoom) -> None:
    """The old version is found until the new one was read, and not a moment longer."""
    room.collection()
    first = room.add("leave.md", LEAVE)
    room.read_all()
    second = room.add("leave.md", LEAVE.replace("thirty", "forty"))
    assert "thirty" in room.search("How much leave?").hits[0].passage.text
    assert room.knowledge.content(ADMIN, first.id) == LEAVE.encode()

    room.read_all()

    [hit] = room.search("How much leave?").hits
    assert (second.id, hit.sha256) == (first.id, second.sha256)
    assert "forty" in hit.passage.text
    assert b"forty" in room.knowledge.content(ADMIN, first.id)


def test_a_duplicate_is_recognised_and_takes_the_place_of_the_first(room: ReadingRoom) -> None:
    """The same content under another name is not read twice; when the first goes, it is read after all."""
    room.collection()
    first = room.add("leave.md", LEAVE)
    twin = room.add("copy/leave.md", LEAVE)
    room.read_all()
    assert (twin.state, twin.reason) == (State.DUPLICATE, "the same as leave.md")
    assert room.knowledge.progress(ADMIN, "handbook") == Progress(ready=1, duplicate=1)

    room.knowledge.remove(ADMIN, first.id)
    room.read_all()

    [hit] = room.search("How much leave?").hits
    assert hit.passage.document == twin.id


def test_what_cannot_be_read_says_why_and_is_read_again_when_asked(room: ReadingRoom) -> None:
    """A failure has a reason, is found no longer, and stops no other document."""
    room.collection()
    broken = room.knowledge.add(ADMIN, "handbook", "broken.pdf", b"%PDF-1.7 and nothing else")
    room.add("leave.md", LEAVE)
    room.read_all()
    failed = room.knowledge.document(ADMIN, broken.id)
    assert failed.state is State.FAILED
    assert failed.reason

    again = room.knowledge.retry(ADMIN, broken.id)

    assert again.state is State.WAITING
    assert [one.state for one in room.read_all()] == [State.FAILED]
    assert room.knowledge.progress(ADMIN, "handbook") == Progress(ready=1, failed=1)
    with pytest.raises(Conflict, match="did not fail"):
        room.knowledge.retry(ADMIN, room.knowledge.documents(ADMIN, "handbook", state=State.READY).documents[0].id)


def test_a_document_goes_with_everything_that_was_made_of_it(room: ReadingRoom) -> None:
    """After all documents are removed no table holds anything of them; names that others mention stay."""
    room.collection()
    ids = [room.add(name, text).id for name, text in (("leave.md", LEAVE), ("sick.md", SICK), ("staff.csv", STAFF))]
    room.read_all()
    full = _rows(room)
    assert all(full[table] for table in _OF_DOCUMENTS)

    room.knowledge.remove(ADMIN, ids[0])
    assert _rows(room)["knowledge_entities"] < full["knowledge_entities"]
    assert room.search("Who is ill?").hits[0].passage.document == ids[1]
    for id in ids[1:]:
        room.knowledge.remove(ADMIN, id)

    assert _rows(room) == dict.fromkeys(_OF_DOCUMENTS, 0)
    with pytest.raises(NotFound):
        room.knowledge.document(ADMIN, ids[0])


def test_documents_are_listed_page_by_page(room: ReadingRoom) -> None:
    """The newest come first; a page names the next one, and a search is of names."""
    room.collection()
    ids = [room.add(f"note-{number}.txt", f"Note {number}.").id for number in range(5)]

    first = room.knowledge.documents(ADMIN, "handbook", limit=2)
    second = room.knowledge.documents(ADMIN, "handbook", limit=3, before=first.next)
    found = room.knowledge.documents(ADMIN, "handbook", search="NOTE-3")

    assert [one.id for one in (*first.documents, *second.documents)] == ids[::-1]
    assert second.next is None
    assert [one.name for one in found.documents] == ["note-3.txt"]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 501, "a\x00b"])
def test_a_document_has_a_name_that_can_be_seen(laptop: ReadingRoom, name: str) -> None:
    """What can't name a document is refused."""
    laptop.collection()

    with pytest.raises(InvalidRequest, match="name"):
        laptop.add(name, LEAVE)


def test_an_empty_document_and_one_that_is_too_large_are_refused(laptop: ReadingRoom) -> None:
    """Nothing is kept that could not be read."""
    laptop.collection()

    with pytest.raises(InvalidRequest, match="empty"):
        laptop.add("empty.txt", "")
    with pytest.raises(InvalidRequest, match="may have"):
        laptop.knowledge.add(ADMIN, "handbook", "large.txt", bytes(laptop.documents.settings.bytes_max + 1))


_OF_DOCUMENTS = (
    "knowledge_documents",
    "knowledge_contents",
    "knowledge_passages",
    "knowledge_embeddings",
    "knowledge_entities",
    "knowledge_mentions",
    "knowledge_aliases",
    "knowledge_edges",
)


def _rows(room: ReadingRoom) -> dict[str, int]:
    with room.database.reading() as db:
        return {name: db.scalar(select(func.count()).select_from(metadata.tables[name])) or 0 for name in _OF_DOCUMENTS}
