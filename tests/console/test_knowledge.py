"""The pages of knowledge, and what their scripts ask: who may what, and what is shown of it."""

import re
from urllib.parse import quote

import httpx
import pytest

from courtyard.console.knowledge_view import drawn
from courtyard.core.principal import Role
from courtyard.knowledge import Neighbour
from tests.console.house import House, Visitor

RULES = b"""# Travel rules

First class on trains needs the consent of Margaret Okafor, and is paid for journeys of more than four hours.

## Hotels

Hotels in Nairobi are paid up to 120 dollars a night. Margaret Okafor decides on exceptions.
"""
UPLOAD = "/api/knowledge/collections/travel/documents"


@pytest.fixture
def operator(house: House) -> Visitor:
    """The operator, with a collection."""
    operator = house.operator()
    made = operator.post("/knowledge", name="travel", title="Travel <rules>", who="everybody")
    assert made.headers["location"] == "/knowledge/travel?done=collection_created"
    return operator


def brought(visitor: Visitor, name: str = "rules.md", content: bytes = RULES) -> str:
    """Bring a file, and return its document's id."""
    told = visitor.bring(UPLOAD, name, content)
    assert told.status_code == 201, told.text
    return str(told.json()["id"])


def test_a_collection_is_filled_searched_and_looked_through(house: House, operator: Visitor):
    """What was brought waits, is read, is found with its way and score, and its passage opens."""
    id = brought(operator)
    waiting = operator.get("/knowledge/travel").text
    house.read_documents()
    ready = operator.get("/knowledge/travel").text
    found = operator.get("/knowledge/travel/search?q=" + quote("Who gives consent to first class?")).text
    names = operator.get("/knowledge/travel/graph").text
    around = operator.get("/knowledge/travel/graph?entity=" + quote("Margaret Okafor")).text
    passage = operator.get(f"/api/knowledge/documents/{id}/passages/1").text

    assert "data-unread" in waiting
    assert operator.get(f"/api/knowledge/documents/{id}").json()["state"] == "ready"
    assert "Travel rules" in ready
    assert "data-unread" not in ready
    assert "Travel &lt;rules&gt;" in ready
    assert f'data-document="{id}"' in found
    assert "Your question" in found
    assert "Margaret Okafor" in names
    assert f'data-document="{id}"' in around
    assert '<svg class="network"' in around
    assert re.search(r"<mark>[^<]*consent of Margaret Okafor", passage)


def test_feedback_is_kept_for_a_passage_that_one_may_read(house: House, operator: Visitor):
    """Whether a passage helped is kept; what makes no sense, and a passage that is not there, is refused."""
    id = brought(operator)
    house.read_documents()
    at = f"/api/knowledge/documents/{id}/passages"
    said = {"collection": "travel", "question": "Who consents?", "good": True}
    answers = [
        operator.ask(f"{at}/1/feedback", said).status_code,
        operator.ask(f"{at}/99/feedback", said).status_code,
        operator.ask(f"{at}/1/feedback", {**said, "good": "yes"}).status_code,
        operator.ask(f"{at}/1/feedback", {**said, "collection": "other"}).status_code,
    ]

    assert answers == [204, 404, 400, 404]


def test_what_cannot_be_read_says_why_and_is_tried_again(house: House, operator: Visitor):
    """A failure stands in the list with its reason and a button; the file can be had back and taken out."""
    id = brought(operator, "broken.pdf", b"%PDF-1.7 nothing more")
    house.read_documents()
    failed = operator.get("/knowledge/travel?state=failed").text
    original = operator.get(f"/api/knowledge/documents/{id}/file")
    tried = operator.post("/knowledge/travel/retry")

    assert 'class="small-print reason"' in failed
    assert f"/knowledge/travel/documents/{id}/retry" in failed
    assert original.content == b"%PDF-1.7 nothing more"
    assert original.headers["content-disposition"] == "attachment; filename*=UTF-8''broken.pdf"
    assert original.headers["content-type"] == "application/octet-stream"
    assert tried.headers["location"].endswith("done=document_retried")
    assert operator.get("/api/knowledge/collections/travel/progress").json()["waiting"] == 1
    assert operator.post(f"/knowledge/travel/documents/{id}/remove").status_code == 303
    assert "broken.pdf" not in operator.get("/knowledge/travel").text


