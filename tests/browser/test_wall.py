"""The wall's pages as people meet them: they fit, everything has a name, and the bench and the playground work."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import walls
from tests.browser.conftest import SCOPE, Open, Shot
from tests.browser.test_billing import _NAMELESS
from tests.browser.test_console import SIZES
from tests.walk.server import Running, serving

PATHS = (
    "/wall/providers",
    "/wall/providers/acme",
    "/wall/decisions",
    f"/wall/decisions/{walls.REQUEST}",
    "/wall/packs",
    "/wall/packs/neutral-strict",
    "/wall/packs/neutral-strict/edit",
    "/wall/privacy",
    "/wall/subjects",
    "/wall/evidence",
    "/wall/evidence/packs/new?kind=impact",
    "/wall/tests",
)
_RUNS: list[str] = []


@pytest.fixture(scope=SCOPE)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose house has a provider, a pack in force, and records."""
    data_dir = tmp_path_factory.mktemp("wall") / "data"
    _RUNS.append(walls.furnish(data_dir))
    with serving(data_dir) as running:
        yield running


@pytest.mark.parametrize(
    ("size", "dark", "language"), [("desk", False, "en-US"), ("phone", True, "zh-CN"), ("phone", False, "ar")]
)
def test_every_page_fits_and_everything_on_it_has_a_name(
    open_page: Open, shot: Shot, server: Running, size: str, dark: bool, language: str
) -> None:
    """At a desk in the light and on a phone in the dark: nothing overflows, breaks, or has no name."""
    page = open_page("/wall", width=SIZES[size], dark=dark, language=language)
    page.wait_for_selector("#plot canvas")
    case = page.request.get(f"{server.url}/wall/subjects.json").json()[0]["case"]
    for path in (*PATHS, f"/wall/tests/{_RUNS[-1]}", f"/wall/subjects/{case}"):
        page.goto(server.url + path)
        expect(page.locator("h1")).to_be_visible()
        if path == PATHS[0]:
            page.wait_for_selector("#plot canvas")
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path
        assert page.evaluate(_NAMELESS) == [], path
        assert page.evaluate("document.documentElement.lang") == language[:2]
        name = path[1:].split("?")[0].replace("/", "-").replace(_RUNS[-1], "run").replace(case, "case")
        shot(page, f"{name}-{size}-{language[:2]}")


def test_vectors_run_while_a_pack_is_written(open_page: Open, shot: Shot) -> None:
    """A rule that is taken away is seen at once, with the line of what no longer comes out; then it is saved."""
    page = open_page("/wall/packs/neutral-strict/edit")
    manifest = page.get_by_label("manifest.yaml")
    manifest.fill(manifest.input_value().replace("1.0.0", "1.1.0"))
    expect(page.locator("[data-summary]")).to_contain_text("neutral-strict@1.1.0: All")
    vectors = page.get_by_label("vectors.jsonl")
    before = vectors.input_value()
    vectors.fill(before.replace('"verdict": "pass"', '"verdict": "rewrite"', 1))
    expect(page.locator("[data-summary]")).to_contain_text("do not come out")
    expect(page.locator(".checks-list li").first).to_have_class("bad")
    shot(page, "wall-pack-failing")
    vectors.fill("{")
    expect(page.locator("[data-summary]")).to_contain_text("vectors.jsonl")
    vectors.fill(before)
    expect(page.locator("[data-summary]")).to_contain_text("All")
    page.get_by_role("button", name="Save as candidate").click()
    expect(page.get_by_text("It is not in force yet.")).to_be_visible()
    page.get_by_role("button", name="Propose", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Propose").click()
    expect(page.get_by_text("It is proposed, and waits")).to_be_visible()


def test_the_playground_shows_what_would_be_masked(open_page: Open, shot: Shot) -> None:
    """A name, an address and a number are marked where they stand, and come back as they were."""
    page = open_page("/wall/privacy", width=SIZES["phone"])
    page.get_by_label("Text").fill(
        "Ada Lovelace, ada@example.org, pays with 4111 1111 1111 1111. 请联系王小明，电话 13812345678。"
    )
    page.get_by_role("button", name="Look").click()
    expect(page.locator("mark").first).to_be_visible(timeout=60_000)
    expect(page.locator("mark.sensitive")).to_contain_text("4111")
    expect(page.locator("#masked-out")).not_to_contain_text("ada@example.org")
    expect(page.get_by_text("as it was")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    shot(page, "wall-playground-phone")


def test_stopping_a_provider_is_asked_once_more(open_page: Open, shot: Shot) -> None:
    """With a reason; and what takes it back waits for somebody else."""
    page = open_page("/wall")
    page.get_by_role("button", name="Stop Acme AI Holdings").click()
    shot(page, "wall-stop")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("A leak is being looked into")
    dialog.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("It is stopped.")).to_be_visible()
    page.get_by_role("button", name="Let Acme AI Holdings be asked again").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("It was none")
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    expect(page.get_by_text("It is proposed, and waits for a second person.")).to_be_visible()
