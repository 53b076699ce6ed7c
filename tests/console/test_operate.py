"""The operator's pages: what they say is what the books say, and nobody else gets in."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from courtyard.core.amount import NANO, Amount
from courtyard.core.ids import ModelName
from courtyard.core.principal import Role
from courtyard.core.usage import Usage
from courtyard.identity import Person
from courtyard.ledger import Dimension, UsageFilter
from courtyard.notices import Channel, Kind, State
from tests.console.house import House, Visitor

MONTH = "2026-01"
PAGES = ("customers", "receivables", "margins", "plans", "prices", "nodes", "notices")
BILLING = ("budgets", "plan", "seats", "invoices")
MILLION = Usage(input=1_000_000)
DEARER = """
book: standard
currency: USD
prices:
  - model: echo
    rates: {input: "0.30", output: "1.20"}
"""


def _handlers(house: House) -> Iterator[tuple[str, str]]:
    """Find the method and address of every handler of the console."""
    app: Any = house.app
    for route in app._app._app.routes:
        for method in route.methods - {"OPTIONS", "HEAD"}:
            yield method, route.path_format


def _others(house: House) -> dict[str, Person]:
    elsewhere = house.identity.add_organisation("Elsewhere")
    return {
        "admin": house.person("admin@example.org", Role.ADMIN),
        "member": house.person("member@example.org", Role.MEMBER),
        "auditor": house.person("auditor@example.org", Role.AUDITOR),
        "other's admin": house.person("other@example.org", Role.ADMIN, organisation=elsewhere.id),
    }


def _rows(visitor: Visitor, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(visitor.get(path).content.decode("utf-8-sig"))))


def test_nobody_but_an_operator_gets_into_the_operator_s_pages(house: House) -> None:
    """Each address is refused to each other role, whether it reads or changes."""
    places = [(method, path) for method, path in _handlers(house) if "/operate" in path]
    let_in = []
    for name, person in _others(house).items():
        visitor = house.signed_in(person)
        token = visitor.token()
        for method, path in places:
            address = re.sub(r"\{[^}]+\}", "x", path)
            answer = visitor.get(address) if method == "GET" else visitor.send(address, {"csrf": token})
            if answer.status_code != 403:
                let_in.append((name, method, path, answer.status_code))

    assert len(places) > 20
    assert let_in == []
    assert 'href="/operate"' not in visitor.get("/guide").text


def test_every_changing_form_of_the_operator_needs_the_page_s_token(house: House) -> None:
    """What another site sends changes nothing."""
    visitor = house.operator()
    changing = [
        path for method, path in _handlers(house) if method == "POST" and ("/operate" in path or "/seats" in path)
    ]

    assert len(changing) >= 7
    for path in changing:
        assert visitor.send(path, {"csrf": "guessed"}).status_code == 403


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_and_its_files_are_there_with_nothing_in_them(house: House, language: str) -> None:
    """An empty house has pages that say so, in both languages, and tables with their columns alone."""
    visitor = house.signed_in(house.setup.person, **{"accept-language": language})
    for path in [*(f"/operate/{page}" for page in PAGES), *(f"/billing/{page}" for page in BILLING)]:
        page, table, rows = (visitor.get(f"{path}{suffix}") for suffix in ("", ".csv", ".json"))

        assert page.status_code == 200, path
        assert f'lang="{language}"' in page.text
        assert table.headers["content-type"].startswith("text/csv")
        assert table.headers["content-disposition"].startswith("attachment; filename=")
        assert len(_rows(visitor, f"{path}.csv")) == len(rows.json())


def test_no_page_reads_receipts_but_those_that_show_them(house: House) -> None:
    """Pages read sums, balances and documents, so that they answer as fast with ten million receipts as with ten."""
    house.use(usage=MILLION)
    visitor, asked = house.operator(), []
    listening = house.database.engine, "before_cursor_execute", lambda *told: asked.append(told[2])
    visitor.get("/usage")  # What was just used is posted.
    event.listen(*listening)
    for path in [*(f"/operate/{page}" for page in PAGES), *(f"/billing/{page}" for page in BILLING)]:
        visitor.get(path)
    for path in ("/usage", "/keys", "/api/console/usage", "/api/console/operate/margins"):
        visitor.get(path)
    visitor.post("/operate/prices/try", sheet=DEARER, month=MONTH)
    event.remove(*listening)

    assert len(asked) > 20
    assert [statement for statement in asked if "FROM receipts" in statement] == []


@pytest.mark.parametrize("query", ["", "key=k", "model=echo", "project=p&model=echo", "from=2026-01-01&to=2026-01-02"])
def test_receipts_are_found_by_an_index_whatever_is_asked(house: House, query: str) -> None:
    """SQLite's own plan of the list says so: it searches, and sorts nothing."""
    house.use()
    visitor, asked = house.operator(), list[tuple[str, Any]]()
    first = visitor.get(f"/receipts?{query}")
    listening = house.database.engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3]))
    event.listen(*listening)
    visitor.get(f"/receipts?{query}&before=1")
    visitor.get(f"/receipts?{query}")
    event.remove(*listening)
    with house.database.engine.connect() as db:
        plans = [
            " ".join(str(row[3]) for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters))
            for statement, parameters in asked
            if "FROM receipts" in statement and "ORDER BY" in statement
        ]

    assert first.status_code == 200
    assert len(plans) == 2
    for plan in plans:
        assert "USING INDEX" in plan
        assert "TEMP B-TREE" not in plan


