"""Papers that people bring: a page that was scanned, and one that can't be read."""

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from courtyard.typesetting import fonts

_SIZE = 1240, 1754
_LINE = 90
_MARGIN = 130


def scanned(*lines: str) -> bytes:
    """Return a PDF file that is nothing but a picture of these lines."""
    face = next(path for folder in fonts.folders() for path in Path(folder).glob("*CJK*"))
    font = ImageFont.truetype(face, 44)
    page = Image.new("RGB", _SIZE, "white")
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        pen.text((_MARGIN, _MARGIN + number * _LINE), line, font=font, fill="black")
    written = io.BytesIO()
    page.save(written, "PDF", resolution=150)
    return written.getvalue()


RULES = """# Travel rules

Decided by Margaret Okafor in Nairobi.

## Trains

First class needs the consent of Margaret Okafor, and is paid for journeys of more than four hours.

## Hotels

| City | Night, at most |
|---|--:|
| Nairobi | 120 dollars |
| Mombasa | 90 dollars |

## Expenses

Expenses are handed in within thirty days to the Finance Office, which Samuel Kiptoo leads for Margaret Okafor.
"""