def test_collections_are_changed_and_deleted_by_their_name(operator: Visitor):
    """Nothing is deleted without its name; a name or readers that make no sense are said on the page."""
    refused = [
        operator.post("/knowledge", name="Travel rules", title="x", who="everybody"),
        operator.post("/knowledge", name="travel", title="x", who="everybody"),
        operator.post("/knowledge", name="other", title="x", who="chosen"),
        operator.post("/knowledge/travel/delete", confirmed="tra"),
    ]
    changed = operator.post("/knowledge/travel", title="Trips", who="everybody")
    listed = operator.get("/knowledge").text
    deleted = operator.post("/knowledge/travel/delete", confirmed="travel")

    assert [one.status_code for one in refused] == [400, 409, 400, 400]
    assert all('role="alert"' in one.text for one in refused)
    assert changed.status_code == 303
    assert "Trips" in listed
    assert deleted.headers["location"] == "/knowledge?done=collection_deleted"
    assert operator.get("/knowledge/travel").status_code == 404


def test_only_readers_read_and_only_administrators_change(house: House, operator: Visitor):
    """A member reads what is for everybody and changes nothing; what is for others is not there at all."""
    id = brought(operator)
    house.read_documents()
    member = house.signed_in(house.person("member@example.org", Role.MEMBER))
    page = member.get("/knowledge/travel").text
    refused = [
        member.bring(UPLOAD, "a.txt", b"a"),
        member.post("/knowledge", name="mine", title="Mine", who="everybody"),
        member.post("/knowledge/travel/delete", confirmed="travel"),
        member.post(f"/knowledge/travel/documents/{id}/remove"),
    ]
    operator.post("/knowledge/travel", title="Travel", who="chosen", readers=str(house.setup.person.id))
    paths = [
        "/knowledge/travel",
        "/knowledge/travel/search?q=consent",
        "/knowledge/travel/graph",
        "/api/knowledge/collections/travel/progress",
        f"/api/knowledge/documents/{id}",
        f"/api/knowledge/documents/{id}/file",
        f"/api/knowledge/documents/{id}/passages/1",
        f"/api/knowledge/documents/{id}/pages/1",
    ]

    assert "Travel rules" in page
    assert 'id="drop"' not in page
    assert {one.status_code for one in refused} == {403}
    assert {member.get(path).status_code for path in paths} == {404}
    assert "/knowledge/travel" not in member.get("/knowledge").text


def test_a_file_of_one_s_own_is_nobody_else_s(house: House):
    """What is attached in chat goes to a collection that only its person reads; an empty file is refused."""
    member = house.signed_in(house.person("member@example.org", Role.MEMBER))
    brought = member.bring("/api/assistant/files", "note.txt", b"The code of the gate is 4711.")
    empty = member.bring("/api/assistant/files", "empty.txt", b"")
    own = brought.json()["collection"]

    assert brought.status_code == 201
    assert empty.status_code == 400
    assert member.get(f"/knowledge/{own}").status_code == 200
    assert house.operator().get(f"/knowledge/{own}").status_code == 404


@pytest.mark.parametrize("number", ["0", str(2**40), str(10**30)])
def test_pages_and_passages_that_are_not_there_are_refused(operator: Visitor, number: str):
    """Whatever the number is, the answer is a refusal."""
    id = brought(operator)
    answers: list[httpx.Response] = [
        operator.get(f"/api/knowledge/documents/{id}/{kind}/{number}") for kind in ("pages", "passages")
    ]

    assert {answer.status_code for answer in answers} <= {400, 404}


def test_neighbours_are_drawn_without_lying_on_one_another():
    """However many there are, each has a place of its own within the drawing, and the strongest line is widest."""
    for count in (1, 2, 8, 9, 20):
        placed = drawn(tuple(Neighbour(name=str(n), weight=float(count - n), evidence=()) for n in range(count)))
        places = {(one.x, one.y) for one in placed}

        assert len(places) == count
        assert all(abs(one.x) <= 300 and abs(one.y) <= 300 for one in placed)
        assert placed[0].width == max(one.width for one in placed)
    assert drawn(()) == []