def test_margins_are_what_came_in_less_what_it_cost(house: House) -> None:
    """By model, customer and month the same sums; what nobody knows the cost of is said, and not counted as gain."""
    house.use(model="parrot", usage=MILLION)
    house.clock.advance(60)
    house.pricing.set_price(
        ModelName("echo"),
        {"input": 200_000_000, "output": 0},
        currency="USD",
        cost={"input": 50_000_000, "output": 0},
    )
    house.use(usage=MILLION)
    visitor = house.operator()
    by_model = {row["id"]: row for row in _rows(visitor, "/operate/margins.csv?by=model")}
    (by_customer,) = _rows(visitor, "/operate/margins.csv?by=organisation")
    (by_month,) = _rows(visitor, "/operate/margins.csv?by=month")
    plot = visitor.get("/api/console/operate/margins?months=3").json()

    assert by_model["echo"]["revenue"] == "0.200000000"
    assert (by_model["echo"]["cost"], by_model["echo"]["margin"]) == ("0.050000000", "0.150000000")
    assert (by_model["parrot"]["revenue"], by_model["parrot"]["margin"]) == ("0.150000000", "")
    assert (by_customer["revenue"], by_customer["revenue_costed"]) == ("0.350000000", "0.200000000")
    assert (by_customer["name"], by_month["id"]) == (house.setup.organisation.name, MONTH)
    assert by_month["margin"] == "0.150000000"
    assert plot["days"] == ["2025-11-01", "2025-12-01", "2026-01-01"]
    assert (plot["revenue"][-1], plot["cost"][-1], plot["margin"][-1]) == (350_000_000, 50_000_000, 150_000_000)
    assert "cost partly unknown" in visitor.get("/operate/margins").text


def test_a_candidate_is_tried_on_what_was_used_and_changes_nothing(house: House) -> None:
    """Twice the price is twice the sum, by model and by customer; the book and the receipts stay."""
    house.use(usage=MILLION)
    before = house.pricing.history()
    visitor = house.operator()
    page = visitor.post("/operate/prices/try", sheet=DEARER, month=MONTH).text
    wrong = visitor.post("/operate/prices/try", sheet=DEARER.replace('"0.30"', "a lot"), month=MONTH)

    assert "$0.15" in page
    assert "+$0.15" in page
    assert "(+100.0 %)" in page
    assert page.count("$0.30") >= 3
    assert house.setup.organisation.name in page
    assert house.pricing.history() == before
    assert wrong.status_code == 400
    assert "line 6" in wrong.text
    assert "a lot" in wrong.text


def test_a_candidate_that_is_imported_is_in_force(house: House) -> None:
    """From then on requests cost that; the file of the book has it, and can be tried and imported again."""
    visitor = house.operator()
    answer = visitor.post("/operate/prices/import", sheet=DEARER)
    file = visitor.get("/operate/prices/book.yaml?book=standard").text
    again = visitor.post("/operate/prices/try", sheet=file, month=MONTH)

    assert answer.headers["location"] == "/operate/prices?book=standard&done=prices_imported"
    assert house.use(usage=MILLION).cost == Amount(300_000_000, house.wallet.unit)
    assert "It says what the book says already." in again.text


