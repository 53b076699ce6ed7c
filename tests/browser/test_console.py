"""The console as people meet it: with a mouse, with a keyboard, on a phone, in the dark, in two languages."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.walk.server import Running

PATHS = ("/guide", "/models", "/usage", "/receipts", "/keys", "/account", "/nothing")
SIZES = {"desk": 1280, "phone": 390}


def _ask(page: Page, question: str) -> None:
    """Try the first model with a question, and wait for what it cost."""
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + "/models")
    page.get_by_text("Try it").first.click()
    page.get_by_label("Question").first.fill(question)
    page.get_by_role("button", name="Ask").first.click()
    expect(page.locator(".told").first).to_contain_text("Receipt")


def test_a_link_signs_in_once_and_leaves_the_address(open_page: Open, server: Running, shot: Shot) -> None:
    """A used link leads to a page that says so, and no secret stays in the address bar."""
    page = open_page(server.sign_in.removeprefix(server.url), signed_in=False)
    address = page.url
    shot(page, "sign-in-link")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_contain_text("used or is too old")
    assert "token" not in address
    shot(page, "sign-in")


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_stays_at_home(open_page: Open, shot: Shot, size: str, dark: bool, language: str) -> None:
    """At a desk and on a phone, light and dark, in both languages: nothing overflows, breaks, or asks elsewhere."""
    page = open_page("/guide", width=SIZES[size], dark=dark, language=language)
    for path in PATHS:
        page.goto(re.sub(r"(https?://[^/]+).*", r"\1", page.url) + path)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path
        assert page.evaluate("document.documentElement.lang") == language[:2]
        shot(page, f"{path[1:]}-{size}-{'dark' if dark else 'light'}-{language[:2]}")


def test_every_field_and_button_has_a_name(open_page: Open) -> None:
    """A screen reader has something to say for each of them."""
    for path in PATHS:
        page = open_page(path)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, a, input:not([type=hidden]), select, textarea")]
              .filter((one) => !(one.innerText || one.textContent || "").trim() && !one.labels?.length
                && !one.getAttribute("aria-label"))
              .map((one) => one.outerHTML)"""
        )

        assert nameless == [], path


def test_the_keyboard_reaches_everything(open_page: Open) -> None:
    """The first stop skips to the content; menus and dialogs open and close without a mouse."""
    page = open_page("/keys")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Create a key").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Create a key").first).to_be_focused()


def test_the_navigation_of_a_phone_opens_and_closes(open_page: Open, shot: Shot) -> None:
    """Behind one button; Escape closes it, and a place leads there."""
    page = open_page("/usage", width=390)
    places = page.get_by_role("navigation", name="Pages")
    expect(places).to_be_hidden()
    page.get_by_role("button", name="Pages").click()
    expect(places).to_be_visible()
    shot(page, "navigation-phone")
    page.keyboard.press("Escape")
    expect(places).to_be_hidden()
    page.get_by_role("button", name="Pages").click()
    places.get_by_role("link", name="Keys").click()
    expect(page).to_have_url(re.compile("/keys$"))


def test_a_key_is_made_copied_and_revoked(open_page: Open, server: Running, shot: Shot) -> None:
    """Its secret can be copied while it is shown; what can't be undone is asked twice."""
    page = open_page("/keys", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Create a key").first.click()
    page.get_by_label("Name", exact=True).fill("<b>nightly</b> job")
    page.get_by_label("Requests a minute").fill("60")
    shot(page, "keys-create")
    page.get_by_role("dialog").get_by_role("button", name="Create a key").click()
    secret = page.locator("#secret").inner_text()
    shot(page, "keys-made")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret

    revoke = page.get_by_role("button", name="Revoke “<b>nightly</b> job”")
    revoke.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(revoke).to_be_visible()
    revoke.click()
    shot(page, "keys-revoke")
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("The key is revoked.")).to_be_visible()
    expect(revoke).to_be_hidden()
    expect(page).to_have_url(re.compile("/keys$"))


def test_a_model_is_tried_and_its_receipt_explains_the_cost(page: Page, shot: Shot) -> None:
    """The answer streams in; under it stand tokens, cost and region, and the way to its receipt."""
    _ask(page, "Say <i>hello</i> to the courtyard.")
    expect(page.locator(".answer .text").first).to_have_text("Say <i>hello</i> to the courtyard.")
    shot(page, "models-tried")
    page.get_by_role("link", name="Receipt", exact=True).first.click()
    expect(page.get_by_role("heading", name="What it cost and why")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("for one request")
    shot(page, "receipt")


def test_usage_is_drawn_and_told(page: Page, shot: Shot) -> None:
    """The plot has ink, changes with what is measured and with the light; the table says the same in numbers."""
    _ask(page, "Count me.")
    page.goto(page.url.replace("/models", "/usage?by=model"))
    _inked(page)
    page.get_by_role("group", name="What is drawn").get_by_text("Cost").click()
    _inked(page)
    page.get_by_text("The same as a table").click()
    expect(page.locator("#plot-table tbody tr").first).to_be_visible()
    shot(page, "usage-cost")

    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    rows = json.loads(download.value.path().read_text())
    assert sum(row["requests"] for row in rows) >= 1


def _inked(page: Page) -> None:
    """Wait until the plot has bars: pixels with a colour, where axes and letters are grey."""
    page.wait_for_function(
        """() => {
          const canvas = document.querySelector("#plot canvas");
          if (!canvas) return false;
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let coloured = 0;
          for (let at = 0; at < data.length; at += 4) {
            const [red, green, blue, opaque] = data.slice(at, at + 4);
            if (opaque === 255 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) coloured += 1;
          }
          return coloured > 100;
        }"""
    )


def test_language_and_light_are_kept(open_page: Open, shot: Shot) -> None:
    """Chosen once, they hold on every page after; the light changes at once, without a reload."""
    page = open_page("/guide")
    page.get_by_role("button", name="You and your settings").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 20, 19)"
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("一切就绪")
    page.goto(page.url.replace("/guide", "/keys"))
    expect(page.get_by_role("heading", level=1)).to_have_text("密钥")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    shot(page, "kept-dark-zh")


def test_a_session_that_ended_leads_to_the_sign_in_page_and_back(open_page: Open) -> None:
    """Whoever comes back later signs in and stands where they were going."""
    page = open_page("/usage?by=key", signed_in=False)

    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fusage%3Fby%3Dkey"))
    expect(page.get_by_label("E-mail address")).to_be_focused()


def test_pages_work_without_their_scripts(open_page: Open) -> None:
    """Reading needs no script: pages, tables, the phone's navigation and the switches are the browser's own."""
    page = open_page("/usage", width=390, java_script_enabled=False)
    page.get_by_role("button", name="Pages").click()
    page.get_by_role("link", name="Receipts").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Receipts")
    page.get_by_role("button", name="You and your settings").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("收据")
