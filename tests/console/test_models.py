"""The models page, its one question, and the guide."""

import msgspec
import pytest

from courtyard.core.principal import Role
from tests.console.house import House, Visitor


def asked(visitor: Visitor, prompt: str = "Say hello.", model: str = "echo") -> list[dict]:
    answer = visitor.ask("/api/console/try", {"model": model, "prompt": prompt})
    assert answer.status_code == 200, answer.text
    return [msgspec.json.decode(line) for line in answer.content.splitlines()]


def test_models_show_what_they_can_do_what_they_cost_and_where_they_run(house: House) -> None:
    """Kinds, context, price, region, and whether the engine is well."""
    page = house.operator().get("/models").text

    for fact in ("echo", "chat", "32,768 tokens", "$0.15", "$0.60", "home", "ready"):
        assert fact in page


def test_prices_are_those_that_a_model_can_ask(house: House) -> None:
    """Input stands before cached input, and a model that only embeds has no price of output."""
    house.serve("multilingual-e5-small")
    for model in ("echo", "multilingual-e5-small"):
        house.pricing.set_price(model, {"output": 9, "cached_input": 7, "input": 8}, currency="USD")
    cards = house.operator().get("/models").text.split("<article")[1:]
    rates = {
        name: [part.split(" <strong>")[0] for part in card.split('class="rate">')[1:]]
        for card in cards
        for name in ("echo", "multilingual-e5-small")
        if f">{name}</h2>" in card
    }

    assert rates == {"echo": ["Input", "Cached input", "Output"], "multilingual-e5-small": ["Input"]}


def test_a_model_can_be_tried(house: House) -> None:
    """The answer comes in pieces, and at its end what it cost, by the receipt that is in the books."""
    *pieces, last = asked(house.operator(), "Say hello.")
    end = last["end"]
    receipt = house.ledger.receipt(end["receipt"])

    assert "".join(piece["text"] for piece in pieces) == "Say hello."
    assert len(pieces) > 1
    assert (end["output_tokens"], end["region"]) == (receipt.usage.completion, "home")
    assert end["cost"] in end["told"]
    assert receipt.person == house.setup.person.id


def test_an_embedding_model_answers_with_a_vector(house: House) -> None:
    """There is nothing to read in a vector, so its length is told."""
    house.serve("multilingual-e5-small")
    (last,) = asked(house.operator(), "Say hello.", "embed")

    assert last["end"]["text"] == "A vector of 384 numbers."
    assert last["end"]["input_tokens"] > 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "echo", "prompt": ""}, 400),
        ({"model": "echo", "prompt": "x" * 4001}, 400),
        ({"model": "echo"}, 400),
        ({"model": 7, "prompt": "x"}, 400),
        ({"model": "echo", "prompt": "x", "more": 1}, 400),
        ([], 400),
        ({"model": "nothing", "prompt": "x"}, 404),
    ],
)
def test_what_is_no_question_is_refused_in_json(house: House, body: object, status: int) -> None:
    """Before anything is sent, a refusal is a plain error."""
    answer = house.operator().ask("/api/console/try", body)

    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_an_auditor_tries_nothing(house: House) -> None:
    """Reading the books is no use of models; the page offers none."""
    auditor = house.signed_in(house.person("eve@example.org", Role.AUDITOR))

    assert auditor.ask("/api/console/try", {"model": "echo", "prompt": "x"}).status_code == 403
    assert "try-form" not in auditor.get("/models").text
    assert auditor.get("/").headers["location"] == "/usage"
    assert 'href="/assistant"' not in auditor.get("/usage").text.split("<main")[0]


def test_an_empty_wallet_is_told_in_the_reader_s_language(house: House) -> None:
    """The refusal of the ledger reaches the reader in words they know."""
    other = house.identity.add_organisation("Elsewhere")
    visitor = house.signed_in(
        house.person("li@example.org", Role.MEMBER, organisation=other.id), **{"accept-language": "zh"}
    )
    answer = visitor.ask("/api/console/try", {"model": "echo", "prompt": "你好"})

    assert answer.status_code == 402
    assert answer.json()["error"]["message"] == "余额不足以支付此次请求，请联系系统管理者充值。"


def test_the_guide_knows_what_is_done(house: House) -> None:
    """Steps are marked when they are, and code to copy has this house's address."""
    visitor = house.operator()
    before = visitor.get("/guide").text
    visitor.post("/keys", name="first")
    house.use()
    after = visitor.get("/guide").text

    assert before.count('class="step done"') == 0
    assert after.count('class="step done"') == 3
    assert "http://127.0.0.1:8420/v1" in after
    assert "from openai import OpenAI" in after
    assert "from anthropic import Anthropic" in after


def test_the_guide_shows_each_role_what_it_can_do(house: House) -> None:
    """An auditor makes no keys, and only the operator adds models."""
    auditor = house.signed_in(house.person("eve@example.org", Role.AUDITOR)).get("/guide").text
    member = house.signed_in(house.person("ada@example.org", Role.MEMBER)).get("/guide").text

    assert "Make a key" not in auditor
    assert "See what it cost" in auditor
    assert "Make a key" in member
    assert "courtyard models add" not in member
