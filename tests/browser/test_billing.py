"""The pages about money as people meet them: plots with ink, bars, downloads, and what can't be undone asked twice."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import books
from tests.browser.conftest import SCOPE, Open, Shot
from tests.browser.test_console import SIZES
from tests.walk.server import Running, serving

PATHS = (
    *(f"/billing/{page}" for page in ("budgets", "plan", "seats", "invoices")),
    *(f"/operate/{page}" for page in ("customers", "receivables", "margins", "plans", "prices", "nodes", "notices")),
    "/receipts/req_books",
)
_NAMELESS = """() => [...document.querySelectorAll("button, a, input:not([type=hidden]), select, textarea")]
  .filter((one) => !one.hidden)
  .filter((one) => !(one.innerText || one.textContent || "").trim() && !one.labels?.length
    && !one.getAttribute("aria-label"))
  .map((one) => one.outerHTML)"""


@pytest.fixture(scope=SCOPE)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose house has a contract, an invoice, and use."""
    data_dir = tmp_path_factory.mktemp("billing") / "data"
    books.furnish(data_dir)
    with serving(data_dir) as running:
        yield running


@pytest.mark.parametrize(("size", "dark", "language"), [("desk", False, "en-US"), ("phone", True, "zh-CN")])
def test_every_page_fits_and_everything_on_it_has_a_name(
    open_page: Open, shot: Shot, server: Running, size: str, dark: bool, language: str
) -> None:
    """At a desk in the light and on a phone in the dark: nothing overflows, breaks, or has no name."""
    page = open_page("/billing/invoices", width=SIZES[size], dark=dark, language=language)
    number = page.locator("tbody th a").first.inner_text()
    for path in (*PATHS, f"/billing/invoices/{number}"):
        page.goto(server.url + path)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path
        assert page.evaluate(_NAMELESS) == [], path
        assert page.evaluate("document.documentElement.lang") == language[:2]
        shot(page, f"{path[1:].replace('/', '-').replace(number, 'number')}-{size}-{language[:2]}")


def test_a_candidate_price_is_tried_and_imported(open_page: Open, shot: Shot) -> None:
    """The effect is shown before anybody pays it; importing is asked once more, and then it holds."""
    page = open_page("/operate/prices")
    sheet = page.get_by_label("Candidate, as YAML")
    sheet.fill(sheet.input_value().replace("1000.00", "1250.00"))
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".tried")).to_contain_text("+25.0 %")
    shot(page, "prices-tried")
    page.get_by_role("button", name="Import").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Import").click()
    expect(page.get_by_text("The book is amended.")).to_be_visible()
    expect(page.locator("section", has=page.locator("#in-force"))).to_contain_text("$1,250.00")


def test_a_seat_is_given_and_taken_back(open_page: Open, shot: Shot) -> None:
    """Taking one back is asked once more."""
    page = open_page("/billing/seats")
    page.get_by_role("button", name="Give Operator a seat").click()
    expect(page.get_by_text("The seat is given.")).to_be_visible()
    page.get_by_role("button", name="Take back the seat of Operator").click()
    shot(page, "seats-free")
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    expect(page.get_by_text("The seat is free.")).to_be_visible()


def test_margins_are_drawn(open_page: Open) -> None:
    """Columns in the colours of revenue and cost, and a box that tells their numbers."""
    page = open_page("/operate/margins")
    page.wait_for_selector("#plot canvas")
    box = page.locator("#plot .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)

    expect(page.locator("#plot .tip")).to_contain_text("Provider cost")


def test_an_invoice_is_downloaded(open_page: Open) -> None:
    """As paper, as it was signed, and with its receipts."""
    page = open_page("/billing/invoices")
    page.locator("tbody th a").first.click()
    page.wait_for_url(re.compile(r"/billing/invoices/\d{4}-\d{6}$"))
    found = {}
    for name in ("PDF", "JSON, signed", "Receipts"):
        with page.expect_download() as download:
            page.locator("main").get_by_role("link", name=name, exact=True).click()
        found[name] = download.value.path().read_bytes()

    assert found["PDF"].startswith(b"%PDF-")
    assert b'"proof"' in found["JSON, signed"]
    assert found["Receipts"].count(b"\n") == 1


def test_the_pages_work_without_their_scripts(open_page: Open) -> None:
    """Tabs, searches, bars and trying a price need none."""
    page = open_page("/billing", java_script_enabled=False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Budgets")
    expect(page.get_by_role("img", name=re.compile("% spent")).first).to_be_visible()
    page.goto(page.url.replace("/billing/budgets", "/operate/customers"))
    page.get_by_label("Name").fill("north")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto(page.url.split("/operate")[0] + "/operate/prices")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("It says what the book says already.")).to_be_visible()
