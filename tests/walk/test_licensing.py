"""What organisations agreed to, kept by a real server and heard by the official client."""

import openai
from openai import OpenAI

from courtyard.core.amount import REQUEST, Amount, money
from courtyard.core.ids import ModelName, OrganisationId
from courtyard.ledger import Funding, Period, UsageFilter
from courtyard.licensing import issue, public_hex, read_plan, write_licence
from tests.walk.books import opened, receipt_of
from tests.walk.server import Running, courtyard
from tests.walk.wait import until

QUESTION = [{"role": "user", "content": "one two three four five"}]


def _sell(
    server: Running, name: str, plan: str, *, reseller: OrganisationId | None = None
) -> tuple[OrganisationId, OpenAI]:
    """Sign a new organisation's contract on a new plan, and wait until its key is served."""
    with opened(server.data_dir) as house:
        organisation = house.identity.add_organisation(name, home=[]).id
        (project,) = house.identity.projects(organisation=organisation)
        made = house.identity.create_key(project.id, name=name)
        house.licensing.add_plan(read_plan(f"plan: {name}\ncurrency: USD\n{plan}"))
        house.licensing.sign(organisation, name, reseller=reseller)
    client = OpenAI(base_url=server.url + "/v1", api_key=made.secret, max_retries=0)
    until(lambda: _refusal(client)[1] not in ("invalid_api_key", "insufficient_quota", "contract_ended"))
    return organisation, client


def _ask(client: OpenAI) -> str:
    """Ask, and return the request's id."""
    answer = client.chat.completions.create(model="echo", messages=QUESTION, max_tokens=20)
    return answer.model_extra["courtyard"]["receipt"]


def _refusal(client: OpenAI) -> tuple[int, str, str]:
    """Ask, and return the status, code and words of the refusal, if it is one."""
    try:
        _ask(client)
    except openai.APIStatusError as error:
        return error.status_code, str(error.code), error.message
    return 200, "", ""


def test_an_allowance_is_used_up_to_the_last_nano_and_then_use_is_owed(server):
    """The request that straddles is paid by both; what the two paid is what the requests cost."""
    allowance = 9_001
    organisation, client = _sell(server, "allowed", "allowance: 0.000009001 USD\ncredit_line: 1 USD")
    receipts = [receipt_of(server, _ask(client)) for _ in range(6)]
    with opened(server.data_dir) as house:
        until(lambda: house.ledger.check().unposted == 0)
        owned = {account.id: account.funding for account in house.ledger.accounts() if account.owner == organisation}
        spent = {owned[balance.account]: balance.spent for balance in house.ledger.balances(owned)}
        (used,) = house.ledger.usage(UsageFilter(organisation=organisation))
        report = house.ledger.check()

    assert any(len(receipt.charges) == 2 for receipt in receipts)
    assert all(receipt.cost.count == sum(charge.count for charge in receipt.charges) for receipt in receipts)
    assert report.findings == ()
    assert spent[Funding.INCLUDED] == allowance
    assert spent[Funding.INCLUDED] + spent[Funding.POSTPAID] == used.cost.count


def test_credit_pays_until_it_expires(server):
    """Then a 402 says what is left, and who can top it up with which command."""
    organisation, client = _sell(server, "credited", "credit_line: 1 USD")
    with opened(server.data_dir) as house:
        expires_at_ms = house.clock.now_ms() + 4000
        credit = house.ledger.open_account(
            organisation,
            purpose="wallet",
            unit=money("USD"),
            funding=Funding.CREDIT,
            expires_at_ms=expires_at_ms,
        )
        house.ledger.grant(credit.id, Amount(10**9, money("USD")), "welcome")
        house.licensing.add_plan(read_plan("plan: prepaid\ncurrency: USD\nprepaid: true"))
        house.licensing.change(organisation, "prepaid")
    until(lambda: [charge.account for charge in receipt_of(server, _ask(client)).charges] == [credit.id])
    status, code, words = until(lambda: (refused := _refusal(client))[0] != 200 and refused)

    assert (status, code) == (402, "insufficient_quota")
    assert "'prepaid wallet' has 0.00 USD left and the request may use" in words
    assert "an operator can top it up: `courtyard accounts top-up acct_" in words


