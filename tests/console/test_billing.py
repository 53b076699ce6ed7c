"""A customer's pages: budgets, plan, seats and invoices are the books' own, and nobody else's."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from courtyard.billing import Invoice
from courtyard.core.amount import NANO, REQUEST
from courtyard.core.ids import OrganisationId
from courtyard.core.principal import Role
from courtyard.core.usage import Usage
from courtyard.ledger import Funding, Period, Purpose
from courtyard.licensing import Bound, Plan, SeatTerms
from tests.console.house import USD, House, Visitor

MILLION = Usage(input=1_000_000)
MONTH_S = 31 * 24 * 3600
TEAM = Plan(
    name="team",
    currency="USD",
    fee_nano=49 * NANO,
    seats=SeatTerms(price_nano=5 * NANO, included=1, max=2),
    allowance_nano=20 * NANO,
    credit_line_nano=100 * NANO,
    limits=(Bound(count=600, unit=REQUEST, period=Period.MINUTE),),
)


def _ours(house: House) -> OrganisationId:
    return house.setup.organisation.id


def _eve(house: House) -> Visitor:
    """An administrator of another organisation."""
    elsewhere = house.identity.add_organisation("Elsewhere")
    return house.signed_in(house.person("eve@example.org", Role.ADMIN, organisation=elsewhere.id))


def _signed(house: House) -> None:
    house.licensing.add_plan(TEAM)
    house.licensing.sign(_ours(house), "team")


def _invoiced(house: House) -> Invoice:
    """A month's invoice of one use."""
    house.use(usage=MILLION)
    house.clock.advance(MONTH_S)
    (invoice,) = house.billing.issue(_ours(house), "2026-01")
    return invoice


def test_bars_say_what_is_spent_leased_and_left_of_this_window(house: House) -> None:
    """The three add up to what is granted; a month that is over says nothing about the one that runs."""
    house.ledger.set_limit(_ours(house), unit=USD, period=Period.MONTH, count=NANO)
    house.use(usage=MILLION)
    visitor = house.operator()
    rows = {row["purpose"]: row for row in visitor.get("/billing/budgets.json").json()}
    page = visitor.get("/billing/budgets").text
    house.clock.advance(MONTH_S)
    after = {row["purpose"]: row for row in house.operator().get("/billing/budgets.json").json()}

    wallet = {name: rows["wallet"][name]["count"] for name in ("spent", "left", "granted")}
    assert wallet == {"spent": 150_000_000, "left": 99_850_000_000, "granted": 100 * NANO}
    assert rows["limit"]["resets_at_ms"] == 1_769_904_000_000  # 1 February 2026
    assert "$99.85" in page
    assert 'class="bar-spent" x="0" width="1"' in page
    assert after["limit"]["spent"]["count"] == 0


def test_a_member_sees_the_budgets_that_bound_them_and_no_books(house: House) -> None:
    """Plan, seats and invoices are for administrators and auditors; a member sees their own limits alone."""
    _signed(house)
    ada = house.person("ada@example.org", Role.MEMBER)
    house.ledger.set_limit(ada.id, unit=USD, period=Period.DAY, count=NANO, name="hers")
    visitor = house.signed_in(ada)

    assert [row["name"] for row in visitor.get("/billing/budgets.json").json()] == ["hers"]
    assert visitor.get("/billing").headers["location"] == "/billing/budgets"
    for path in ("plan", "plan.csv", "seats", "seats.json", "invoices", "invoices.csv"):
        assert visitor.get(f"/billing/{path}").status_code == 404
        assert f'href="/billing/{path}"' not in visitor.get("/billing/budgets").text


def test_another_organisation_s_books_look_as_if_they_were_not_there(house: House) -> None:
    """An administrator of another organisation gets 404 for each page, file and change; the auditor reads."""
    _signed(house)
    number = _invoiced(house).number
    eve, auditor = _eve(house), house.signed_in(house.person("bob@example.org", Role.AUDITOR))
    asked = f"organisation={_ours(house)}"
    paths = [
        f"/billing/{page}?{asked}" for page in ("plan", "plan.csv", "seats", "seats.json", "invoices", "invoices.csv")
    ]
    paths += [f"/billing/invoices/{number}{part}" for part in ("", "/json", "/pdf", "/receipts", "/nothing")]
    me = house.setup.person.id

    assert [eve.get(path).status_code for path in paths] == [404] * len(paths)
    assert eve.post(f"/billing/seats/{me}/assign").status_code == 404
    assert eve.get("/billing/budgets.json").json() == []
    assert [auditor.get(path).status_code for path in paths if not path.endswith(("pdf", "nothing"))] == [200] * 9
    assert auditor.post(f"/billing/seats/{me}/assign").status_code == 403
    assert "/assign" not in auditor.get("/billing/seats").text


