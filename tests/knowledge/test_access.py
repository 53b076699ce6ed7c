"""Who reads which collection: a person finds only what they may read, and changes only what is theirs to change."""

from collections.abc import Callable

import pytest

from courtyard.core.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from courtyard.core.ids import OrganisationId
from courtyard.core.principal import Principal, Role
from courtyard.knowledge import Custodian, KnowledgeSettings
from tests.knowledge.reading_room import ADMIN, ORGANISATION, ReadingRoom, person

HOUSE = Custodian(ORGANISATION)
LIN, MAX = person("lin"), person("max", project="prj_2")
STRANGER = person("stranger", role=Role.OPERATOR, organisation=OrganisationId("org_2"))


@pytest.fixture
def room(laptop: ReadingRoom) -> ReadingRoom:
    """Who may what is decided on rows that are the same on both databases."""
    return laptop


@pytest.fixture
def secret(room: ReadingRoom) -> str:
    """The id of a document that Lin and the second project may read."""
    room.collection("open")
    room.knowledge.create(HOUSE, "closed", readers=["per_lin", "prj_2"])
    plan = b"# Plan\n\nThe plan is to buy Acme Corporation.\n"
    id = room.knowledge.add(HOUSE, "closed", "plan.md", plan).id
    room.read_all()
    return id


@pytest.mark.parametrize(
    ("caller", "readable"),
    [
        (LIN, ["closed", "open"]),
        (MAX, ["closed", "open"]),
        (person("eve"), ["open"]),
        (ADMIN, ["open"]),
        (STRANGER, []),
        (HOUSE, ["closed", "open"]),
        (Custodian(OrganisationId("org_2")), []),
    ],
)
@pytest.mark.usefixtures("secret")
def test_collections_are_for_those_they_name(room: ReadingRoom, caller: Principal, readable: list[str]) -> None:
    """Readers are people or projects; nobody named is everybody, of the same organisation."""
    assert [one.name for one in room.knowledge.collections(caller)] == readable


@pytest.mark.parametrize("caller", [person("eve"), ADMIN, STRANGER])
def test_what_one_may_not_read_is_not_there(room: ReadingRoom, secret: str, caller: Principal) -> None:
    """Every way to a document says that there is none, by its name and by its id."""
    knowledge, id = room.knowledge, secret
    closed = room.knowledge.collection(LIN, "closed").id
    ways: list[Callable[[], object]] = [
        lambda: knowledge.collection(caller, "closed"),
        lambda: knowledge.collection(caller, closed),
        lambda: knowledge.documents(caller, "closed"),
        lambda: knowledge.progress(caller, "closed"),
        lambda: knowledge.add(caller, "closed", "x.txt", b"x"),
        lambda: knowledge.delete(caller, "closed"),
        lambda: knowledge.document(caller, id),
        lambda: knowledge.content(caller, id),
        lambda: knowledge.page_image(caller, id, 1, 600),
        lambda: knowledge.passage(caller, id, 1),
        lambda: knowledge.passages(caller, id, 1, 9),
        lambda: knowledge.remove(caller, id),
        lambda: knowledge.retry(caller, id),
        lambda: knowledge.feedback(caller, "closed", "What?", id, 1, good=True),
        lambda: room.search("plan", "closed", caller=caller),
        lambda: room.search("plan", "open", "closed", caller=caller),
    ]

    for way in ways:
        with pytest.raises(NotFound):
            way()
    assert room.search("What is the plan?", "closed", caller=LIN).hits[0].passage.document == id


def test_readers_that_are_taken_away_find_nothing_any_more(room: ReadingRoom, secret: str) -> None:
    """A change of readers holds for the next question, though the collection is in memory."""
    assert room.search("plan", "closed", caller=LIN).hits
    room.knowledge.change(HOUSE, "closed", title="Closed", readers=["prj_2"])

    with pytest.raises(NotFound):
        room.search("plan", "closed", caller=LIN)
    assert room.search("plan", "closed", caller=MAX).hits


def test_members_read_and_change_nothing(room: ReadingRoom, secret: str) -> None:
    """Who may read a collection may not change it by that."""
    for way in (
        lambda: room.knowledge.add(LIN, "closed", "x.txt", b"x"),
        lambda: room.knowledge.remove(LIN, secret),
        lambda: room.knowledge.delete(LIN, "closed"),
        lambda: room.knowledge.create(LIN, "mine"),
        lambda: room.knowledge.change(LIN, "closed", title="", readers=[]),
    ):
        with pytest.raises(NotAllowed):
            way()


def test_own_files_are_for_their_owner_alone(room: ReadingRoom) -> None:
    """Everybody has a collection of their own, which no administrator reads."""
    own = room.knowledge.personal(LIN)
    added = room.knowledge.add(LIN, own.name, "diary.txt", b"My diary.")

    assert room.knowledge.personal(LIN) == own
    assert room.knowledge.document(LIN, added.id).name == "diary.txt"
    for other in (MAX, ADMIN):
        with pytest.raises(NotFound):
            room.knowledge.document(other, added.id)
    with pytest.raises(InvalidRequest, match="own files"):
        room.knowledge.create(ADMIN, "own-lin")


def test_own_files_have_so_much_room(laptop: ReadingRoom) -> None:
    """Nobody fills the house's disk; what is removed makes room again."""
    room = ReadingRoom(laptop.database, laptop.clock, laptop.documents, KnowledgeSettings(own_bytes_max=10))
    own = room.knowledge.personal(LIN).name
    first = room.knowledge.add(LIN, own, "a.txt", b"12345678")

    with pytest.raises(InvalidRequest, match="remove some"):
        room.knowledge.add(LIN, own, "b.txt", b"123")
    room.knowledge.remove(LIN, first.id)
    assert room.knowledge.add(LIN, own, "b.txt", b"123").size == 3


def test_a_collection_with_one_reader_is_not_theirs_to_change(room: ReadingRoom) -> None:
    """Being the only reader of the organisation's documents makes nobody their owner."""
    room.collection("minutes", readers=["per_lin"])

    with pytest.raises(NotAllowed):
        room.knowledge.add(LIN, "minutes", "x.txt", b"x")


@pytest.mark.parametrize("name", ["", "Hand Book", "-book", "ö", "x" * 64, "a/b"])
def test_names_of_collections_are_plain(room: ReadingRoom, name: str) -> None:
    """A name is good in an address and on a command line."""
    with pytest.raises(InvalidRequest, match="small letters"):
        room.knowledge.create(ADMIN, name)


def test_a_name_is_taken_in_one_organisation(room: ReadingRoom) -> None:
    """Two organisations may call their collections the same."""
    room.collection()

    with pytest.raises(Conflict):
        room.collection()
    room.knowledge.create(STRANGER, "handbook")
