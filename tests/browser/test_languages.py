"""The console in other languages: Arabic from right to left on every page, and no language wider than a phone."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from courtyard.console.page import LANGUAGE_COOKIE
from courtyard.identity.directory import FIRST_EMAIL
from courtyard.languages import Languages
from tests.browser import books
from tests.browser.conftest import SCOPE, Open, Shot
from tests.browser.test_billing import PATHS as MONEY
from tests.browser.test_console import PATHS as CONSOLE
from tests.browser.test_console import SIZES
from tests.walk.server import Running, courtyard, serving

PATHS = (*CONSOLE, "/knowledge", *MONEY)
WIDE = ("/assistant", "/guide", "/usage", "/keys", "/receipts/req_books", "/billing/plan", "/operate/prices")
QUESTION = "ما هو الفناء الداخلي؟"


@pytest.fixture(scope=SCOPE)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose house has a contract, an invoice, and use; its operator has a seat."""
    data_dir = tmp_path_factory.mktemp("languages") / "data"
    books.furnish(data_dir)
    with serving(data_dir) as running:
        courtyard("seats", "assign", FIRST_EMAIL, data_dir=data_dir)
        yield running


@pytest.mark.parametrize(("size", "paths"), [("desk", CONSOLE), ("phone", PATHS)], ids=SIZES)
def test_every_page_turns_round_in_arabic(
    open_page: Open, shot: Shot, server: Running, size: str, paths: tuple[str, ...]
) -> None:
    """The page begins at the right, nothing overflows, and what is code reads from the left."""
    page = open_page("/billing/invoices", width=SIZES[size], dark=size == "phone", language="ar")
    number = page.locator("tbody th a").first.inner_text()
    for path in (*paths, f"/billing/invoices/{number}"):
        page.goto(server.url + path)
        expect(page.locator("h1")).to_be_visible()
        name = path[1:].replace("/", "-").replace(number, "number")
        shot(page, f"ar-{name}-{size}")

        assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
        assert _overflow(page) <= 0, path
        assert page.evaluate(_WRONG_WAY) == [], path


_WRONG_WAY = """() => {
  const wrong = [];
  for (const one of document.querySelectorAll("code, pre, .mono, input[type=email], input[type=password]")) {
    if (getComputedStyle(one).direction !== "ltr") wrong.push(one.outerHTML);
  }
  for (const one of document.querySelectorAll(".icon.turns, .bar")) {
    const turned = getComputedStyle(one).transform === "matrix(-1, 0, 0, 1, 0, 0)";
    if (one.checkVisibility() && !turned) wrong.push(one.outerHTML);
  }
  const brand = document.querySelector(".brand").getBoundingClientRect();
  if (brand.left < innerWidth / 2) wrong.push("the brand");
  return wrong;
}"""
"""Lists what stands the wrong way round on a page that is read from right to left."""


@pytest.mark.parametrize("size", SIZES)
def test_a_person_chats_in_arabic(open_page: Open, shot: Shot, size: str) -> None:
    """The conversations stand at the right; an English answer in between reads from the left."""
    page = open_page("/assistant", width=SIZES[size], language="ar")
    page.select_option("#model", "echo")
    for question in (QUESTION, "What is a courtyard?"):
        page.fill("#text", question)
        page.press("#text", "Enter")
        expect(page.locator(".message").last).to_have_class(re.compile("complete"))
        expect(page.locator(".said").last).to_have_text(question)
    shot(page, f"ar-assistant-{size}")

    assert _overflow(page) <= 0
    assert page.locator(".said").first.evaluate("one => getComputedStyle(one).direction") == "rtl"
    assert page.locator(".said").last.evaluate("one => getComputedStyle(one).direction") == "ltr"
    assert page.locator("#send .icon").evaluate("one => getComputedStyle(one).transform") == "matrix(-1, 0, 0, 1, 0, 0)"
    if size == "desk":
        assert page.locator("#threads").bounding_box()["x"] > page.locator("#messages").bounding_box()["x"]


@pytest.mark.parametrize("language", ["fr", "ru", "sw"])
def test_no_page_is_wider_than_a_phone(open_page: Open, shot: Shot, server: Running, language: str) -> None:
    """Words have other lengths in each language; none of them makes a page scroll sideways."""
    page = open_page("/guide", width=SIZES["phone"], language=language)
    shot(page, f"{language}-guide-phone")
    for path in WIDE:
        page.goto(server.url + path)
        expect(page.locator("h1")).to_be_visible()

        assert page.evaluate("document.documentElement.lang") == language
        assert _overflow(page) <= 0, path


def test_the_places_stand_in_a_row_at_every_desk(open_page: Open) -> None:
    """The names of all places fit beside each other in every language, or stand behind a button."""
    page = open_page("/account")
    url = page.url
    for language in Languages.installed().all:
        page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language.code, "url": url}])
        page.goto(url)
        for width in (1100, 1160, 1280, 1450):
            page.set_viewport_size({"width": width, "height": 850})

            assert _overflow(page) <= 0, (language.code, width)


def test_a_language_is_picked_from_a_menu_that_fits(open_page: Open, shot: Shot) -> None:
    """Every language is there in its own letters, on a phone too; what is chosen holds."""
    page = open_page("/guide", width=SIZES["phone"])
    page.get_by_role("button", name="You and your settings").click()
    menu = page.locator("#me")
    expect(menu.get_by_role("group", name="Language").get_by_role("button")).to_have_count(6)
    shot(page, "languages-phone")
    assert menu.evaluate("one => one.scrollWidth <= one.clientWidth")
    menu.get_by_role("button", name="العربية").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("منصتك جاهزة")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")


def _overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
