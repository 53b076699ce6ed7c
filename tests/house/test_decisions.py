"""Decisions are complete and listed."""

import re

from tests.house.tidy import ROOT

_DIRECTORY = ROOT / "docs" / "decisions"
_PARTS = ["Context", "Decision", "Consequences", "Enforced by"]


def test_every_decision_has_its_four_parts() -> None:
    """A page says why, what, what follows and what holds it up, under a numbered title."""
    for page in sorted(_DIRECTORY.glob("[0-9]*.md")):
        text = page.read_text()
        assert text.startswith(f"# {page.name[:4]} "), page
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == _PARTS, page


def test_every_decision_is_listed_by_its_title() -> None:
    """The list holds each page once, in order, under the title that the page has."""
    titles = [
        (page.read_text().splitlines()[0].removeprefix("# "), page.name)
        for page in sorted(_DIRECTORY.glob("[0-9]*.md"))
    ]

    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", (_DIRECTORY / "README.md").read_text(), re.MULTILINE)
    assert listed == titles
