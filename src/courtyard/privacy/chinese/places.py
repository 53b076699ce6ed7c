"""Places, and addresses down to the door."""

import re
from collections.abc import Iterator, Sequence

from courtyard.privacy.chinese.word import Word
from courtyard.privacy.chinese.words import PROVINCES
from courtyard.privacy.model import Finding

_MARKED = 0.75
_ADDRESS = 0.85
_HAN = r"[一-鿿]"
_ROAD = r"(?:大道|大街|胡同|街道|路|街|道|巷|弄|里|村|屯|庄|镇|乡|社区|小区|花园|家园|新村|公寓|大厦|广场|中心)"
_DOOR = (
    r"(?:(?:[0-9一二三四五六七八九十百A-Za-z甲乙丙丁]{1,6}(?:-[0-9A-Za-z]{1,5}){0,2}"
    r"(?:号楼|号院|号|弄|栋|幢|座|楼|层|单元|室|户|组|院|门|巷|区|#))"
    rf"|{_HAN}{{1,8}}?(?:小区|花园|家园|大厦|公寓|广场|中心|村|苑|园|城|府|楼|座))"
)
_PROVINCE = f"(?:{'|'.join(PROVINCES)})(?:省|市|自治区|壮族自治区|回族自治区|维吾尔自治区|特别行政区)?"
_DISTRICTS = rf"(?:{_HAN}{{2,8}}?(?:自治州|自治县|地区|盟|市|州|县|区|旗|镇|乡|街道)){{0,4}}"
_STREET = rf"{_HAN}{{1,12}}?{_ROAD}"
_WHOLE = re.compile(rf"{_PROVINCE}{_DISTRICTS}(?:{_STREET})?(?:[\s·]?{_DOOR}){{0,8}}(?:-?\d{{1,5}})?")
_FROM_HERE = re.compile(rf"{_DISTRICTS}(?:{_STREET}(?:[\s·]?{_DOOR}){{0,8}}|(?:[\s·]?{_DOOR}){{1,8}})(?:-?\d{{1,5}})?")
_NUMBERED = re.compile(
    rf"(?:{_HAN}{{2,10}}?(?:市|区|县|镇|乡)){{0,3}}{_HAN}{{1,8}}?{_ROAD}\d{{1,5}}(?:-\d{{1,4}})?号(?:[\s·]?{_DOOR}){{0,8}}"
)
_AFTER_LABEL = re.compile(
    r"(?:地址|住址|住所|住在|家住|寄到|寄往|送到|送货至|位于|现住|户籍地|籍贯)(?:在|是|为|：|:|\s){0,3}"
)
_STOP = re.compile(r"[，。；！？\n,;!?（(]|的|电话|手机|邮编|收件|联系")
_LABELLED_MAX = 40
_LABELLED_MIN = 4


def places(text: str, words: Sequence[Word]) -> Iterator[Finding]:
    """Find places and addresses in a sentence."""
    for match in _WHOLE.finditer(text):
        yield _found(match.start(), match.end(), is_address=_is_address(match[0]))
    for word in words:
        if word.kind == "place":
            tail = _FROM_HERE.match(text, word.end)
            end = tail.end() if tail else word.end
            yield _found(word.start, end, is_address=tail is not None or _is_address(text[word.start : end]))
    for match in _NUMBERED.finditer(text):
        start = max((word.start for word in words if word.start <= match.start()), default=match.start())
        yield _found(max(start, _after_verb(text, words, match.start(), match.end())), match.end(), is_address=True)
    yield from _labelled(text)


def _labelled(text: str) -> Iterator[Finding]:
    """Take what stands after "address:" for one, to the next stop."""
    for label in _AFTER_LABEL.finditer(text):
        stop = _STOP.search(text, label.end(), label.end() + _LABELLED_MAX)
        end = stop.start() if stop else min(len(text), label.end() + _LABELLED_MAX)
        if end - label.end() >= _LABELLED_MIN and re.search(rf"{_ROAD}|[省市区县号室座]", text[label.end() : end]):
            yield _found(label.end(), end, is_address=True)


def _after_verb(text: str, words: Sequence[Word], start: int, end: int) -> int:
    """Return where an address begins that the pattern took too much before: after the last verb or particle."""
    road = next((at.start() for at in re.finditer(r"\d", text[start:end])), 0) + start
    stops = [
        word.end for word in words if start <= word.start < road and word.tag in ("v", "p", "r", "u", "d", "c", "w")
    ]
    return max(stops, default=start)


def _is_address(text: str) -> bool:
    """Whether a place is said down to the street."""
    return re.search(rf"{_ROAD}|\d|[a-zA-Z]座", text) is not None


def _found(start: int, end: int, *, is_address: bool) -> Finding:
    kind, score = ("address", _ADDRESS) if is_address else ("place", _MARKED)
    return Finding(kind=kind, start=start, end=end, score=score, sensitive=False, source="chinese")
