"""Usage and receipts: what is shown is what the books say, to whom it concerns."""

import csv
import io

import pytest

from courtyard.core.principal import Role
from courtyard.core.usage import Usage
from courtyard.ledger import Dimension, UsageFilter
from tests.console.house import House

DAY = "2026-01-01"


def test_without_usage_the_page_says_what_to_do(house: House) -> None:
    """An empty page leads on."""
    page = house.operator().get("/usage").text

    assert "No usage in these days" in page
    assert 'href="/guide"' in page


def test_the_page_and_its_plot_agree_with_the_books(house: House) -> None:
    """Requests, tokens and cost of the page, the plot and the book are the same numbers."""
    for number in range(3):
        house.use(usage=Usage(input=100, cached_input=20, output=10 + number, reasoning=1))
    visitor = house.operator()
    page, plot = visitor.get("/usage").text, visitor.get(f"/api/console/usage?from={DAY}&to={DAY}").json()
    (booked,) = house.ledger.usage(UsageFilter(), [Dimension.MODEL])

    assert "60 of them cached" in page
    assert "Uncached input" in page
    assert plot["days"] == [DAY]
    assert plot["currency"] == "USD"
    assert [(one["name"], one["requests"]) for one in plot["series"]] == [("echo", [3])]
    assert plot["series"][0]["tokens"] == [3 * (100 + 20 + 11 + 1)]
    assert plot["series"][0]["cost_nano"] == [booked.cost.count]


def test_the_plot_draws_the_largest_groups_and_the_rest_together(house: House) -> None:
    """Seven colours, and one for what is left; nothing is lost."""
    for number in range(10):
        house.use(model=f"model-{number}", usage=Usage(input=(number + 1) * 100))
    plot = house.operator().get(f"/api/console/usage?from={DAY}&to={DAY}").json()

    assert [one["name"] for one in plot["series"]] == [f"model-{n}" for n in range(9, 2, -1)] + ["Others"]
    assert sum(one["tokens"][0] for one in plot["series"]) == 100 * 55
    assert plot["series"][-1]["requests"] == [3]


def test_a_member_sees_their_own_usage_and_an_auditor_the_organisation_s(house: House) -> None:
    """Who may read what follows from the role, in the page, the plot, the files and the receipts alike."""
    ada, bob = house.person("ada@example.org", Role.MEMBER), house.person("bob@example.org", Role.AUDITOR)
    other = house.identity.add_organisation("Elsewhere")
    eve = house.person("eve@example.org", Role.ADMIN, organisation=other.id)
    hers = house.use(person=ada.id, usage=Usage(input=7))
    ours = house.use(usage=Usage(input=11))
    theirs = house.use(organisation=other.id, usage=Usage(input=13))
    seen = {
        name: (
            sum(row["usage"]["input"] for row in visitor.get("/usage.json").json()),
            [visitor.get(f"/receipts/{receipt.id}").status_code for receipt in (hers, ours, theirs)],
            visitor.get("/receipts").text.count('href="/receipts/req'),
        )
        for name, visitor in {
            "ada": house.signed_in(ada),
            "bob": house.signed_in(bob),
            "eve": house.signed_in(eve),
            "operator": house.operator(),
        }.items()
    }

    assert seen == {
        "ada": (7, [200, 404, 404], 1),
        "bob": (18, [200, 200, 404], 2),
        "eve": (13, [404, 404, 200], 1),
        "operator": (31, [200, 200, 200], 3),
    }


def test_nobody_widens_their_question_by_its_address(house: House) -> None:
    """A filter narrows what one may read; it never reaches further."""
    ada = house.person("ada@example.org", Role.MEMBER)
    house.use(usage=Usage(input=11))
    visitor = house.signed_in(ada)
    for query in ("", "person=", "organisation=", f"project={house.setup.project.id}", "by=organisation", "by=person"):
        assert visitor.get(f"/usage.json?{query}").json() == []
        assert visitor.get(f"/api/console/usage?{query}").json()["series"] == []


