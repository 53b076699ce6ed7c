"""People chat: in a real browser, with a real server, on a desk and on a phone, in English and in Chinese."""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shot
from tests.browser.hostile import HOSTILE
from tests.browser.scripts import CONTRAST, DRAW
from tests.browser.slow import slow_upstream
from tests.engines.upstream_server import UpstreamServer
from tests.walk.server import Running, courtyard, serving

PHONE: dict[str, Any] = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
TAGS = {
    *("a", "blockquote", "br", "button", "code", "div", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"),
    *("s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
ATTRIBUTES = {
    *("class", "data-coloured", "data-copy-code", "data-language", "dir", "href", "rel", "start", "tabindex"),
    *("target", "title", "type"),
}
LONG = " ".join(f"word{number}" for number in range(600))


@pytest.fixture(scope="module")
def upstream() -> Iterator[UpstreamServer]:
    with slow_upstream(delay_ms=25) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: UpstreamServer) -> Iterator[Running]:
    """A server with two models: `echo` answers at once, `slow` a word at a time."""
    with serving(tmp_path_factory.mktemp("assistant") / "data") as running:
        courtyard("models", "add", "slow", "--url", upstream.url, "--upstream-model", "m", data_dir=running.data_dir)
        yield running


@pytest.fixture
def visit(open_page: Open) -> Open:
    """Open the assistant, or another page: `visit(width=390, dark=True, language="zh-CN")`."""
    expect.set_options(timeout=10_000)
    return partial(open_page, "/assistant")


def ask(page: Page, text: str, *, model: str = "echo", wait: bool = True) -> None:
    """Type a question and press Enter."""
    page.select_option("#model", model)
    page.fill("#text", text)
    page.press("#text", "Enter")
    if wait:
        expect(page.locator(".message").last).to_have_class(re.compile("complete"))


def fits(page: Page) -> bool:
    """Whether nothing makes the page scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_person_chats_and_sees_what_it_cost(visit: Open):
    """The answer is drawn as Markdown, says that a machine made it, and leads to its receipt; it is there tomorrow."""
    page = visit()
    ask(page, "**Hello** `there`\n\n- one\n- two")
    answer = page.locator(".answer").last
    facts = answer.locator(".facts-line")

    expect(answer.locator(".said strong")).to_have_text("Hello")
    expect(answer.locator(".said li")).to_have_text(["one", "two"])
    expect(facts).to_contain_text("AI-generated")
    expect(facts).to_contain_text("home")
    expect(facts).to_contain_text(re.compile(r"\d+ → \d+ tokens"))
    expect(facts).to_contain_text(re.compile(r"\$0\.\d{2,}"))
    expect(page).to_have_url(re.compile("/assistant/conv_"))
    expect(page.locator(".thread [aria-current]")).to_have_text("Hello there")
    page.reload()
    expect(page.locator(".answer .said strong")).to_have_text("Hello")
    page.locator(".answer").last.get_by_role("link", name="Receipt").click()
    expect(page).to_have_url(re.compile("/receipts/req_"))


def test_an_answer_is_stopped_midway(visit: Open, upstream: UpstreamServer):
    """What came stays, is paid for, and the model is hung up; the next question is welcome."""
    page = visit()
    ask(page, LONG, model="slow", wait=False)
    expect(page.locator(".answering .said")).to_contain_text("word5")
    page.keyboard.press("Escape")
    answer = page.locator(".answer.stopped")
    expect(answer).to_contain_text("was stopped")
    words = len(answer.locator(".said").inner_text().split())
    counted = re.search(r"→ (\d+) tokens", answer.inner_text())

    assert counted is not None
    assert int(counted[1]) == words < 600
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#text")).to_be_focused()
    page.reload()
    assert len(page.locator(".answer .said").inner_text().split()) == words
    ask(page, "again")
    assert sum(body["messages"][-1]["content"] == LONG for body in upstream.bodies) == 1


def test_an_answer_is_made_again_and_both_stay(visit: Open):
    """Variants are switched in place, and survive a reload."""
    page = visit()
    ask(page, "once more")
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".variants")).to_contain_text("2 / 2")
    expect(page.locator(".answer")).to_have_count(1)
    page.get_by_role("button", name="Earlier answer").click()
    expect(page.locator(".variants")).to_contain_text("1 / 2")
    page.reload()
    expect(page.locator(".variants")).to_contain_text("1 / 2")


def test_a_question_is_asked_in_other_words(visit: Open):
    """The last question can be edited in place; Escape leaves it as it was."""
    page = visit()
    ask(page, "first wrods")
    page.locator(".message.user").hover()
    page.get_by_role("button", name="Edit").click()
    page.keyboard.press("Escape")
    expect(page.locator(".asked")).to_have_text("first wrods")
    page.locator(".message.user").hover()
    page.get_by_role("button", name="Edit").click()
    page.locator(".rewrite textarea").fill("first words")
    page.keyboard.press("Enter")
    expect(page.locator(".answer.complete .said")).to_have_text("first words")
    expect(page.locator(".message")).to_have_count(2)


def test_nothing_hostile_gets_out_of_an_answer(visit: Open):
    """Whatever a model writes: no script runs, nothing is loaded, and links go to the web or to mail, safely."""
    page = visit()
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    for text, found in zip(HOSTILE, page.evaluate(DRAW, HOSTILE), strict=True):
        assert set(found["tags"]) <= TAGS, text
        assert set(found["attributes"]) <= ATTRIBUTES, text
        for href, rel, target in found["links"]:
            assert re.match("https?:|mailto:", href), text
            assert (rel, target) == ("noopener noreferrer", "_blank"), text

    assert page.evaluate("window.hacked") is None


def test_nothing_hostile_gets_out_of_a_conversation(visit: Open):
    """The same as question, streamed answer, stored answer, title and search."""
    page = visit()
    hostile = "\n\n".join(HOSTILE)
    ask(page, hostile)
    page.reload()
    page.locator(".thread").first.hover()
    page.locator(".thread button").first.click()
    page.fill("#manage-name", "<img src=x onerror=window.hacked=1>")
    page.keyboard.press("Enter")
    expect(page.locator("#talk-title")).to_have_text("<img src=x onerror=window.hacked=1>")
    page.fill("#search", "<script>")
    expect(page.locator(".thread")).to_have_count(1)

    assert page.evaluate("window.hacked") is None
    assert page.locator(".log :is(img, script, svg:not(.icon, .mark), iframe, object, style, form)").count() == 0


def test_formulas_are_drawn_and_money_is_not(visit: Open):
    """Between dollars, brackets and parentheses; whatever one asks for, no link, picture or style comes of it."""
    page = visit()
    ask(page, FORMULAS)
    said = page.locator(".answer .said")
    expect(said.locator("math")).to_have_count(5)
    tags = set(page.evaluate("[...document.querySelectorAll('.said math *')].map((one) => one.localName)"))

    expect(said).to_contain_text("It costs $5 and $10, or $5-$10.")
    expect(said.locator("mfrac")).to_have_count(1)
    expect(said.locator("code")).to_have_text(["\\nosuch", "$x$"])
    assert tags <= {"mfrac", "mi", "mn", "mo", "mrow", "mstyle", "msup", "mtext"}
    assert page.locator(".said :is(a, img, [style], [id])").count() == 0
    assert page.evaluate("window.hacked") is None


def test_code_is_coloured_and_copied(visit: Open):
    """A block names its language, and its button copies the code and nothing else."""
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    ask(page, "```python\ndef double(x):\n    return 2 * x\n```")
    block = page.locator(".code-block")

    expect(block.locator(".code-head span")).to_have_text("python")
    expect(block.locator(".hljs-keyword").first).to_have_text("def")
    block.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == "def double(x):\n    return 2 * x\n"


def test_chinese_is_typed_asked_and_answered(visit: Open):
    """An Enter that ends the composing of a word sends nothing; the page and its label are in Chinese."""
    page = visit(language="zh-CN")
    expect(page.locator("[data-example]").last).to_have_text("用表格比较 SQLite 和 PostgreSQL")
    page.select_option("#model", "echo")
    page.focus("#text")
    composing = page.context.new_cdp_session(page)
    composing.send("Input.imeSetComposition", {"text": "zhu yi", "selectionStart": 6, "selectionEnd": 6})
    page.evaluate(
        """document.getElementById("text").dispatchEvent(new KeyboardEvent("keydown", {
          key: "Enter", isComposing: true, bubbles: true, cancelable: true }))"""
    )
    expect(page.locator(".message")).to_have_count(0)
    composing.send("Input.insertText", {"text": "**注意：**下文"})
    expect(page.locator("#text")).to_have_value("**注意：**下文")
    page.keyboard.press("Enter")
    answer = page.locator(".answer.complete")

    expect(answer.locator("strong")).to_have_text("注意：")
    expect(answer.locator(".facts-line")).to_contain_text("AI 生成")


def test_shift_and_enter_begin_a_new_line(visit: Open):
    """The box grows with what is typed, and shrinks again when it was sent."""
    page = visit()
    page.select_option("#model", "echo")
    height = page.locator("#text").bounding_box()["height"]  # type: ignore[index]
    page.focus("#text")
    page.keyboard.type("one")
    for _ in range(4):
        page.keyboard.press("Shift+Enter")
    page.keyboard.type("five")
    assert page.locator("#text").bounding_box()["height"] > height * 2  # type: ignore[index]
    page.keyboard.press("Enter")
    expect(page.locator(".asked")).to_have_text("one\n\n\n\nfive", use_inner_text=True)
    assert page.locator("#text").bounding_box()["height"] == height  # type: ignore[index]


def test_it_works_on_a_phone(visit: Open):
    """Nothing scrolls sideways; conversations are in a drawer; Enter is a new line and the button sends."""
    page = visit(**PHONE)
    assert fits(page)
    page.select_option("#model", "echo")
    page.fill("#text", "| a | b |\n|---|---|\n| " + "wide " * 40 + " | 2 |\n\n```\n" + "long " * 60 + "\n```")
    page.press("#text", "Enter")
    expect(page.locator(".message")).to_have_count(0)
    page.locator("#send").tap()
    expect(page.locator(".answer.complete")).to_be_visible()
    assert fits(page)
    assert page.locator("#threads").is_hidden()
    page.locator(".threads-button").tap()
    expect(page.locator("#threads")).to_be_visible()
    page.locator(".thread button").first.tap()
    expect(page.locator("#manage")).to_be_visible()
    assert fits(page)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_can_be_read_in_the_light_and_in_the_dark(visit: Open, dark: bool):
    """Every text of an answer stands out from its ground by 4.5 to 1, as WCAG asks."""
    page = visit(dark=dark)
    ask(
        page,
        "Text, [link](https://example.org), `code`\n\n> quote\n\n```python\ndef f(x: int): # note\n    return 'a'\n```",
    )
    expect(page.locator(".hljs-keyword").first).to_be_visible()
    faint = page.evaluate(CONTRAST)

    assert faint == []


def test_the_list_follows_and_whoever_reads_back_is_left_alone(visit: Open):
    """The page follows a growing answer until the reader scrolls up; a button leads back to its end."""
    page = visit(height=500)
    ask(page, "\n\n".join(f"line {number}" for number in range(40)))
    ask(page, LONG, model="slow", wait=False)
    expect(page.locator(".answering .said")).to_contain_text("word20")
    assert page.evaluate("log.scrollHeight - log.clientHeight - log.scrollTop < 30")
    page.mouse.move(700, 250)
    page.mouse.wheel(0, -400)
    expect(page.locator("#latest")).to_be_visible()
    top = page.evaluate("log.scrollTop")
    expect(page.locator(".answering .said")).to_contain_text("word60")
    assert page.evaluate("log.scrollTop") == top
    page.locator("#latest").click()
    expect(page.locator("#latest")).to_be_hidden()
    page.locator("#stop").click()
    expect(page.locator(".answer.stopped")).to_be_visible()


def test_a_second_window_waits_for_the_first(visit: Open, open_page: Open):
    """A question to a conversation that is being answered is refused and kept in its box; the answer appears there."""
    first = visit()
    ask(first, LONG, model="slow", wait=False)
    expect(first.locator(".answering .said")).to_contain_text("word5")
    second = open_page(urlsplit(first.url).path)
    expect(second.locator(".answering")).to_be_visible()
    second.fill("#text", "me too")
    second.press("#text", "Enter")
    expect(second.locator(".toast.problem")).to_contain_text("being answered")
    expect(second.locator("#text")).to_have_value("me too")
    first.locator("#stop").click()
    expect(second.locator(".answer.stopped")).to_be_visible()


def test_conversations_are_searched_renamed_and_deleted(visit: Open):
    """All from the list, with a question before anything is lost."""
    page = visit()
    ask(page, "A zebra crossing")
    page.fill("#search", "zebra")
    expect(page.locator(".thread")).to_have_count(1)
    page.locator(".thread").hover()
    page.locator(".thread button").click()
    page.fill("#manage-name", "Stripes")
    page.keyboard.press("Enter")
    expect(page.locator("#talk-title")).to_have_text("Stripes")
    expect(page).to_have_title("Stripes · Courtyard")
    page.locator(".thread").hover()
    page.locator(".thread button").click()
    page.locator("#manage-delete").click()
    expect(page.locator("#deletion-name")).to_have_text("Stripes")
    page.locator("#deletion").get_by_role("button", name="Cancel").click()
    expect(page.locator(".thread")).to_have_count(1)
    page.locator(".thread").hover()
    page.locator(".thread button").click()
    page.locator("#manage-delete").click()
    page.locator("#deletion-confirm").click()
    expect(page).to_have_url(re.compile("/assistant$"))
    page.fill("#search", "zebra")
    expect(page.locator(".thread")).to_have_count(0)


def test_a_refusal_says_what_to_do(visit: Open, upstream: UpstreamServer):
    """An engine that fails is told in place; answering again with it working puts the answer there."""
    upstream.next_statuses += [(500, {"error": {"message": "out of order"}}, [])] * 3
    page = visit()
    ask(page, "hello", model="slow", wait=False)
    failure = page.locator(".answer.failed [role=alert]")
    expect(failure).to_contain_text("No answer.")
    expect(failure).to_contain_text("choose another model")
    page.select_option("#model", "echo")
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".answer.complete .said")).to_have_text("hello")
    expect(page.locator(".answer")).to_have_count(1)


def test_a_connection_that_breaks_loses_no_question(visit: Open):
    """What was typed stays in the box when the server can't be reached."""
    page = visit()
    page.fill("#text", "are you there?")
    page.context.set_offline(True)
    page.press("#text", "Enter")
    expect(page.locator(".toast.problem")).to_be_visible()
    expect(page.locator("#text")).to_have_value("are you there?")
    page.context.set_offline(False)
    page.press("#text", "Enter")
    expect(page.locator(".answer.complete")).to_be_visible()


def test_everything_can_be_reached_by_keyboard(visit: Open):
    """From the box, Tab leads over files, knowledge, model and button; examples are buttons, conversations links."""
    page = visit()
    page.get_by_role("button", name="Draft a friendly reminder").press("Enter")
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#text")).to_have_value(re.compile("Draft a friendly"))
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))

    assert reached == ["files", "knowledge-button", "model", "send"]
    assert json.loads(page.locator("#assistant-words").inner_text())["copied"]


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_it_looks_as_it_should(visit: Open, shot: Shot, size: str, dark: bool, language: str):
    """Everything there is to show, for people to look at; nothing of it overflows."""
    options = PHONE if size == "phone" else {}
    page = visit(dark=dark, language=language, **options)
    name = f"{size}-{'dark' if dark else 'light'}-{language[:2]}"
    expect(page.locator("#welcome")).to_be_visible()
    shot(page, f"assistant-welcome-{name}")
    page.select_option("#model", "echo")
    page.fill("#text", SHOWN[language])
    page.locator("#send").click()
    expect(page.locator(".answer.complete .hljs-keyword").first).to_be_visible()
    shot(page, f"assistant-{name}")
    assert fits(page)


FORMULAS = r"""It costs $5 and $10, or $5-$10. Here $a^2$ and \(b\).

$$
\frac{1}{2}
$$

\[ \href{javascript:window.hacked=1}{x} \]

$\includegraphics{https://evil.example/x.png}$ and $\nosuch$, and `$x$`
"""

SHOWN = {
    "en-US": """## Double entry

Each transaction touches **two accounts**:

1. what comes in is a *debit*
2. what goes out is a *credit*

| Account | Debit | Credit |
|---|--:|--:|
| Cash | 100.00 | |
| Sales | | 100.00 |

```python
def balanced(entries: list[int]) -> bool:
    return sum(entries) == 0  # Always.
```""",
    "zh-CN": """## 复式记账

每一笔交易都涉及**两个账户：**一个借方，一个贷方。

- **借方：**资产增加
- **贷方：**收入增加

| 账户 | 借方 | 贷方 |
|---|--:|--:|
| 现金 | 100.00 | |
| 收入 | | 100.00 |

```python
def 平衡(分录: list[int]) -> bool:
    return sum(分录) == 0  # 合计为零
```""",
}