def test_seats_are_given_and_taken_back_by_an_administrator(house: House) -> None:
    """The directory says who holds one; where all are held the page says what to do."""
    _signed(house)
    admin, people = house.person("zoe@example.org", Role.ADMIN), [house.setup.person]
    people += [house.person(f"person{number}@example.org", Role.MEMBER) for number in range(2)]
    visitor = house.signed_in(admin)
    answers = [visitor.post(f"/billing/seats/{person.id}/assign").status_code for person in people]
    refused = visitor.post(f"/billing/seats/{people[2].id}/assign").text
    held = {row["name"] for row in visitor.get("/billing/seats.json").json() if row["held_since_ms"] is not None}
    visitor.post(f"/billing/seats/{people[0].id}/free")

    assert answers == [303, 303, 409]
    assert "All 2 seats are held" in refused
    assert held == {"Operator", "person0"}
    assert [seat.person for seat in house.licensing.seated(_ours(house))] == [people[1].id]
    assert "1 seat held" in visitor.get("/billing/seats").text
    assert "person1" not in visitor.get("/billing/seats?q=zoe").text


def test_the_plan_says_what_it_includes_and_what_is_left_of_it(house: House) -> None:
    """Fee, allowance, seats and limits as they were agreed, the wallets that came of them, and the prices."""
    _signed(house)
    page = house.operator().get("/billing/plan").text
    (row,) = house.operator().get("/billing/plan.json").json()

    for text in ("team", "$49.00 a month", "$20.00 a month", "600 requests a minute", "renews each month", "$0.15"):
        assert text in page
    assert page.count('class="account"') == 3  # allowance, credit line, and the wallet from before
    assert (row["plan"], row["fee"]["count"]) == ("team", 49 * NANO)
    assert "No contract" in _eve(house).get("/billing/plan").text


def test_what_the_operator_pays_stands_on_no_customer_s_page(house: House) -> None:
    """The provider's cost is between the operator and the provider."""
    house.pricing.set_price(
        "echo", {"input": 200_000_000, "output": 0}, currency="USD", cost={"input": 123_456_789, "output": 0}
    )
    receipt = house.use(usage=MILLION)
    admin = house.signed_in(house.person("zoe@example.org", Role.ADMIN))
    pages = [
        "/billing/plan",
        "/models",
        f"/receipts/{receipt.id}",
        "/usage",
        "/billing/plan.json",
        "/billing/budgets.json",
    ]

    assert [path for path in pages if "123456789" in admin.get(path).text] == []
    assert "$0.123456789" in house.operator().get("/operate/prices").text


def test_an_invoice_is_open_then_overdue_then_paid(house: House) -> None:
    """Its status follows the day and the bank; what is open adds up."""
    wallet = house.ledger.open_account(
        _ours(house),
        purpose=Purpose.WALLET,
        unit=USD,
        period=Period.MONTH,
        count_max=100 * NANO,
        funding=Funding.POSTPAID,
    )
    house.wallet = wallet
    number = _invoiced(house).number

    def status() -> tuple[str, str]:
        (row,) = house.operator().get("/billing/invoices.json").json()
        return row["status"], row["open"]

    seen = [status()]
    house.clock.advance(15 * 24 * 3600)
    seen.append(status())
    late = house.operator().get("/operate/receivables").text
    house.payments.record(15, currency="USD", reference="stmt 1", invoice=number)
    seen.append(status())

    assert seen == [("open", "0.15"), ("overdue", "0.15"), ("paid", "0.00")]
    assert "1 day late" in late
    assert "$0.15" in late
    assert "stmt 1" in house.operator().get(f"/billing/invoices/{number}").text
    assert "Nobody owes anything" in house.operator().get("/operate/receivables").text


