"""Has a document's sheet set as paper."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from courtyard import typesetting

_TEMPLATE = Path(__file__).with_name("invoice.typ")


def pdf(sheet: Mapping[str, object], *, xml: bytes | None) -> bytes:
    """Set the sheet and attach the XML to it. The same sheet gives the same bytes.

    Raises:
        Unavailable: the fonts are not installed, or the typesetter failed.
    """
    return typesetting.pdf(_TEMPLATE, _inputs(sheet, xml))


def pdf_here(sheet: Mapping[str, object], *, xml: bytes | None) -> bytes:
    """Set the sheet in this process: for a program that ends soon, or sets many."""
    return typesetting.pdf_here(_TEMPLATE, _inputs(sheet, xml))


def pictures(sheet: Mapping[str, object], *, ppi: int) -> list[bytes]:
    """Set the sheet as PNG pictures, one a page, in this process."""
    return typesetting.pictures(_TEMPLATE, _inputs(sheet, None), ppi=ppi)


def _inputs(sheet: Mapping[str, object], xml: bytes | None) -> typesetting.Inputs:
    data = msgspec.json.encode({**sheet, "attached": xml is not None}).decode()
    return {"data": data} if xml is None else {"data": data, "xml": xml.decode()}
