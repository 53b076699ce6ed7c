"""Has sheets set by a typesetter: a process of its own for each PDF."""

import subprocess
import sys
from pathlib import Path

import msgspec

from courtyard.core.errors import Unavailable
from courtyard.typesetting import fonts, typesetter

_PROGRAM = Path(typesetter.__file__)
_SET_S = 120

Inputs = dict[str, str]
"""What a template reads as `sys.inputs`; `families`, the fonts that there are, is put beside it."""


def pdf(template: Path, inputs: Inputs) -> bytes:
    """Set the inputs by a template of ours. The same inputs give the same bytes.

    Raises:
        Unavailable: the fonts are not installed, or the typesetter failed.
    """
    asked = msgspec.json.encode({"template": str(template), "inputs": inputs, "folders": fonts.folders()})
    try:
        done = subprocess.run(  # noqa: S603 - Our own program, and what it is to set comes as data.
            [sys.executable, "-I", _PROGRAM], input=asked, capture_output=True, timeout=_SET_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"the document was not set as a PDF within {_SET_S} seconds; take another form") from error
    if done.returncode != 0:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"the document could not be set as a PDF: {reason}")
    return done.stdout


def pdf_here(template: Path, inputs: Inputs) -> bytes:
    """Set the inputs in this process: for a program that ends soon, or sets many."""
    (made,) = typesetter.typeset(template, inputs, fonts.folders())
    return made


def pictures(template: Path, inputs: Inputs, *, ppi: int) -> list[bytes]:
    """Set the inputs as PNG pictures, one a page, in this process."""
    return typesetter.typeset(template, inputs, fonts.folders(), ppi=ppi)