def test_what_the_page_of_an_invoice_offers_verifies(house: House, tmp_path: Path) -> None:
    """The signed document, its receipts, the key and the program, as downloaded, and the command as it stands there."""
    number = _invoiced(house).number
    visitor = house.operator()
    page = visitor.get(f"/billing/invoices/{number}").text
    for path in (f"invoices/{number}/json", f"invoices/{number}/receipts", "operator.pub", "verifier.py"):
        answer = visitor.get(f"/billing/{path}")
        name = re.search(r'filename="([^"]+)"', answer.headers["content-disposition"])
        assert name is not None
        (tmp_path / name[1]).write_bytes(answer.content)
    command = re.search(r"python (verifier\.py [^<]+)<", page)
    assert command is not None
    run = partial(subprocess.run, [sys.executable, *command[1].split()], cwd=tmp_path, capture_output=True, text=True)
    checked = run(check=False)
    receipts = next(tmp_path.glob("*.receipts.jsonl"))
    receipts.write_text(receipts.read_text().replace("1000000", "1000001"))
    spoilt = run(check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert spoilt.returncode != 0


def test_an_invoice_is_saved_in_every_form(house: House) -> None:
    """Each link of the page gives a file with something in it."""
    number = _invoiced(house).number
    visitor = house.operator()
    page = visitor.get(f"/billing/invoices/{number}").text
    forms = re.findall(rf'href="/billing/invoices/{number}/(\w+)" download', page)
    files = {form: visitor.get(f"/billing/invoices/{number}/{form}") for form in forms if form != "xml"}

    assert {"pdf", "csv", "json", "focus", "cloudevents", "receipts"} <= files.keys()
    assert {form: answer.status_code for form, answer in files.items()} == dict.fromkeys(files, 200)
    assert files["pdf"].content.startswith(b"%PDF-")
    assert all(answer.headers["content-disposition"].startswith("attachment") for answer in files.values())


def test_a_receipt_tells_who_paid_what_it_counted_against_and_its_invoice(house: House) -> None:
    """The wallet with its turn and funding, each limit, and the document that bills it."""
    receipt = house.use(usage=MILLION)
    before = house.operator().get(f"/receipts/{receipt.id}").text
    house.clock.advance(MONTH_S)
    (invoice,) = house.billing.issue(_ours(house), "2026-01")
    page = house.operator().get(f"/receipts/{receipt.id}").text

    assert "paid 1. · prepaid" in page
    assert "Rated by the price book “standard”" in page
    assert invoice.number not in before
    assert f'href="/billing/invoices/{invoice.number}"' in page


def test_a_receipt_tells_in_which_order_wallets_paid(house: House) -> None:
    """The allowance first and the prepaid wallet for the rest, then the limit that bounded both; each with its part."""
    _signed(house)
    allowance = next(one for one in house.ledger.accounts() if one.funding is Funding.INCLUDED)
    limit = house.ledger.set_limit(_ours(house), unit=USD, period=Period.DAY, count=NANO, name="a day’s budget")
    assert limit is not None
    borne = {allowance.id: 100_000_000, house.wallet.id: 50_000_000, limit.id: 150_000_000}
    receipt = house.use(usage=MILLION, borne=borne)
    page = house.operator().get(f"/receipts/{receipt.id}").text
    told = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page.split('id="who"')[1].split("</section>")[0]))

    assert receipt.cost.count == 150_000_000
    assert re.search(r"paid 1\. · included each month Home \$0\.10 .* paid 2\. · prepaid Home \$0\.05", told)
    assert re.search(r"a day’s budget limit each day Home \$0\.15", told)


def test_receipts_have_files(house: House) -> None:
    """The list as a table, with exact money."""
    receipt = house.use(usage=MILLION)
    (row,) = house.operator().get("/receipts.json").json()

    assert (row["receipt"], row["cost"]["count"]) == (receipt.id, receipt.cost.count)
    assert receipt.digest in house.operator().get("/receipts.csv").text


@pytest.mark.parametrize(
    "query", ["start=99999", "start=-1", "start=%00", "q=%3Cscript%3E", "before=nothing", "months=x&by=y"]
)
def test_any_question_to_a_list_has_an_answer(house: House, query: str) -> None:
    """What can't be read in an address counts for nothing, and comes back escaped."""
    visitor = house.operator()
    for path in ("/billing/budgets", "/billing/seats", "/billing/invoices", "/operate/customers", "/operate/margins"):
        answer = visitor.get(f"{path}?{query}")

        assert answer.status_code == 200
        assert "<script>" not in answer.text.split("</header>")[1].split('<script type="application/json"')[0]
