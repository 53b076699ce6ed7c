"""Telephone numbers: how countries write their own, and E.164 for all others."""

from courtyard.privacy.checks import Check, digits
from courtyard.privacy.shapes.shape import Shape

_WORDS = (
    *(
        "tel",
        "phone",
        "mobile",
        "handy",
        "mobil",
        "call",
        "cell",
        "fax",
        "电话",
        "手机",
        "座机",
        "联系",
        "致电",
        "热线",
        "電話",
        "携帯",
    ),
    *("전화", "연락처", "телефон", "тел.", "моб", "هاتف", "جوال", "whatsapp", "ligar", "sms"),
)


def _long(least: int, most: int) -> Check:
    return lambda text: least <= len(digits(text)) <= most


SHAPES = (
    Shape(
        kind="phone",
        pattern=r"(?:\+86[ -]?|\b0?086[ -]?|\b86[ -]|\b86|\b)1[3-9]\d(?:[ -]?\d{4}[ -]?\d{4}|[ -]\d{8})\b",
        score=0.9,
        near=_WORDS,
    ),
    Shape(
        kind="phone",
        pattern=r"(?:\+86[ -]?|\b)\(?0?(?:10|2[0-57-9]|[3-9]\d{2})\)?[ -]?[2-9]\d{6,7}"
        r"(?:[ -]?(?:转|ext\.?)[ -]?\d{1,5})?\b",
        score=0.0,
        check=_long(9, 17),
        near=_WORDS,
    ),
    Shape(
        kind="phone",
        pattern=r"\b0(?:10|2[0-57-9]|[3-9]\d{2})[ -]?[1-9]\d{6,7}(?:-\d{1,5})?\b",
        score=0.7,
        check=_long(10, 17),
    ),
    Shape(kind="phone", pattern=r"\b[48]00-?\d{3}-?\d{4}\b", score=0.7),
    Shape(kind="phone", pattern=r"\+\d[\d ()./-]{6,20}\d\b", score=0.85, check=_long(8, 15)),
    Shape(kind="phone", pattern=r"\b00[1-9]\d{0,2}[ -]\d[\d -]{6,14}\d\b", score=0.7, check=_long(10, 17)),
    Shape(
        kind="phone",
        pattern=r"(?:\+?\b1[ .-]?)?(?:\(\d{3}\)[ .-]?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b",
        score=0.8,
        near=_WORDS,
    ),
    Shape(kind="phone", pattern=r"\b[2-9]\d{9}\b", score=0.5, near=_WORDS),
    Shape(kind="phone", pattern=r"\(0?\d{2,4}\)[ -]?\d{3,5}[ -]?\d{3,4}\b", score=0.8, check=_long(9, 12), near=_WORDS),
    Shape(
        kind="phone",
        pattern=r"\b0\d{1,4}[ /-]\d{2,8}(?:[ -]\d{2,4}){0,3}\b",
        score=0.6,
        check=_long(9, 12),
        near=_WORDS,
    ),
    Shape(kind="phone", pattern=r"\b0[1-9]\d{8,9}\b", score=0.5, near=_WORDS),
    Shape(kind="phone", pattern=r"\b0[1-9](?:[ .]\d{2}){4}\b", score=0.7),
    Shape(kind="phone", pattern=r"\b[78][ -]?\(?\d{3}\)?[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}\b", score=0.0, near=_WORDS),
    Shape(
        kind="phone", pattern=r"\b\d{3,5}[ -]?\d{3,4}(?:[ -]?\d{3,4})?\b", score=0.0, check=_long(7, 12), near=_WORDS
    ),
)
