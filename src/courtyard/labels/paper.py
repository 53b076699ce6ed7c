"""A page with nothing on it but a label, to lay over a page of a document."""

from pathlib import Path

import msgspec

from courtyard import typesetting

_TEMPLATE = Path(__file__).with_name("notice.typ")
_SIZE_MIN = 9.0
_SHARE = 30
"""The shortest side in sizes of letters: capitals are then about 2.5 % of it, as large as a heading."""


def page_with(notice: str, width: float, height: float) -> bytes:
    """Set a page of this size, in points, in a process of its own.

    Raises:
        Unavailable: the fonts are not installed, or the typesetter failed.
    """
    families = [family for language in ("en", "ar", "zh") for family in typesetting.fonts.families(language)]
    size = max(_SIZE_MIN, min(width, height) / _SHARE)
    sheet = {"notice": notice, "width": width, "height": height, "size": size, "families": families}
    return typesetting.pdf(_TEMPLATE, {"data": msgspec.json.encode(sheet).decode()})
