"""At the socket of another provider: it sees masked texts and no caller's name, and the caller reads its own words."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from courtyard.app import House
from courtyard.catalogue import Endpoint, Scope, Tier
from courtyard.core.ids import ProviderId, Region
from courtyard.evidence import Record
from courtyard.gateway import GatewayLimits
from courtyard.knowledge import Grounding
from courtyard.ledger import UsageFilter
from tests.catalogue.providing import ANA, ENOUGH, Provided, facts
from tests.egress.outside import KEY, Certified, certified, outside
from tests.engines.upstream_server import UpstreamServer
from tests.knowledge.shelf import Shelf
from tests.walk.housed import Housed, housed
from tests.walk.upstreams import in_thread
from tests.walk.wait import until

MARS, ACME = Region("mars"), ProviderId("acme")
MAIL, CARD, PHONE = "anna.lund@example.org", "4111 1111 1111 1111", "+49 170 1234567"
SAID = f"Write to {MAIL} or call {PHONE}; the card is {CARD} as agreed."
PURPOSE = {"X-Courtyard-Purpose": "research"}
SCOPE = Scope(purposes=frozenset({"research"}))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("outside"))


@pytest.fixture(scope="module")
def theirs(shown: Certified) -> Iterator[UpstreamServer]:
    """The provider's server, which records what it was asked, behind TLS."""
    with in_thread(outside(shown)) as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, theirs: UpstreamServer, shown: Certified) -> Iterator[Housed]:
    """A house with an admitted ally on Mars, which is sent masked texts only, and the egress on the way there."""
    directory = tmp_path_factory.mktemp("abroad") / "d"
    with housed(directory, GatewayLimits()) as running:
        rooms = running.server.house
        _admit(rooms, theirs.url, shown)
        identity = rooms.identity
        identity.set_home(identity.organisations()[0].id, [Region("home"), MARS])
        command = [sys.executable, "-m", "courtyard", "egress", "--data-dir", str(directory), "--with-parent"]
        egress = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            until(lambda: rooms.settings.egress_socket.exists() or egress.poll() is not None)
            assert egress.poll() is None, "the egress did not begin"
            until(lambda: "theirs" in {card.name for card in running.server.pool.cards})
            until(lambda: running.server.house.providers.card(ACME).serves)
            yield running
        finally:
            egress.terminate()
            egress.communicate()


def _admit(rooms: House, url: str, shown: Certified) -> None:
    providers = rooms.providers
    endpoint = Endpoint(url=url, pins=(shown.pin,), ca=shown.ca, private=True)
    said = facts(tier=Tier.ALLIED, regions=frozenset({MARS}), endpoints=(endpoint,), mask="reversible")
    steps = Provided.__new__(Provided)
    steps.clock, steps.providers, steps.approvals = rooms.clock, providers, rooms.approvals
    steps.admitted("acme", said=said, caps=ENOUGH, scope=SCOPE)
    key = rooms.settings.data_dir / "acme.key"
    key.write_text(KEY)
    rooms.catalogue.add(
        "abroad",
        url=url,
        upstream="m",
        engine="theirs",
        provider=ACME,
        region=MARS,
        key_file=str(key),
        kinds=["chat", "completion", "embedding"],
    )


def ask(house: Housed, door: str, body: dict[str, Any], headers: dict[str, str] = PURPOSE) -> tuple[int, bytes]:
    connection = HTTPConnection(*house.address, timeout=60)
    try:
        given = {"Authorization": f"Bearer {house.api_key}", "Content-Type": "application/json", **headers}
        connection.request("POST", door, json.dumps({"model": "abroad"} | body), given)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def newest(house: Housed, count: int) -> Record:
    """Wait for a record more than there were."""
    evidence = house.server.house.evidence
    until(lambda: evidence.count() > count)
    return evidence.records(limit=1).records[0]


