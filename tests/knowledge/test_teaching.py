"""What people say of hits is kept, and makes a ranker of the collection's own."""

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.documents import Documents
from courtyard.knowledge import Teacher
from courtyard.storage import Database
from tests.knowledge.reading_room import ADMIN, ReadingRoom

_FORMS = 40


@pytest.fixture
def forms(embedded: Database, clock: FrozenClock, documents: Documents) -> ReadingRoom:
    """Forms and their stamps: people want the short passage, and words alone find the long one."""
    room = ReadingRoom(embedded, clock, documents)
    room.collection()
    for at in range(_FORMS):
        asks = f"Form {at} asks for a stamp. Form {at}, stamp, stamp, stamp."
        room.add(f"form-{at}.md", f"# Form {at}\n\n{asks}\n\n# Notes\n\nStamp {at}: blue.\n")
    room.read_all()
    return room


def test_what_people_say_again_and_again_is_learned(forms: ReadingRoom) -> None:
    """After enough was said the collection has a ranker of its own, at once and in every process; not before."""
    teacher = Teacher(forms.database, forms.clock)
    question = "Which stamp for Form 7?"
    before = forms.search(question).hits[0].passage.number
    ids = {one.name: one.id for one in forms.knowledge.documents(ADMIN, "handbook", limit=100).documents}
    for at in range(_FORMS):
        taught_early = teacher.turn() if at < 30 else ""
        assert taught_early == ""
        forms.knowledge.feedback(ADMIN, "handbook", f"Which stamp for Form {at}?", ids[f"form-{at}.md"], 2, good=True)

    why = teacher.turn()

    assert "it is better on questions that it had not seen" in why
    assert teacher.turn() == ""
    assert (before, forms.search(question).hits[0].passage.number) == (1, 2)


def test_feedback_is_of_passages_that_are_there(room: ReadingRoom) -> None:
    """Nothing is kept of what nobody could have found."""
    room.collection()
    room.collection("other")
    document = room.add("leave.md", "# Leave\n\nThirty days.\n")
    room.read_all()

    for collection, number, question, refusal in (
        ("handbook", 99, "Which?", NotFound),
        ("other", 1, "Which?", NotFound),
        ("handbook", 1, " ", InvalidRequest),
    ):
        with pytest.raises(refusal):
            room.knowledge.feedback(ADMIN, collection, question, document.id, number, good=True)