def test_a_contract_that_ended_is_a_402_that_says_how_to_renew(server):
    """Within a second, beside a server that runs; signed again it serves again."""
    organisation, client = _sell(server, "ended", "credit_line: 1 USD")
    courtyard("contracts", "end", "ended", "--yes", data_dir=server.data_dir)
    status, code, words = until(lambda: (refused := _refusal(client))[0] != 200 and refused)
    with opened(server.data_dir) as house:
        house.licensing.sign(organisation, "ended")
    until(lambda: _refusal(client)[0] == 200)

    assert (status, code) == (402, "contract_ended")
    assert f"an operator can renew it, when an admin asks: `courtyard contracts sign {organisation} ended`" in words


def test_a_contract_that_begins_later_is_carried_out_by_who_serves_then(server):
    """Until then a 402 says when it begins; at that moment the server opens its accounts, with nobody at a command."""
    with opened(server.data_dir) as house:
        organisation = house.identity.add_organisation("later", home=[]).id
        (project,) = house.identity.projects(organisation=organisation)
        made = house.identity.create_key(project.id, name="later")
        house.licensing.add_plan(read_plan("plan: later\ncurrency: USD\nallowance: 1 USD"))
        house.licensing.sign(organisation, "later", starts_ms=house.clock.now_ms() + 2500)
    client = OpenAI(base_url=server.url + "/v1", api_key=made.secret, max_retries=0)
    unknown_yet = ("invalid_api_key", "insufficient_quota")  # The key is heard of a moment before the contract.
    code, words = until(lambda: (refused := _refusal(client))[1] not in unknown_yet and refused[1:])
    until(lambda: _refusal(client)[0] == 200)

    assert code == "contract_ended"
    assert "on plan 'later' begins on" in words
    with opened(server.data_dir) as house:
        (account,) = [account for account in house.ledger.accounts() if account.owner == organisation]
    assert (account.funding, account.name) == (Funding.INCLUDED, "monthly allowance")


def test_people_of_a_plan_by_the_seat_need_one(server):
    """A 403 says who can give them one; a project's key needs none; the seat that is freed ends it within a second."""
    organisation, by_project = _sell(server, "seated", "credit_line: 1 USD\nseats: {price: 20 USD, max: 1}")
    with opened(server.data_dir) as house:
        person = house.identity.add_person(organisation, email="ann@example.org", name=None)
        (project,) = house.identity.projects(organisation=organisation)
        made = house.identity.create_key(project.id, name="ann's", person=person.id)
    client = OpenAI(base_url=server.url + "/v1", api_key=made.secret, max_retries=0)
    status, code, words = until(lambda: (refused := _refusal(client))[1] != "invalid_api_key" and refused)
    courtyard("seats", "assign", "ann@example.org", data_dir=server.data_dir)
    until(lambda: _refusal(client)[0] == 200)
    with opened(server.data_dir) as house:
        house.licensing.free(person.id)
    until(lambda: _refusal(client)[1] == "seat_required")

    assert (status, code) == (403, "seat_required")
    assert f"`courtyard seats assign {person.id}`" in words
    assert _refusal(by_project)[0] == 200


def test_the_limit_of_a_reseller_holds_for_its_customers(server):
    """All of them together: what one uses the other lacks."""
    reseller, _ = _sell(server, "reseller", "credit_line: 1 USD")
    _, first = _sell(server, "first", "credit_line: 1 USD", reseller=reseller)
    _, second = _sell(server, "second", "credit_line: 1 USD", reseller=reseller)
    with opened(server.data_dir) as house:
        house.ledger.set_limit(reseller, unit=REQUEST, period=Period.DAY, count=6, name="what the reseller bought")
    answered = 0
    status, code, words = 200, "", ""
    while status == 200:
        status, code, words = _refusal(first if answered % 2 else second)
        answered += status == 200

    assert (status, code) == (402, "insufficient_quota")
    assert "'what the reseller bought' has 0 requests left this day" in words
    with opened(server.data_dir) as house:
        (limit,) = [account for account in house.ledger.accounts() if account.name == "what the reseller bought"]
        until(lambda: [balance.spent for balance in house.ledger.balances([limit.id])] == [6])


def test_a_licence_holds_for_everybody_within_a_second(server):
    """Last of all here, since from then on nothing is served but what it says."""
    _, client = _sell(server, "licensed", "credit_line: 1 USD")
    with opened(server.data_dir) as house:
        key = house.keyring.signing_key("operator")
        licence = issue("Acme", key, now_ms=house.clock.now_ms(), models=[ModelName("another")])
        house.licensing.installed.install(write_licence(licence), public_hex(key.public_key()))
    status, code, words = until(lambda: (refused := _refusal(client))[0] != 200 and refused)

    assert (status, code) == (403, "licence_refused")
    assert "does not include model 'echo', but another; ask who sold it" in words
