"""Pictures, opened within bounds."""

import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from courtyard.documents.model import DocumentsSettings, Unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")


def count(content: bytes, limits: DocumentsSettings) -> int:
    """Return how many frames a picture has: the pages of a TIFF file."""
    return int(getattr(_opened(content, limits), "n_frames", 1))


def frames(content: bytes, limits: DocumentsSettings) -> "Iterator[Image]":
    """Yield each frame as it is to be seen: upright, on white.

    Raises:
        Unreadable: it is no picture, of a format that is not read, or too large.
    """
    opened = _opened(content, limits)
    for number in range(int(getattr(opened, "n_frames", 1))):
        opened.seek(number)
        yield _upright(opened, limits)


def frame(content: bytes, number: int, limits: DocumentsSettings) -> "Image":
    """Return one frame, from 1."""
    opened = _opened(content, limits)
    there = int(getattr(opened, "n_frames", 1))
    if number > there:
        raise Unreadable(f"it has {there} pages, and no page {number}")
    opened.seek(number - 1)
    return _upright(opened, limits)


def png(picture: "Image") -> bytes:
    """Write a picture as PNG."""
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def _opened(content: bytes, limits: DocumentsSettings) -> "Image":
    from PIL import Image  # noqa: PLC0415 - Loaded where a picture is read.

    Image.MAX_IMAGE_PIXELS = None  # What is too large is refused here, by the settings.
    try:
        with warnings.catch_warnings(action="ignore"):
            opened = Image.open(io.BytesIO(content), formats=_FORMATS)
    except (OSError, ValueError, SyntaxError) as error:
        raise Unreadable(f"it is damaged, or not one of {', '.join(_FORMATS)}; save it as PNG or JPEG") from error
    _check_size(opened, limits)
    return opened


def _upright(opened: "Image", limits: DocumentsSettings) -> "Image":
    from PIL import Image, ImageOps  # noqa: PLC0415 - Loaded where a picture is read.

    _check_size(opened, limits)
    turned = ImageOps.exif_transpose(opened)
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        turned = turned.convert("RGBA")
        white = Image.new("RGBA", turned.size, "white")
        turned = Image.alpha_composite(white, turned)
    return turned.convert("RGB")


def _check_size(opened: "Image", limits: DocumentsSettings) -> None:
    if opened.width * opened.height > limits.pixels_max:
        raise Unreadable(
            f"it has {opened.width} by {opened.height} pixels, and may have {limits.pixels_max:,} in all; make it "
            "smaller, or raise [documents] pixels_max"
        )
