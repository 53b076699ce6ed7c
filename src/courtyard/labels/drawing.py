"""Visible labels on pictures (GB 45438-2025, 5: letters as high as 5 % of the shortest side, or higher)."""

from io import BytesIO
from pathlib import Path
from typing import Any

from courtyard import typesetting
from courtyard.labels.formats import png, riff
from courtyard.labels.formats.reading import Unwritable

_SHARE = 20
"""The shortest side in heights of a letter: 5 %."""
_LETTER_MIN = 10
"""Pixels; smaller letters can't be read, so small pictures get larger ones in proportion."""
_PIXELS_MAX = 120_000_000
_WEIGHT = 500
_FONTS = {
    "latin": ("NotoSans[wght].ttf", "H"),
    "arabic": ("IBMPlexSansArabic-Regular.ttf", "ا"),
    "cjk": ("NotoSansCJK-VF.otf.ttc", "生"),
}
_INKS: dict[str, tuple[Any, Any]] = {
    "L": (0, 255),
    "RGB": ((0, 0, 0), (255, 255, 255)),
    "RGBA": ((0, 0, 0, 255), (255, 255, 255, 255)),
    "CMYK": ((0, 0, 0, 255), (0, 0, 0, 0)),
}
"""Ground and letters, by how a picture holds its colours."""
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"tIME")
_NAMES = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}


def drawn(data: bytes, format: str, notice: str) -> bytes:
    """Draw the notice into a picture, at the foot, and keep its metadata.

    Raises:
        Unwritable: it is animated, too large, or can't be read as a picture.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - A server need not load it.

    try:
        with Image.open(BytesIO(data), formats=[_NAMES[format]]) as picture:
            if picture.width * picture.height > _PIXELS_MAX:
                raise Unwritable(f"it has more than {_PIXELS_MAX:,} pixels; draw the label yourself")
            if getattr(picture, "n_frames", 1) > 1:
                raise Unwritable("it is animated; draw the label into its frames yourself, and use --no-visible")
            about: dict[Any, Any] = dict(picture.info)
            upright = ImageOps.exif_transpose(picture)
            if upright.mode not in _INKS:
                upright = upright.convert("RGBA" if "A" in upright.getbands() or "transparency" in about else "RGB")
    except Unwritable:
        raise
    except Exception as error:  # Pillow names no class for what it can't read.
        raise Unwritable("it can't be read as a picture; use --no-visible to write metadata only") from error
    _draw(upright, notice)
    return _saved(upright, data, format, about)


def letter_height(width: int, height: int) -> int:
    """Say how high a letter has to be, in pixels."""
    return max(-(-min(width, height) // _SHARE), min(_LETTER_MIN, min(width, height) // 3))


def _draw(picture: Any, notice: str) -> None:
    from PIL import ImageDraw  # noqa: PLC0415 - A server need not load it.

    ground, ink = _INKS[picture.mode]
    high = letter_height(picture.width, picture.height)
    gap = high // 2 + 1
    pen = ImageDraw.Draw(picture)
    lines = [
        (line, font)
        for part in notice.split(" · ")
        for font in [_font(part, high)]
        for line in _wrapped(pen, part, font, picture.width - 4 * gap)
    ]
    boxes = [pen.textbbox((0, 0), line, font=font) for line, font in lines]
    wide = max(right - left for left, _, right, _ in boxes)
    tall = sum(bottom - top + gap for _, top, _, bottom in boxes) + gap
    x, y = max(picture.width - wide - 3 * gap, 0), max(picture.height - tall - gap, 0)
    pen.rectangle((x, y, x + wide + 2 * gap, y + tall), fill=ground)
    y += gap
    for (line, font), (left, top, _, bottom) in zip(lines, boxes, strict=True):
        pen.text((x + gap - left, y - top), line, font=font, fill=ink)
        y += bottom - top + gap


def _font(text: str, high: int) -> Any:
    """Load the letters of a text's script, so large that a plain one is as high as it has to be."""
    from PIL import ImageFont  # noqa: PLC0415 - A server need not load it.

    script = "latin"
    if any(letter >= "\u2e80" for letter in text):
        script = "cjk"
    elif any("\u0600" <= letter <= "\u08ff" for letter in text):
        script = "arabic"
    name, sample = _FONTS[script]
    path = next(file for folder in typesetting.fonts.folders() if (file := Path(folder) / name).is_file())
    size, is_variable = high, script != "arabic"
    while True:
        font = ImageFont.truetype(str(path), size)
        if is_variable:
            font.set_variation_by_axes([_WEIGHT])  # It begins as thin as it goes.
        _, top, _, bottom = font.getbbox(sample)
        if bottom - top >= high:
            return font
        size += max(1, int(high - (bottom - top)) // 2)


def _wrapped(pen: Any, text: str, font: Any, width: int) -> list[str]:
    """Break a text at spaces so that it fits; one without spaces stays whole."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and pen.textlength(longer, font=font) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _saved(picture: Any, original: bytes, format: str, about: dict[str, Any]) -> bytes:
    kept: dict[str, Any] = {name: about[name] for name in ("icc_profile", "dpi") if about.get(name)}
    exif = picture.getexif()
    if len(exif):
        kept["exif"] = exif.tobytes()
    if format == "png":
        from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 - A server need not load it.

        kept["pnginfo"] = texts = PngInfo()
        for kind, body in png.chunks(original):
            if kind in _TEXT_CHUNKS:
                texts.add(kind, body)
    elif about.get("xmp"):
        kept["xmp"] = about["xmp"]
    if format == "jpeg":
        kept |= {"quality": 95, "subsampling": 0, **({"comment": about["comment"]} if about.get("comment") else {})}
        if picture.mode == "RGBA":
            picture = picture.convert("RGB")
    if format == "webp":
        kept |= {"lossless": riff.is_lossless(original), "quality": 95, "exact": True}
    file = BytesIO()
    picture.save(file, _NAMES[format], **kept)
    return file.getvalue()
