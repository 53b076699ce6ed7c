"""At the socket: servers that record who called them, where a request may run and where it may not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from courtyard.core.ids import Region
from courtyard.evidence import Record
from courtyard.gateway import GatewayLimits
from tests.engines.upstream_server import UpstreamServer
from tests.walk.housed import Housed, housed
from tests.walk.upstreams import echoing
from tests.walk.wait import until
from tests.walk.wire import CHAT, Answer, Wire

MARS = Region("mars")
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"messages": [{"role": "user", "content": "one two three"}]},
    "/v1/completions": {"prompt": "one two three"},
    "/v1/responses": {"input": "one two three"},
    "/v1/messages": {"max_tokens": 20, "messages": [{"role": "user", "content": "one two three"}]},
    "/v1/embeddings": {"input": "one two three"},
}
BROKEN: tuple[int, dict[str, Any], list[tuple[bytes, bytes]]] = (500, {"error": {"message": "on fire"}}, [])


@pytest.fixture(scope="module")
def near() -> Iterator[UpstreamServer]:
    with echoing() as server:
        yield server


@pytest.fixture(scope="module")
def far() -> Iterator[UpstreamServer]:
    with echoing() as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, near: UpstreamServer, far: UpstreamServer) -> Iterator[Housed]:
    """A house at home in `home`, where a model's first engine stands; its fallback stands on Mars."""
    with housed(tmp_path_factory.mktemp("regions") / "data", GatewayLimits()) as running:
        catalogue = running.server.house.catalogue
        kinds = ["chat", "completion", "embedding"]
        catalogue.add("both", url=near.url, upstream="m", engine="near", kinds=kinds)
        catalogue.add("both", url=far.url, upstream="m", engine="far", region=MARS, fallback=True)
        catalogue.add("only-far", url=far.url, upstream="m", engine="far", region=MARS, kinds=kinds)
        until(lambda: {card.name for card in running.server.pool.cards} >= {"near", "far"})
        yield running


def ask(house: Housed, door: str, model: str, **more: Any) -> Answer:
    wire = Wire(house)
    try:
        return wire.ask(door, BODIES[door] | {"model": model} | more)
    finally:
        wire.socket.close()


def newest(house: Housed) -> Record:
    return house.server.house.evidence.records(limit=1).records[0]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("door", BODIES)
def test_no_failure_at_home_sends_a_request_elsewhere(
    house: Housed, near: UpstreamServer, far: UpstreamServer, door: str, stream: bool
) -> None:
    """The home server is asked and fails; the fallback in another region hears nothing of it, and the caller does."""
    near.next_statuses = [BROKEN]
    asked, elsewhere = len(near.bodies), len(far.bodies)

    answer = ask(house, door, "both", **({"stream": True} if stream and door != "/v1/embeddings" else {}))

    assert answer.status in (502, 503)
    assert len(near.bodies) == asked + 1
    assert len(far.bodies) == elsewhere
    assert ask(house, door, "both").status == 200  # It closes the circuit again.


@pytest.mark.parametrize("door", BODIES)
def test_a_model_that_runs_elsewhere_only_is_not_served(house: Housed, far: UpstreamServer, door: str) -> None:
    """Nobody is called, and a record says where it might have run."""
    elsewhere = len(far.bodies)

    answer = ask(house, door, "only-far")

    assert answer.status == 503
    assert answer.error["code"] == "no_route" if door != "/v1/messages" else True
    assert len(far.bodies) == elsewhere
    record = until(lambda: newest(house) if newest(house).model == "only-far" else None)
    assert (record.regions, record.engine, record.provider) == (("home",), None, "")


def test_an_organisation_that_is_at_home_there_is_served_there(
    house: Housed, near: UpstreamServer, far: UpstreamServer
) -> None:
    """Failover works where the terms allow it: what kept the request here was the rule and nothing else."""
    identity = house.server.house.identity
    organisation = identity.organisations()[0]
    identity.set_home(organisation.id, [Region("home"), MARS])
    near.next_statuses = [BROKEN]
    elsewhere = len(far.bodies)
    try:
        answer = ask(house, CHAT, "both")
    finally:
        identity.set_home(organisation.id, [])

    assert answer.status == 200
    assert len(far.bodies) == elsewhere + 1
    told = json.loads(answer.body)["courtyard"]
    assert (told["engine"], told["region"]) == ("far", MARS)
    record = until(lambda: newest(house) if newest(house).engine == "far" else None)
    assert (record.region, record.provider, record.tier) == (MARS, "home", "home")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("door", [door for door in BODIES if door != "/v1/embeddings"])
def test_every_answer_says_that_it_was_generated(house: Housed, door: str, stream: bool) -> None:
    """In a header, whichever the door; whole answers say so in their body too, and the record names the label."""
    records = house.server.house.evidence.count()

    answer = ask(house, door, "both", stream=stream)

    assert answer.status == 200
    assert "neutral" in answer.headers["x-courtyard-label"]
    if not stream:
        assert json.loads(answer.body)["courtyard"]["label"]
    until(lambda: house.server.house.evidence.count() > records)
    assert newest(house).label == "neutral"


def test_a_purpose_that_is_no_word_is_refused(house: Housed) -> None:
    """A header is a caller's word: it is bounded before anything is done with it."""
    wire = Wire(house)
    try:
        answer = wire.ask(CHAT, BODIES[CHAT] | {"model": "both"}, "X-Courtyard-Purpose: two words")
    finally:
        wire.socket.close()

    assert (answer.status, answer.error["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("door", "named"),
    [
        (CHAT, {"user": "customer-9"}),
        (CHAT, {"safety_identifier": "customer-9", "user": "somebody else"}),
        ("/v1/responses", {"safety_identifier": "customer-9"}),
        ("/v1/messages", {"metadata": {"user_id": "customer-9"}}),
        ("/v1/embeddings", {"user": "customer-9"}),
    ],
)
def test_the_end_user_is_one_and_the_same_at_every_door(house: Housed, door: str, named: dict[str, Any]) -> None:
    """Whatever the dialect calls them, the record holds one keyed digest, and never the name."""
    records = house.server.house.evidence.count()

    assert ask(house, door, "both", **named).status == 200

    until(lambda: house.server.house.evidence.count() > records)
    rooms = house.server.house
    digest = rooms.digests.digest(rooms.identity.organisations()[0].id, "subject", "customer-9")
    assert newest(house).subject == digest
