"""Styles that turn round for readers from right to left."""

import re
from importlib.resources import files

import pytest

_STATIC = files("courtyard.console") / "static"
_STYLES = sorted(one.name for one in _STATIC.iterdir() if one.name.endswith(".css"))
_SIDES = re.compile(
    r"(?<![\w-])(?:left|right)\s*:|(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)|(?:float|clear)\s*:"
    r"|border-(?:top|bottom)-(?:left|right)-radius"
)


@pytest.mark.parametrize("name", _STYLES)
def test_a_style_knows_no_left_and_no_right(name: str) -> None:
    """Boxes stand at the beginning or at the end of a line, wherever that is."""
    style = (_STATIC / name).read_text()

    assert [line.strip() for line in style.splitlines() if _SIDES.search(line)] == []
