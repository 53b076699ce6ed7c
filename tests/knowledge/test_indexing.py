"""Documents are read once, whatever dies meanwhile, and what is found is a function of the documents alone."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock, SystemClock
from courtyard.documents import Documents
from courtyard.knowledge import Document, Indexer, Knowledge, KnowledgeSettings, Progress, State, alone
from courtyard.storage import Database
from tests.knowledge.reading_room import ADMIN, ReadingRoom
from tests.knowledge.test_intake import LEAVE, SICK, STAFF

QUESTIONS = ("How much leave is there?", "Where does Maria Gonzalez work?", "Who tells whom before nine?")


def told(act: Callable[[], object]) -> Callable[[Document, str, int, int], None]:
    """Do something once, as soon as vectors are made."""
    left = [act]

    def tell(_document: Document, label: str, _done: int, _total: int) -> None:
        if label == "embedding" and left:
            left.pop()()

    return tell


def indexer(room: ReadingRoom, act: Callable[[], object]) -> Indexer:
    return Indexer(room.database, room.clock, room.documents, told=told(act))


def test_a_document_is_held_by_one_at_a_time(room: ReadingRoom) -> None:
    """Who comes second finds other work, or none."""
    room.collection()
    room.add("leave.md", LEAVE)
    found: list[Document | None] = []

    indexer(room, lambda: found.append(room.indexer.turn())).turn()

    assert found == [None]
    assert room.knowledge.progress(ADMIN, "handbook") == Progress(ready=1)


def test_who_says_nothing_for_a_minute_has_lost_it(room: ReadingRoom, clock: FrozenClock) -> None:
    """What somebody held who is gone is read by another one, and the first one's work is thrown away."""
    room.collection()
    room.add("leave.md", LEAVE)
    found: list[Document | None] = []

    def another() -> None:
        clock.advance(61)
        found.append(room.indexer.turn())

    indexer(room, another).turn()

    assert [one.state for one in found if one] == [State.READY]
    assert room.knowledge.progress(ADMIN, "handbook") == Progress(ready=1)
    assert len(room.search("leave").hits) == 1


def test_a_version_that_came_meanwhile_is_read_next(room: ReadingRoom) -> None:
    """What was read of an old version is not written over the new one that waits."""
    room.collection()
    room.add("leave.md", LEAVE)

    indexer(room, lambda: room.add("leave.md", LEAVE.replace("thirty", "forty"))).turn()
    assert room.knowledge.progress(ADMIN, "handbook") == Progress(waiting=1)
    room.read_all()

    assert ["forty" in hit.passage.text for hit in room.search("leave").hits] == [True]


@pytest.mark.parametrize("gone", ["document", "collection"])
def test_what_was_removed_meanwhile_stays_removed(room: ReadingRoom, gone: str) -> None:
    """Nothing comes back by being written late."""
    room.collection()
    added = room.add("leave.md", LEAVE)
    remove = {
        "document": lambda: room.knowledge.remove(ADMIN, added.id),
        "collection": lambda: room.knowledge.delete(ADMIN, "handbook"),
    }

    indexer(room, remove[gone]).turn()

    left = [room.knowledge.documents(ADMIN, one.name).documents for one in room.knowledge.collections(ADMIN)]
    assert left == [()] * (gone == "document")


def test_a_document_that_ends_who_reads_it_is_given_up(room: ReadingRoom, clock: FrozenClock) -> None:
    """After three tries that were cut off it fails, with the reason, and others are read."""
    room.collection()
    room.add("leave.md", LEAVE)

    def dies() -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            indexer(room, dies).turn()
        clock.advance(61)
    room.read_all()

    [failed] = room.knowledge.documents(ADMIN, "handbook", state=State.FAILED).documents
    assert "cut off 3 times" in failed.reason


def test_a_trouble_of_ours_fails_one_document_and_no_other(room: ReadingRoom) -> None:
    """What breaks is told by its kind alone: its words may hold content."""
    room.collection()
    room.add("leave.md", LEAVE)
    room.add("sick.md", SICK)

    def breaks() -> None:
        raise ValueError("thirty days of leave")

    broken = indexer(room, breaks)
    states = [one.state for one in iter(broken.turn, None)]

    assert states == [State.FAILED, State.READY]
    [failed] = room.knowledge.documents(ADMIN, "handbook", state=State.FAILED).documents
    assert "ValueError" in failed.reason
    assert "thirty" not in failed.reason