def streamed(body: bytes) -> str:
    """Put the pieces of a chat's stream together."""
    frames = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line.startswith(b"data: {")]
    deltas = [choice["delta"] for frame in frames for choice in json.loads(frame)["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def chat(text: str = SAID, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "user": "customer-77", "max_tokens": 60} | more


def hears_nothing_personal(theirs: UpstreamServer) -> str:
    """Assert what the provider's server may not have seen, and return what it did see."""
    seen = json.dumps(theirs.bodies[-1], ensure_ascii=False)
    for private in (MAIL, CARD, PHONE, "4111", "anna", "1234567", "customer-77"):
        assert private not in seen
    return seen


@pytest.mark.parametrize("stream", [False, True])
def test_the_provider_reads_other_words_and_the_caller_its_own(
    house: Housed, theirs: UpstreamServer, stream: bool
) -> None:
    """The engine says one word at a time, so every token of several words comes in pieces; the record counts them."""
    records = house.server.house.evidence.count()

    status, body = ask(house, "/v1/chat/completions", chat(stream=stream))

    assert status == 200
    text = streamed(body) if stream else json.loads(body)["choices"][0]["message"]["content"]
    assert text == SAID
    assert "as agreed" in hears_nothing_personal(theirs)
    record = newest(house, records)
    assert (record.provider, record.tier, record.region, record.purpose) == ("acme", "allied", MARS, "research")
    assert record.masked >= 3
    assert record.classes.keys() >= {"email", "bank_card", "phone"}
    assert len(record.who) == len(record.subject) == 64


@pytest.mark.parametrize(
    ("door", "body", "told"),
    [
        ("/v1/responses", {"input": SAID}, lambda body: body["output"][0]["content"][0]["text"]),
        (
            "/v1/messages",
            {"max_tokens": 60, "messages": [{"role": "user", "content": SAID}], "metadata": {"user_id": "customer-77"}},
            lambda body: body["content"][0]["text"],
        ),
        ("/v1/completions", {"prompt": SAID}, lambda body: body["choices"][0]["text"]),
    ],
)
def test_every_door_leads_past_the_mask(
    house: Housed, theirs: UpstreamServer, door: str, body: dict[str, Any], told: Any
) -> None:
    """Whatever the dialect, the same wall."""
    status, answer = ask(house, door, body)

    assert status == 200
    assert told(json.loads(answer)) == SAID
    hears_nothing_personal(theirs)


def test_vectors_are_made_of_masked_texts(house: Housed, theirs: UpstreamServer) -> None:
    """An embedding goes through the same gate."""
    status, _ = ask(house, "/v1/embeddings", {"input": [SAID, "nothing here"]})

    assert status == 200
    assert "nothing here" in hears_nothing_personal(theirs)


def test_passages_of_documents_are_masked_like_what_was_said(house: Housed, theirs: UpstreamServer) -> None:
    """What was found in documents leaves without personal data, comes back whole, and no collection is named."""
    shelf = Shelf(house.server.house.identity.organisations()[0].id, {"inbox-7": ("Inbox", {"mail.eml": [SAID]})})
    house.server.serving._grounding = Grounding(shelf)

    asked = chat("To whom do I write, and who can call?", knowledge=["inbox-7"], max_tokens=200)
    status, body = ask(house, "/v1/chat/completions", asked)

    assert status == 200
    assert f"> {SAID}" in json.loads(body)["choices"][0]["message"]["content"]
    seen = hears_nothing_personal(theirs)
    assert "as agreed" in seen
    assert "inbox-7" not in seen


def test_tools_are_called_with_the_callers_own_words(house: Housed, theirs: UpstreamServer) -> None:
    """What a tool's schema names is masked on the way out, and comes back whole in the arguments."""
    schema = {"type": "object", "properties": {"to": {"enum": [MAIL]}}, "required": ["to"]}
    tool = {"type": "function", "function": {"name": "write", "parameters": schema}}

    status, body = ask(house, "/v1/chat/completions", chat(tools=[tool], tool_choice="required"))

    assert status == 200
    call = json.loads(body)["choices"][0]["message"]["tool_calls"][0]["function"]
    assert json.loads(call["arguments"]) == {"to": MAIL}
    hears_nothing_personal(theirs)


@pytest.mark.parametrize(
    ("body", "headers", "rule"),
    [
        (chat(), {}, "purposes"),
        (chat(), {"X-Courtyard-Purpose": "marketing"}, "purposes"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x,y"}}]}]},
            PURPOSE,
            "mask",
        ),
    ],
)
def test_what_may_not_go_is_refused_before_anybody_is_called(
    house: Housed, theirs: UpstreamServer, body: dict[str, Any], headers: dict[str, str], rule: str
) -> None:
    """Another purpose, or none, or a picture: 403 with the rule's word, and the provider hears nothing."""
    heard, records = len(theirs.bodies), house.server.house.evidence.count()

    status, answer = ask(house, "/v1/chat/completions", body, headers)

    assert (status, json.loads(answer)["error"]["code"]) == (403, "policy_denied")
    assert len(theirs.bodies) == heard
    assert newest(house, records).rule == rule


def test_a_provider_is_charged_for_what_it_served_and_home_for_nothing(house: Housed) -> None:
    """Its caps are accounts of the ledger: one request and its tokens of each day."""
    rooms = house.server.house
    accounts = {account.unit: account.id for account in rooms.ledger.owned(("provider:acme",))}
    before = {unit: rooms.ledger.available(id) for unit, id in accounts.items()}

    assert ask(house, "/v1/chat/completions", chat())[0] == 200
    assert ask(house, "/v1/chat/completions", chat(model="echo"))[0] == 200

    receipts = until(lambda: _of(rooms, "theirs"))
    assert rooms.ledger.available(accounts["request"]) == before["request"] - 1
    assert rooms.ledger.available(accounts["token"]) == before["token"] - receipts[0].usage.total


def _of(rooms: House, engine: str) -> list[Any]:
    return [receipt for receipt in rooms.ledger.receipts(UsageFilter(), limit=5).receipts if receipt.engine == engine]


def test_only_so_many_persons_become_known_to_an_entity(house: Housed, theirs: UpstreamServer) -> None:
    """End users count, however many share a key; who is known already is served on, and the next new one is not."""
    asked = [chat(user=f"customer-{number}") for number in range(ENOUGH.persons or 0)]
    codes = [json.loads(ask(house, "/v1/chat/completions", body)[1]).get("error", {}).get("code") for body in asked]
    heard = len(theirs.bodies)

    assert codes[-1] == "persons_cap_reached"
    assert len(theirs.bodies) == heard
    assert ask(house, "/v1/chat/completions", chat())[0] == 200


def test_a_detector_that_fails_lets_nothing_out(
    house: Housed, theirs: UpstreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with a code and what to do, no word of the request in it, and nobody was called; nothing was paid."""
    heard = len(theirs.bodies)

    async def fails(texts: object) -> object:
        raise RuntimeError(SAID)

    monkeypatch.setattr(house.server.house.detection, "find_all", fails)
    status, answer = ask(house, "/v1/chat/completions", chat())

    error = json.loads(answer)["error"]
    assert (status, error["code"]) == (503, "detector_failed")
    assert "Lund" not in answer.decode()
    assert len(theirs.bodies) == heard


def test_a_suspended_provider_is_called_no_more(house: Housed, theirs: UpstreamServer) -> None:
    """From the moment on that the house knows, which is within half a second."""
    providers = house.server.house.providers
    providers.kill(ACME, by=ANA, reason="an incident")
    heard = len(theirs.bodies)

    status, answer = ask(house, "/v1/chat/completions", chat())

    assert (status, json.loads(answer)["error"]["code"]) == (403, "policy_denied")
    assert len(theirs.bodies) == heard
