"""People bring documents, ask about them, and see on the page what an answer stands on: with the embedded model."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.papers import RULES, scanned
from tests.browser.scripts import CONTRAST
from tests.walk.server import Running, courtyard, serving

PHONE: dict[str, Any] = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
READ_MS = 60_000
"""The first document waits until who reads it has started, and what reads pictures is loaded."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Iterator[Running]:
    """A server with the small model, which quotes, and a collection that is empty."""
    environ = {"COURTYARD_MODELS__DIRECTORY": str(small_model.parent)}
    with serving(tmp_path_factory.mktemp("knowledge") / "data", model="small", environ=environ) as running:
        courtyard("knowledge", "create", "travel", "--title", "Travel", data_dir=running.data_dir)
        yield running


def paper(name: str, content: str | bytes) -> Any:
    """A file as a browser is given it."""
    data = content if isinstance(content, bytes) else content.encode()
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def ask(page: Page, text: str) -> None:
    """Ask, and wait for the answer."""
    count = page.locator(".answer").count()
    page.fill("#text", text)
    page.locator("#send").click()
    expect(page.locator(".answer.complete")).to_have_count(count + 1, timeout=READ_MS)


def fits(page: Page) -> bool:
    """Whether nothing makes the page scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_scanned_chinese_page_is_brought_asked_about_and_opened(open_page: Open, shot: Shot):
    """The answer quotes it by number; the number opens the page itself, with the place marked, beside the answer."""
    page = open_page("/knowledge/travel", language="zh-CN")
    content = scanned(
        "差旅管理制度", "", "第一条 乘坐高铁一等座须经财务处王建国批准。", "第二条 住宿每晚不超过六百元。"
    )
    page.set_input_files("#files", [paper("差旅制度.pdf", content), paper("broken.pdf", b"%PDF-1.7 nothing more")])
    expect(page.locator('#uploads [data-state="ready"]')).to_have_count(1, timeout=READ_MS)
    expect(page.locator('#uploads [data-state="failed"]')).to_have_count(1, timeout=READ_MS)
    expect(page.locator(".documents .reason")).to_be_visible()
    shot(page, "knowledge-documents-desk-light-zh")
    page.get_by_role("link", name="就此提问").click()
    ask(page, "高铁一等座须经谁批准？")
    answer = page.locator(".answer.complete")

    expect(answer).to_contain_text("王建国")
    expect(answer.locator(".facts-line")).to_contain_text("摘自文档")
    answer.locator(".cite").first.click()
    source = page.locator("#source")
    expect(source).to_contain_text("王建国")
    expect(source.locator(".sheet rect").first).to_be_visible()
    expect(source.locator("img")).not_to_have_js_property("naturalWidth", 0)
    expect(source.locator(".path")).to_be_visible()
    shot(page, "knowledge-source-desk-light-zh")
    source.get_by_role("button", name="有帮助", exact=True).click()
    expect(page.locator(".toast").last).to_contain_text("已记录")
    page.keyboard.press("Escape")
    expect(source).to_be_hidden()
    expect(answer.locator(".cite").first).to_be_focused()


def test_a_file_is_brought_to_a_conversation_that_is_then_shared(open_page: Open, shot: Shot):
    """It is asked about when it is read; what it does not say is not found; whoever has the link reads, and no more."""
    page = open_page("/assistant")
    page.evaluate(DROP, [RULES, "rules.md"])
    expect(page.locator('#attached [data-state="ready"]')).to_be_visible(timeout=READ_MS)
    expect(page.locator("#knowledge-button")).to_contain_text("My files")
    ask(page, "Who gives consent to first class?")
    expect(page.locator(".answer").last).to_contain_text("Margaret Okafor")
    expect(page.locator(".sources button").first).to_contain_text("Travel rules")
    page.reload()
    expect(page.locator(".answer .cite").first).to_be_visible()
    expect(page.locator("#knowledge-button")).to_contain_text("My files")
    ask(page, "Which stars does Zorblax orbit?")
    expect(page.locator(".answer").last.locator(".facts-line")).to_contain_text("Not found")
    page.locator("#share-button").click()
    page.locator("#share-make").click()
    expect(page.locator("#share-link")).to_have_value(re.compile("/assistant/shared/"))
    link = page.input_value("#share-link")
    page.goto(link)
    expect(page.locator(".answer")).to_have_count(2)
    expect(page.locator("#composer")).to_have_count(0)
    page.locator(".cite").first.click()
    expect(page.locator("#source mark")).to_contain_text("Margaret Okafor")
    shot(page, "knowledge-shared-desk-light-en")


@pytest.mark.parametrize(("size", "dark"), [("desk", True), ("phone", False)], ids=["desk-dark", "phone-light"])
def test_it_looks_as_it_should(open_page: Open, shot: Shot, size: str, dark: bool):
    """Pages of knowledge fit, and every text of an answer with its source can be read."""
    options = PHONE if size == "phone" else {}
    page = open_page("/knowledge/travel", dark=dark, **options)
    page.set_input_files("#files", [paper(f"rules-{size}.md", f"{RULES}\nFor the {size}.")])
    expect(page.locator("#uploads [data-state]")).to_have_count(1, timeout=READ_MS)
    name = f"{size}-{'dark' if dark else 'light'}-en"
    for place, path in PLACES.items():
        page.goto(f"{page.url.partition('/knowledge')[0]}{path}")
        assert fits(page), place
        shot(page, f"knowledge-{place}-{name}")
    page.locator(".neighbours summary").first.press("Enter")
    page.locator(".neighbours [data-passage]").first.click()
    expect(page.locator("#source mark")).to_be_visible()
    page.goto(f"{page.url.partition('/knowledge')[0]}/assistant?knowledge=travel")
    page.locator("#knowledge-button").click()
    expect(page.locator("#knowledge")).to_be_visible()
    assert fits(page)
    page.keyboard.press("Escape")
    ask(page, "What is paid for a night in Mombasa?")
    page.locator(".sources button").first.click()
    expect(page.locator("#source mark")).to_be_visible()
    assert fits(page)
    assert page.evaluate(CONTRAST) == []
    shot(page, f"knowledge-answer-{name}")


PLACES = {
    "collections": "/knowledge",
    "documents": "/knowledge/travel",
    "search": "/knowledge/travel/search?q=Who+gives+consent+to+first+class",
    "graph": "/knowledge/travel/graph?entity=Margaret+Okafor",
}
DROP = """([text, name]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], name));
  const talk = document.querySelector(".talk");
  for (const kind of ["dragenter", "dragover", "drop"]) {
    talk.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}"""
"""Drops a file on the conversation."""