def test_a_killed_reader_loses_nothing(embedded: Database, tmp_path: Path, documents: Documents) -> None:
    """After SIGKILL in the middle of a document nothing of it is half written, and the next one reads it at once."""
    room = ReadingRoom(embedded, SystemClock(), documents)
    room.collection()
    added = room.add("leave.md", LEAVE)
    reader = subprocess.Popen([sys.executable, "-c", _READER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    with reader, reader.stdout:
        assert "embedding\n" in reader.stdout  # It is read up to there.
        reader.send_signal(signal.SIGKILL)
    assert room.knowledge.progress(ADMIN, "handbook") == Progress(reading=1)
    assert room.knowledge.passages(ADMIN, added.id, 1, 9) == ()
    assert room.read_all() == []

    with alone(tmp_path, room.indexer.holder, room.indexer.free) as is_alone:
        [read] = room.read_all()
        with alone(tmp_path, "another", room.indexer.free) as is_another:
            pass

    assert (is_alone, is_another, read.state) == (True, False, State.READY)
    assert room.search("leave").hits


_READER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    import courtyard.server
    from courtyard.core.clock import SystemClock
    from courtyard.documents import Documents
    from courtyard.knowledge import Indexer, alone
    from courtyard.storage import Database

    def tell(document, label, done, total):
        if label == "embedding":
            print(label, flush=True)
            time.sleep(60)

    directory = Path(sys.argv[1])
    indexer = Indexer(Database.in_directory(directory), SystemClock(), Documents(), told=tell)
    with alone(directory, indexer.holder, indexer.free):
        indexer.turn()
    """
)


def test_a_changed_collection_is_as_a_fresh_one(room: ReadingRoom, documents: Documents) -> None:
    """After additions, changes and removals the same is found, with the same scores, as if all had come at once."""
    room.collection()
    ids = [room.add(name, text).id for name, text in (("a.md", SICK), ("leave.md", LEAVE), ("staff.csv", STAFF))]
    room.read_all()
    before = room.search(QUESTIONS[0])
    room.add("leave.md", LEAVE.replace("thirty", "forty"))
    room.knowledge.remove(ADMIN, ids[0])
    room.add("sick.md", SICK)
    room.read_all()
    changed = [_shown(room, "handbook", question) for question in QUESTIONS]

    room.collection("fresh")
    for name, text in (("staff.csv", STAFF), ("sick.md", SICK), ("leave.md", LEAVE.replace("thirty", "forty"))):
        room.add(name, text, collection="fresh")
    room.read_all()

    assert changed == [_shown(room, "fresh", question) for question in QUESTIONS]
    assert changed[0] != [(hit.title, hit.passage.text, hit.score) for hit in before.hits]


def _shown(room: ReadingRoom, name: str, question: str) -> list[tuple[str, str, float]]:
    return [(hit.title, hit.passage.text, hit.score) for hit in room.search(question, name).hits]


def test_another_process_finds_the_same(room: ReadingRoom) -> None:
    """What is in memory follows what stands in the database, wherever it was written."""
    room.collection()
    room.add("leave.md", LEAVE)
    room.read_all()
    other = ReadingRoom(room.database, room.clock, room.documents)
    assert other.search("leave") == room.search("leave")

    room.add("sick.md", SICK)
    room.read_all()

    assert other.search(QUESTIONS[2]) == room.search(QUESTIONS[2])
    assert other.search(QUESTIONS[2]).hits[0].title == "Sick"


def test_memory_is_bounded_by_letting_the_oldest_go(
    database: Database, clock: FrozenClock, documents: Documents
) -> None:
    """Collections that were not searched for longest leave, and are found all the same when they are asked for."""
    room = ReadingRoom(database, clock, documents, KnowledgeSettings(memory_max=1))
    for name in ("one", "two"):
        room.collection(name)
        room.add("leave.md", LEAVE, collection=name)
    room.read_all()

    room.search("leave", "one")
    alone_bytes = room.knowledge.size_bytes
    room.search("leave", "two")

    assert 0 < room.knowledge.size_bytes == pytest.approx(alone_bytes, rel=0.1)
    assert room.search("leave", "one", "two").hits


def test_who_serves_knows_that_documents_wait(room: ReadingRoom) -> None:
    """What reads is wanted while something waits, and is left alone where nothing does."""
    knowledge = Knowledge(room.database, room.clock, room.documents)
    room.collection()
    knowledge.reload()
    was_awaited = knowledge.is_awaited
    room.add("leave.md", LEAVE)
    knowledge.reload()

    assert (was_awaited, knowledge.is_awaited) == (False, True)
    knowledge.close()
