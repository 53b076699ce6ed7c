"""The desk for people's requests, and the retention run, see the documents."""

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.knowledge import HeldDocuments, Progress
from courtyard.privacy import Name, Subject
from tests.knowledge.reading_room import ADMIN, ORGANISATION, ReadingRoom, person

LIN = person("lin")
SUBJECT = Subject(
    organisation=ORGANISATION,
    names=(
        Name(kind="person", value="per_lin"),
        Name(kind="email", value="lin@example.org"),
        Name(kind="subject", value="lin"),
    ),
)


@pytest.fixture
def held(room: ReadingRoom) -> HeldDocuments:
    """Lin has a file and said something; a document of the organisation names her, another one does not."""
    room.collection()
    own = room.knowledge.personal(LIN).name
    room.knowledge.add(LIN, own, "diary.txt", b"My diary, lin@example.org.")
    named = room.add("team.md", "# Team\n\nAsk LIN@example.org for leave.\n")
    room.add("sick.md", "# Sick\n\nTell Berlin before nine.\n")
    room.read_all()
    room.knowledge.feedback(LIN, "handbook", "Who is asked for leave?", named.id, 1, good=True)
    return HeldDocuments(room.database, room.knowledge.intake)


def test_own_files_and_documents_that_name_somebody_are_found(held: HeldDocuments) -> None:
    """A file, a judgement, and one document of the organisation; a short name is looked for nowhere."""
    assert held.find(SUBJECT).count == 3

    exported = held.export(SUBJECT)

    assert [one["name"] for one in exported["files"]] == ["diary.txt"]
    assert [one["text"] for one in exported["passages"]] == ["Ask LIN@example.org for leave."]


def test_own_files_are_erased_and_others_are_told(held: HeldDocuments, room: ReadingRoom) -> None:
    """What is the organisation's stays until it decides, and the desk has a reason to give."""
    erased = held.erase(SUBJECT)

    assert (erased.erased, erased.kept) == (2, 1)
    assert "courtyard knowledge remove" in erased.why
    assert [one.name for one in room.knowledge.collections(LIN)] == ["handbook"]
    assert held.find(SUBJECT).count == 1
    assert room.knowledge.progress(ADMIN, "handbook") == Progress(ready=2)


def test_somebody_of_another_organisation_is_not_found(held: HeldDocuments) -> None:
    """The desk of one organisation never looks into another one's documents."""
    stranger = Subject(organisation="org_2", names=SUBJECT.names)

    assert held.find(stranger).count == 0
    assert held.export(stranger) == {"files": [], "passages": []}


def test_old_documents_go_but_those_of_who_is_restricted(
    held: HeldDocuments, room: ReadingRoom, clock: FrozenClock
) -> None:
    """The retention run deletes what was not changed since, and spares a person's own where that is asked."""
    clock.advance(10)
    before_ms = clock.now_ms()
    clock.advance(10)
    room.add("new.md", "# New\n\nNew.\n")

    deleted = held.expire(ORGANISATION, before_ms, spared=lambda kind, value: (kind, value) == ("person", "per_lin"))

    assert (deleted, held.older(ORGANISATION, before_ms)) == (2, 1)
    assert [one.name for one in room.knowledge.documents(ADMIN, "handbook").documents] == ["new.md"]
