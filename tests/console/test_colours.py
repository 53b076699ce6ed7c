"""Colours that everybody can read."""

import re
from importlib.resources import files

import pytest

_CSS = (files("courtyard.console") / "static" / "app.css").read_text()
_PAIRS = (
    ("text", "ground"),
    ("text", "surface"),
    ("text", "sunk"),
    ("muted", "ground"),
    ("muted", "surface"),
    ("muted", "sunk"),
    ("accent", "ground"),
    ("accent", "surface"),
    ("accent-strong", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("danger", "surface"),
    ("danger", "danger-soft"),
    ("warning", "warning-soft"),
    ("good", "good-soft"),
)
_TEXT_CONTRAST = 4.5
_SHAPE_CONTRAST = 3.0


def _values(selector: str) -> dict[str, str]:
    block = _CSS.split(selector + " {", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6});", block))


THEMES = {
    "light": _values(":root"),
    "dark": _values(':root[data-theme="dark"]'),
    "auto, dark": _values(':root:not([data-theme="light"])'),
}
every_theme = pytest.mark.parametrize("theme", THEMES)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@every_theme
@pytest.mark.parametrize(("front", "back"), _PAIRS)
def test_text_stands_out_from_its_ground(theme: str, front: str, back: str) -> None:
    """WCAG 2.2 AA: text has a contrast of 4.5 at least."""
    values = THEMES[theme]

    assert contrast(values[front], values[back]) >= _TEXT_CONTRAST


@every_theme
def test_bars_of_a_plot_stand_out_from_their_card(theme: str) -> None:
    """WCAG 2.2 AA: a shape that means something has a contrast of 3 at least."""
    values = THEMES[theme]
    faint = [
        name
        for name in values
        if name.startswith("series-") and contrast(values[name], values["surface"]) < _SHAPE_CONTRAST
    ]

    assert faint == []


def test_dark_is_dark_however_it_is_chosen() -> None:
    """The reader's choice and the system's give the same colours."""
    assert THEMES["dark"] == THEMES["auto, dark"]
    assert set(THEMES["dark"]) == set(THEMES["light"])