def test_customers_are_listed_with_what_they_used_and_have_left(house: House) -> None:
    """This month's use and the wallets' rest, as the books have them; found by name, and sorted."""
    house.use(usage=MILLION)
    house.identity.add_organisation("=Elsewhere")
    visitor = house.operator()
    rows = {row["organisation"]: row for row in _rows(visitor, "/operate/customers.csv?sort=name")}
    ours = rows.pop(house.setup.organisation.id)
    (other,) = rows.values()

    assert (ours["requests_this_month"], ours["used_this_month"]) == ("1", "0.150000000 USD")
    assert ours["left"] == "99.850000000 USD"
    assert other["name"] == "'=Elsewhere"
    assert "Elsewhere" not in visitor.get("/operate/customers?q=home").text
    assert "Elsewhere" in visitor.get("/operate/customers?q=else").text


def test_a_plan_is_added_and_its_file_is_the_plan(house: House) -> None:
    """What is written on the page is listed; what makes no sense is said where it stands."""
    visitor = house.operator()
    text = "plan: team\ncurrency: USD\nfee: 49 USD\nseats: {price: 5 USD, max: 3}\nprepaid: true\n"
    wrong = visitor.post("/operate/plans", plan="plan: team\n")
    added = visitor.post("/operate/plans", plan=text)
    (listed,) = house.licensing.plans()
    file = visitor.get(f"/operate/plans/{listed.digest}/plan.yaml").text

    assert wrong.status_code == 400
    assert "currency" in wrong.text
    assert added.status_code == 303
    assert listed.plan.fee_nano == 49 * NANO
    assert "fee: 49" in file
    assert "$49.00 a month" in visitor.get("/operate/plans").text


def test_a_node_is_shown_with_its_leases_and_can_be_retired(house: House) -> None:
    """What it has leased of which account, as the book knows it; retiring takes it back."""
    house.use()
    visitor = house.operator()
    page = visitor.get("/operate/nodes").text
    (node,) = house.ledger.nodes()
    rows = _rows(visitor, "/operate/nodes.csv")
    answer = visitor.post(f"/operate/nodes/{node.node}/retire")
    (after,) = house.ledger.nodes()

    assert node.node in page
    assert house.setup.organisation.name in page
    assert [row["account"] for row in rows] == [lease.account for lease in node.leases]
    assert answer.status_code == 303
    assert (after.state, after.leases) == ("retired", ())


def test_a_notice_that_did_not_arrive_is_tried_again(house: House) -> None:
    """It is listed with what went wrong, and one press sends it on its way again."""
    notices = house.rooms.notices
    notices.add(Channel.EMAIL, "ops@example.org")
    notices.tell(Kind.BUDGET_THRESHOLD, organisation=house.setup.organisation.id, subject="<b>80 %</b>", once="a")
    while notices.deliveries(state=State.WAITING):
        house.clock.advance(24 * 3600)
        notices.deliver()
    visitor = house.operator()
    page, (dead,) = visitor.get("/operate/notices").text, notices.deliveries(state=State.DEAD)
    visitor.post(f"/operate/notices/{dead.notice.id}/retry", endpoint=dead.endpoint.id)

    assert "&lt;b&gt;80 %&lt;/b&gt;" in page
    assert "no mail server is set up" in page
    assert json.loads(visitor.get("/operate/notices.json?state=waiting").content)[0]["notice"] == dead.notice.id
    assert notices.deliveries(state=State.DEAD) == ()


def test_pages_of_notices_miss_no_delivery(house: House) -> None:
    """A page does not end within a notice that goes to several addresses."""
    notices, seen = house.rooms.notices, []
    for number in range(3):
        notices.add(Channel.EMAIL, f"ops{number}@example.org")
    for number in range(20):
        house.clock.advance(1)
        notices.tell(
            Kind.WALLET_LOW, organisation=house.setup.organisation.id, subject=f"no {number}.", once=str(number)
        )
    visitor, path = house.operator(), "/operate/notices?state=waiting"
    while path:
        page = visitor.get(path).text
        seen += re.findall(r"no \d+\.", page)
        path = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&") if 'rel="next"' in page else ""

    assert sorted(seen) == sorted([f"no {number}." for number in range(20)] * 3)


def test_sums_of_pages_are_the_books_own(house: House) -> None:
    """Use by customer, model and month on three pages is one number."""
    for number in range(3):
        house.use(model=f"model-{number}", usage=MILLION)
    (booked,) = house.ledger.usage(UsageFilter(), (Dimension.ORGANISATION,))
    visitor = house.operator()

    for by in ("model", "organisation", "month"):
        rows = visitor.get(f"/operate/margins.json?by={by}").json()
        assert sum(row["revenue"]["count"] for row in rows) == booked.cost.count
