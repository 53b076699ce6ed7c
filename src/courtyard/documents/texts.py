"""Texts as documents have them, made into texts as people read them."""

import re
from collections.abc import Iterable

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_ROOM = re.compile(r"[ \t\u00a0]+")
_CJK = "[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
_ENDS_CJK, _BEGINS_CJK = re.compile(f"{_CJK}$"), re.compile(f"^{_CJK}")
_HYPHENS = ("-", "\u2010", "\u00ad", "\u0002", "\ufffe")
_SOFT = _HYPHENS[2:]


def clean(text: str) -> str:
    """Return a text without what can't be seen or stored: control characters, halves of surrogate pairs."""
    lines = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def one_line(text: str) -> str:
    """Return a text with a single space wherever there is room in it."""
    return " ".join(clean(text).split())


def narrowed(text: str) -> str:
    """Return a text whose lines stay, with single spaces in them."""
    return "\n".join(_ROOM.sub(" ", line).strip() for line in clean(text).split("\n"))


def joined(lines: Iterable[str]) -> str:
    """Join lines that were broken to fit: words cut in two are whole again, and Chinese has no space between lines."""
    whole = ""
    for line in (line.strip() for line in lines):
        if not whole or not line:
            whole += line
        elif _is_cut(whole, line):
            whole = whole[:-1] + line
        elif _ENDS_CJK.search(whole) and _BEGINS_CJK.search(line):
            whole += line
        else:
            whole = f"{whole} {line}"
    return whole


def _is_cut(above: str, below: str) -> bool:
    """Whether a word was cut in two at the end of a line."""
    return above.endswith(_SOFT) or (above.endswith(_HYPHENS) and above[-2:-1].isalpha() and below[0].islower())
