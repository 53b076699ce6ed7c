"""Has sheets set by a typesetter: a process of its own for each PDF."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from courtyard.billing.documents import fonts, typesetter
from courtyard.core.errors import Unavailable

_PROGRAM = Path(typesetter.__file__)
_SET_S = 120

Inputs = dict[str, str]


def pdf(sheet: Mapping[str, object], *, xml: bytes | None) -> bytes:
    """Set the sheet and attach the XML to it. The same sheet gives the same bytes.

    Raises:
        Unavailable: the fonts are not installed, or the typesetter failed.
    """
    asked = msgspec.json.encode({"inputs": _inputs(sheet, xml), "folders": fonts.folders()})
    try:
        done = subprocess.run(  # noqa: S603 - Our own program, and what it is to set comes as data.
            [sys.executable, "-I", _PROGRAM], input=asked, capture_output=True, timeout=_SET_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"the document was not set as a PDF within {_SET_S} seconds; take its CSV") from error
    if done.returncode != 0:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"the document could not be set as a PDF: {reason}")
    return done.stdout


def pdf_here(sheet: Mapping[str, object], *, xml: bytes | None) -> bytes:
    """Set the sheet in this process: for a program that ends soon, or sets many."""
    (made,) = typesetter.typeset(_inputs(sheet, xml), fonts.folders())
    return made


def pictures(sheet: Mapping[str, object], *, ppi: int) -> list[bytes]:
    """Set the sheet as PNG pictures, one a page, in this process."""
    return typesetter.typeset(_inputs(sheet, None), fonts.folders(), ppi=ppi)


def _inputs(sheet: Mapping[str, object], xml: bytes | None) -> Inputs:
    data = msgspec.json.encode({**sheet, "attached": xml is not None}).decode()
    return {"data": data} if xml is None else {"data": data, "xml": xml.decode()}
