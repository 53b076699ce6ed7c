"""A person, the printed link, and the embedded model: the whole of it as it is used at home.

`COURTYARD_TEST_MODEL_NAME=default` takes the default model, which answers in Chinese too; its file is brought first.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.browser.conftest import Open, Shot
from tests.walk.server import Running, serving

_MODEL = os.environ.get("COURTYARD_TEST_MODEL_NAME", "small")
_ANSWER_MS = 120_000
_COUNTED = re.compile(r"→ [\d,]+")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Iterator[Running]:
    environ = {"COURTYARD_MODELS__DIRECTORY": str(small_model.parent)}
    with serving(tmp_path_factory.mktemp("embedded") / "data", model=_MODEL, environ=environ) as running:
        yield running


@pytest.fixture(scope="module")
def session(browser: Browser, server: Running) -> StorageState:
    """The cookies of whoever opened the printed link, which then opens nothing more."""
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(server.sign_in)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/assistant")
    page.goto(server.sign_in)
    state = context.storage_state()
    context.close()
    return state


@pytest.mark.slow
def test_the_embedded_model_answers_in_english(open_page: Open, shot: Shot):
    """Under the answer stands what it cost and where it ran."""
    expect.set_options(timeout=_ANSWER_MS)
    page = open_page("/assistant")
    page.fill("#text", "What is the capital of Kenya? Answer in one sentence.")
    page.press("#text", "Enter")
    expect(page.locator(".answer.complete .said")).to_contain_text("Nairobi")
    expect(page.locator(".facts-line")).to_contain_text(_COUNTED)
    expect(page.locator(".facts-line")).to_contain_text("home")
    expect(page.locator(".facts-line")).to_contain_text("$0.")
    shot(page, f"embedded-{_MODEL}-en")


@pytest.mark.slow
def test_the_embedded_model_is_asked_in_chinese(open_page: Open, shot: Shot):
    """The question stands as it was typed, the page speaks Chinese, and the small model's ramble can be stopped."""
    expect.set_options(timeout=_ANSWER_MS)
    page = open_page("/assistant", language="zh-CN")
    page.fill("#text", "肯尼亚的首都是哪里？请用一句话回答。")
    page.press("#text", "Enter")
    expect(page.locator(".question, .message").first).to_contain_text("肯尼亚的首都是哪里？")
    if _MODEL == "small":
        expect(page.locator(".answering .said")).to_contain_text(re.compile(r"\S"))
        page.keyboard.press("Escape")
    else:
        expect(page.locator(".answer.complete .said")).to_contain_text(re.compile(r"[\u4e00-\u9fff]"))
    expect(page.locator(".facts-line")).to_contain_text("AI 生成")
    expect(page.locator(".facts-line")).to_contain_text(_COUNTED)
    shot(page, f"embedded-{_MODEL}-zh")


@pytest.mark.slow
def test_an_answer_of_the_embedded_model_is_stopped_midway(open_page: Open, shot: Shot):
    """Escape stops the model; what came is kept and priced."""
    expect.set_options(timeout=_ANSWER_MS)
    page = open_page("/assistant")
    page.fill("#text", "Write a Python program that prints a calendar, and explain each line of it.")
    page.press("#text", "Enter")
    expect(page.locator(".answering .said")).to_contain_text(re.compile(r"(\S+\s+){8}"))
    page.keyboard.press("Escape")
    stopped = page.locator(".answer.stopped")
    expect(stopped).to_contain_text("was stopped")
    expect(stopped.locator(".facts-line")).to_contain_text(_COUNTED)
    expect(stopped.locator(".facts-line")).to_contain_text("$0.")
    shot(page, f"embedded-{_MODEL}-stopped")


def test_the_printed_link_works_once(open_page: Open, server: Running):
    """Who finds the link later is asked to sign in."""
    page = open_page(server.sign_in.removeprefix(server.url), signed_in=False)
    page.get_by_role("button", name="Sign in").click()

    expect(page.locator("body")).to_contain_text("used")
    assert "/assistant" not in page.url
