"""Telephone numbers as they are written in one country or another, and dates."""

import re

from courtyard.privacy.english.words import Span

_SEPARATED = re.compile(
    r"(?<![\w.,/\-+(])(?P<number>"
    r"(?:(?:\+\d{1,3}|[178])[ .-]?)?(?:\(0?\d{1,5}\)[ .-]?)?\d{2,5}(?:[ .\-/]{1,2}\d{1,8}){1,5}"
    r"|\+\d{1,3}(?:[ .-]?(?:\(\d{1,5}\)|\d{1,5})){1,6}"
    r"|\(?0?\d{1,5}\)[ .-]?\d{3,5}(?:[ .-]?\d{2,5}){0,3}"
    r"|00\d{8,13}|0\d{8,10}|\d{10}"
    r")(?P<extension>\s?(?:x|ext\.?|extension)\s?\d{1,5})?(?![\w%]|[-.,/:]\d)"
)
_SHAPES = re.compile(
    r"\+[\d ().-]{7,}"  # Anywhere, with its country
    r"|(?:1[ .-])?\(?[2-9]\d\d\)?[ .-]{1,2}[2-9]\d\d[ .-]\d{4}"  # US, CA
    r"|0\d(?:[ .-]\d\d){4}"  # FR
    r"|\(?0\d{1,4}\)?[ .-]\d{3,4}[ .-]?\d{3,4}"  # GB, AU, ZA, NG, KE
    r"|\(?0\d{1,4}\)?(?:[ .-]\d{2,4}){2,4}"  # DE, CH, BE, IT, SE
    r"|0\d{2,4}[ -]\d{6,8}"  # IT, TR, PK
    r"|0\d{9,10}"  # GB, IN, NG, AE … without blanks
    r"|8[ -]?\(?\d{3}\)?[ -]?\d{3}[ -]?\d\d[ -]?\d\d"  # RU, KZ
)
_CALLS = "|".join(
    (
        r"(?:tele)?phones?|tel|cell(?:ular|phone)?|mobile|fax|handset|whatsapp|sms|hotline|line|number|registered|direct",
        r"contact|desk|work|home|office|call(?:ed|ing|s)?|dial(?:ed)?|ring|text(?:ed)?|reach(?:ed)?",
        r"messages?|answer(?:ing|ed)?",
    )
)
_CALLED = re.compile(rf"\b(?:{_CALLS})\b(?: \w+){{0,3}}[^\w\n]{{0,4}}\n?[^\w\n]{{0,4}}$", re.IGNORECASE)
_ACCOUNTED = re.compile(
    r"\b(?:card|account|order|invoice|iban|ssn|social security|licen[cs]e|passport|tracking|reference|ref|ticket|case"
    r"|serial|isbn|version|part|model|po|sku|id|zip|post(?:al)? ?code)\b[^\w\n]{0,6}"
    r"(?:(?:no|number|nr|num|code|is|was)\b[^\w\n]{0,6}){0,3}$",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DATE = re.compile(
    r"(?<![\w/.-])(?:(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?:[ T]\d\d:\d\d(?::\d\d)?)?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:19|20)?\d\d"
    rf"|(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?: of)?[ -]{_MONTH}\.?,?(?:[ -](?:19|20)\d\d)?"
    rf"|{_MONTH}\.? (?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?:,? (?:19|20)\d\d)?)(?![\w/-]|\.\d)",
    re.IGNORECASE,
)


def find(text: str) -> list[Span]:
    """Return the dates that name a day, and the telephone numbers."""
    dates = [Span("date", *match.span(), 0.7) for match in _DATE.finditer(text)]
    return dates + [span for match in _SEPARATED.finditer(text) if (span := _phone(text, match))]


def _phone(text: str, match: re.Match[str]) -> Span | None:
    number = match["number"]
    digits = sum(sign.isdigit() for sign in number)
    if not 7 <= digits <= 15 or _DATE.fullmatch(number):
        return None
    before = text[max(0, match.start() - 40) : match.start()]
    if _ACCOUNTED.search(before):
        return None
    if _SHAPES.fullmatch(number):
        return Span("phone", *match.span(), 0.7)
    return Span("phone", *match.span(), 0.75) if _CALLED.search(before) else None
