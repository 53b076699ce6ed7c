"""Fees and seats: by the day that a contract runs and a seat is held, and none of them twice."""

from courtyard.billing import LineKind
from courtyard.core.principal import Role
from courtyard.core.usage import Usage
from courtyard.licensing import Plan, SeatTerms
from tests.billing.house import Books, moment
from tests.billing.test_issuing import verdict

TEAM = Plan(
    name="team", currency="USD", fee_nano=30 * 10**9, credit_line_nano=10**12, seats=SeatTerms(price_nano=12 * 10**9)
)
COMMITTED = Plan(name="big", currency="USD", fee_nano=90 * 10**9, allowance_nano=90 * 10**9, credit_line_nano=10**12)


def person(books: Books, name: str):
    return books.identity.add_person(books.organisation, email=f"{name}@clinique.example", role=Role.MEMBER).id


def test_a_change_of_plan_bills_each_day_once(books: Books):
    """The old plan's fee runs until the day before the change, the new one's from that day on."""
    books.price()
    for plan in (TEAM, COMMITTED):
        books.licensing.add_plan(plan)
    books.licensing.sign(books.organisation, "team", starts_ms=moment("2026-11-01"))
    books.go("2026-11-11T15:30")
    books.licensing.change(books.organisation, "big")
    books.go("2026-12-01")
    (invoice,) = books.billing.issue(books.organisation, "2026-11")

    assert [(line.kind, line.facts["days"], line.minor) for line in invoice.lines] == [
        (LineKind.FEE, 10, 1000),
        (LineKind.COMMITMENT, 20, 6000),
    ]
    assert verdict(books, invoice.number).problems == ()


def test_a_seat_costs_the_days_that_somebody_held_it(embedded: Books):
    """Two people for a part of the month each pay for their days; who comes back the same day is not paid for twice."""
    embedded.price()
    embedded.licensing.add_plan(TEAM)
    embedded.licensing.sign(embedded.organisation, "team", starts_ms=moment("2026-11-01"))
    first, second = person(embedded, "one"), person(embedded, "two")
    embedded.licensing.assign(embedded.organisation, first)
    embedded.go("2026-11-10T09:00")
    embedded.licensing.free(first)
    embedded.go("2026-11-10T12:00")
    embedded.licensing.assign(embedded.organisation, first)
    embedded.go("2026-11-20T01:00")
    embedded.licensing.free(first)
    embedded.licensing.assign(embedded.organisation, second)
    embedded.go("2026-12-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")
    seats = next(line for line in invoice.lines if line.kind == LineKind.SEAT)

    assert (seats.quantity, seats.facts["seat_days"]) == (2, 20 + 11)
    assert seats.nano == 12 * 10**9 * 31 // 30
    assert verdict(embedded, invoice.number).problems == ()


def test_months_without_an_invoice_are_on_the_next_one(embedded: Books):
    """A fee of each month that passed is a line of its own, dated with its month."""
    embedded.price()
    embedded.licensing.add_plan(COMMITTED)
    embedded.licensing.sign(embedded.organisation, "big", starts_ms=moment("2026-11-16"))
    embedded.go("2027-02-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2027-01")

    assert [(line.month, line.facts["days"], line.minor) for line in invoice.lines] == [
        ("2026-11", 15, 4500),
        ("2026-12", 31, 9000),
        ("2027-01", 31, 9000),
    ]
    assert verdict(embedded, invoice.number).problems == ()


def test_a_model_that_is_priced_by_the_seat_costs_who_holds_one(embedded: Books):
    """Use of it costs nothing; each day that a seat was held costs its part of the month."""
    embedded.price()
    embedded.price({"month": 30 * 10**9}, kind="per_seat", model="assistant")
    embedded.licensing.add_plan(Plan(name="seats", currency="USD", seats=SeatTerms(), credit_line_nano=10**12))
    embedded.licensing.sign(embedded.organisation, "seats", starts_ms=moment("2026-11-01"))
    embedded.go("2026-11-21")
    embedded.licensing.assign(embedded.organisation, person(embedded, "one"))
    embedded.use(Usage(input=10_000_000), embedded.wallet(), at="2026-11-22", model="assistant")
    embedded.go("2026-12-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")

    assert [(line.kind, line.model, line.minor) for line in invoice.lines] == [
        (LineKind.SEAT, "assistant", 1000),
        (LineKind.USAGE, "assistant", 0),
    ]
    assert verdict(embedded, invoice.number).problems == ()