def test_an_operator_looks_at_everybody_by_month_and_at_one_by_day(house: House) -> None:
    """All customers are summed in whole months; the name of one leads to its days, projects and keys."""
    other = house.identity.add_organisation("Elsewhere")
    house.use(usage=Usage(input=11))
    house.use(organisation=other.id, usage=Usage(input=13, images=2))
    visitor = house.operator()
    page = visitor.get(f"/usage?from={DAY}&to={DAY}&by=organisation").text
    plot = visitor.get(f"/api/console/usage?from=2025-12-05&to={DAY}&by=organisation").json()
    theirs = visitor.get(f"/usage?organisation={other.id}&by=project").text

    assert (plot["step"], plot["days"]) == ("month", ["2025-12-01", "2026-01-01"])
    assert {one["name"]: one["tokens"] for one in plot["series"]} == {"Elsewhere": [0, 13], "Home": [0, 11]}
    assert f"by=model&amp;organisation={other.id}" in page
    assert "Images 2" in page
    assert "Organisation: Elsewhere" in theirs
    assert "<dd>1</dd>" in theirs


def test_a_file_for_spreadsheets_runs_nothing(house: House) -> None:
    """Names that look like formulas are written as text; money is exact, in decimals and in nano-units."""
    receipt = house.use(model='=HYPERLINK("http://evil.example")')
    answer = house.operator().get("/usage.csv")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))

    assert answer.headers["content-disposition"] == 'attachment; filename="usage-2025-12-03-2026-01-01.csv"'
    assert row["model"].startswith("'=")
    assert row["cost"] == f"0.{receipt.cost.count:09}"
    assert (row["cost_nano"], row["currency"], row["day"]) == (str(receipt.cost.count), "USD", DAY)


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-01-05&to=2026-01-01",
        "from=nonsense&to=",
        "from=0001-01-01&to=9999-12-31",
        "by=nonsense&model=" + "x" * 1000,
        "from=%00&key=%F0%9F%92%A9&project=%3Cscript%3E",
        "before=99999999999999999999999&start=-1",
        "before=-1",
        "before=%D9%A3",
    ],
)
def test_any_question_has_an_answer(house: House, query: str) -> None:
    """What can't be read in an address counts for nothing."""
    house.use()
    visitor = house.operator()

    for path in ("/usage", "/usage.csv", "/usage.json", "/api/console/usage", "/receipts", "/keys"):
        assert visitor.get(f"{path}?{query}").status_code == 200


def test_receipts_are_paged_and_none_is_missed(house: House) -> None:
    """Page after page, each receipt is there once, the newest first."""
    ids = [house.use().id for _ in range(120)]
    visitor, found, path = house.operator(), [], "/receipts"
    while path:
        page = visitor.get(path).text
        found += [part.split('"')[0] for part in page.split('href="/receipts/')[1:]]
        path = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&") if 'rel="next"' in page else ""

    assert found == ids[::-1]


def test_a_receipt_says_what_it_cost_and_why(house: House) -> None:
    """Usage times price, line by line, exactly, and where it stands in the chain."""
    receipt = house.use(usage=Usage(input=1001, cached_input=7, output=333, reasoning=5))
    page = house.operator().get(f"/receipts/{receipt.id}").text

    assert "$0.00015015" in page  # 1001 × 0.15 for a million
    assert "$0.00000105" in page
    assert "$0.0001998" in page
    assert "$0.000003" in page
    assert "$0.000354 for one request" in page
    for fact in (receipt.digest, receipt.previous, receipt.node, receipt.price_book, "home", "echo"):
        assert fact in page


def test_a_receipt_keeps_the_price_of_its_day(house: House) -> None:
    """Another price later changes nothing in what was bought before."""
    receipt = house.use(usage=Usage(input=1_000_000))
    house.clock.advance(60)
    house.pricing.set_price("echo", {"input": 9 * 10**9, "output": 0}, currency="USD")
    page = house.operator().get(f"/receipts/{receipt.id}").text

    assert "$0.15 for one request" in page
    assert "$9.00" not in page


def test_a_receipt_that_never_was_is_not_found(house: House) -> None:
    """It looks the same as one of somebody else."""
    assert house.operator().get("/receipts/req_00").status_code == 404


def test_wallets_show_what_is_left(house: House) -> None:
    """What was spent and what is left add up to what was granted."""
    house.use(usage=Usage(input=1_000_000))
    page = house.operator().get("/usage").text

    assert "$100.00" in page
    assert "$99.85" in page
    assert "$0.15" in page
