"""Tells which character set a text is in, and reads it."""

import codecs
import re

_SAMPLE = 64 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LATIN = "cp1252"
_LATIN_MAX = 0.2
"""Accents are few; in texts of other letters most are beyond ASCII."""

_CHINESE = re.compile("[\u4e00-\u9fff，。、；：？！“”（）《》]")
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?([A-Za-z0-9_-]{2,40})""")


def decoded(content: bytes, *, declared: str = "") -> str:
    """Return the text that bytes are: by their mark, as UTF-8, as is declared, or as what they look like."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content.decode(name, errors="replace")
    for name in ("utf-8", *([declared] if _is_known(declared) else [])):
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    return content.decode(_guessed(content), errors="replace")


def declared_in(content: bytes) -> str:
    """Return the character set that a page of HTML names at its beginning; nothing where it names none."""
    found = _DECLARED.search(content[:2048])
    return found[1].decode("ascii") if found else ""


def _is_known(name: str) -> bool:
    try:
        # Some of Python's codecs are none of texts: they compress, or encode for mail.
        return bool(name) and codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False


def _guessed(content: bytes) -> str:
    sample = content[:_SAMPLE]
    if chinese := _as_chinese(sample):
        return chinese
    if sum(byte > 127 for byte in sample) < _LATIN_MAX * len(sample):
        return _LATIN
    import charset_normalizer  # noqa: PLC0415 - Loaded where a text is in an old character set.

    best = charset_normalizer.from_bytes(sample).best()
    return best.encoding if best is not None else _LATIN


def _as_chinese(sample: bytes) -> str:
    """Name a Chinese character set where nearly all that is not ASCII are common characters in it."""
    for name in ("gb18030", "big5"):
        text = sample.decode(name, errors="ignore")
        strange = [letter for letter in text if ord(letter) > 127]
        lost = len(sample) - len(text.encode(name, errors="ignore"))
        if strange and lost <= 2 and sum(map(_is_common, strange)) > 0.9 * len(strange):
            return name
    return ""


def _is_common(letter: str) -> bool:
    """Whether a character is of the first level of GB 2312 or Big5, or a punctuation mark: texts are made of those."""
    if not _CHINESE.match(letter):
        return False
    code = letter.encode("gb18030")
    return len(code) == 2 and 0xA1 <= code[0] <= 0xD7 and code[1] >= 0xA1
