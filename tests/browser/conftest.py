"""A real browser before a real server, neither of which reaches any other."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, StorageState, expect, sync_playwright

from tests.walk.server import Running, serving

# The browser's event loop runs for as long as it is open, and then no other test may run one: so it closes with the
# last test of each file.
SCOPE = "module"

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE_MS = 10_000
_SCREENSHOTS = Path(__file__).parent / "screenshots"

Open = Callable[..., Page]
Shot = Callable[[Page, str], None]


@pytest.fixture(scope=SCOPE)
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that `COURTYARD_CHROMIUM` names."""
    path = os.environ.get("COURTYARD_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "install chromium (tools/system.sh does), or set COURTYARD_CHROMIUM to its path"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS])
        expect.set_options(timeout=_PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture(scope=SCOPE)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with the echo model, in a process of its own."""
    with serving(tmp_path_factory.mktemp("browser") / "data") as running:
        yield running


@pytest.fixture(scope=SCOPE)
def session(browser: Browser, server: Running) -> StorageState:
    """The cookies of the operator, signed in by the link that the server printed."""
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(server.sign_in)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/assistant")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def open_page(browser: Browser, server: Running, session: StorageState) -> Iterator[Open]:
    """Open a page in a browser of its own: `open_page("/keys", width=390, dark=True, language="zh-CN")`.

    A script that fails, a refusal by the content policy, and a request to any other server fail the test.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(
        path: str = "/",
        *,
        width: int = 1280,
        height: int = 850,
        dark: bool = False,
        language: str = "en-US",
        signed_in: bool = True,
        **options: Any,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=language,
            storage_state=session if signed_in else None,
            **options,
        )
        contexts.append(context)
        context.route(lambda url: urlsplit(url).netloc != urlsplit(server.url).netloc, _refuse(wrong))
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
        page.on("console", lambda message: _listen(message, wrong))
        page.goto(f"{server.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(open_page: Open) -> Page:
    """The operator's browser, at a desk."""
    return open_page()


@pytest.fixture
def shot() -> Shot:
    """Keep what a page looks like, for people to look at."""
    _SCREENSHOTS.mkdir(exist_ok=True)

    def shot(page: Page, name: str) -> None:
        page.screenshot(path=_SCREENSHOTS / f"{name}.png", full_page=True)

    return shot


def _refuse(wrong: list[str]) -> Callable[[Route], None]:
    def refuse(route: Route) -> None:
        wrong.append(f"asked elsewhere: {route.request.url}")
        route.abort()

    return refuse


def _listen(message: Any, wrong: list[str]) -> None:
    # A browser also writes an error for every refusal that a page handles; those are for the page's own test.
    if message.type == "error" and not message.text.startswith("Failed to load resource"):
        wrong.append(f"console: {message.text}")
