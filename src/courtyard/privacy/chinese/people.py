"""Names of people: what the model marks, and what stands where a name stands."""

import re
from collections.abc import Iterator, Sequence

from courtyard.privacy.chinese.word import Word
from courtyard.privacy.chinese.words import (
    BEFORE_NAMES,
    DOUBLE_SURNAMES,
    RARE_SURNAMES,
    SHORT_TITLES,
    SINGLE_SURNAMES,
    TITLES,
)
from courtyard.privacy.model import Finding

_MARKED = 0.85
_BESIDE_LABEL = 0.85
_BESIDE_TITLE = 0.75
_BESIDE_NUMBER = 0.7
_HAN = r"[一-鿿]"
_SURNAMES = f"(?:{'|'.join(sorted(DOUBLE_SURNAMES))}|[{''.join(sorted(SINGLE_SURNAMES))}])"
_COMMON = f"(?:{'|'.join(sorted(DOUBLE_SURNAMES))}|[{''.join(sorted(SINGLE_SURNAMES - RARE_SURNAMES))}])"
_TITLE = f"(?:{'|'.join(sorted(TITLES, key=len, reverse=True))})"
_LABELLED = re.compile(
    rf"(?:{'|'.join(sorted(BEFORE_NAMES, key=len, reverse=True))})(?:[/／][A-Za-z]+)?[是为叫：:\s]{{0,3}}"
    rf"({_SURNAMES}{_HAN}{{1,3}})"
)
_TITLED = re.compile(rf"({_COMMON}{_HAN}{{0,2}}?){_TITLE}")
_BRIEFLY_TITLED = re.compile(rf"({_COMMON})(?:{'|'.join(SHORT_TITLES)})(?!{_HAN})")
_NUMBERED = re.compile(rf"({_COMMON}{_HAN}{{1,2}})(?=[，,：:（(\s]{{0,2}}\+?\d{{11}})")
_NICKNAMED = re.compile(rf"[小老阿]{_COMMON}(?!{_HAN})")
_ENDS = frozenset(
    "的和与及跟在是说来去了已将向给把被因于也都就会有从到为称因后先昨今明，。、；：:,.;（(）)[]【】《》\"'“” \t\n-—/"
)
_NOT_NAMES = frozenset(
    [
        "时候",
        "方案",
        "方法",
        "方面",
        "高级",
        "高度",
        "公司",
        "公开",
        "国家",
        "文件",
        "文化",
        "马上",
        "安全",
        "安排",
        "平台",
        "平时",
        "常见",
        "强调",
        "管理",
        "经济",
        "经常",
        "解决",
        "应用",
        "单位",
        "白天",
    ]
)
_OTHER_WORDS = frozenset(("n", "v", "vn", "a", "ad", "d", "r", "c", "p", "m", "q", "t", "f", "s", "LOC", "ORG", "TIME"))
_NAME_MAX = 4


def people(text: str, words: Sequence[Word]) -> Iterator[Finding]:
    """Find people's names in a sentence."""
    borders = {word.start for word in words} | {len(text)}
    for word in words:
        if word.kind == "person":
            yield _person(word.start, word.end, _MARKED)
    for match in _LABELLED.finditer(text):
        end = _name_end(text, match.start(1), match.end(1), borders)
        if text[match.start(1) : end] not in _NOT_NAMES:
            yield _person(match.start(1), end, _BESIDE_LABEL)
    taken = {(word.start, word.end) for word in words if word.tag in _OTHER_WORDS}
    for pattern, score in ((_TITLED, _BESIDE_TITLE), (_BRIEFLY_TITLED, _BESIDE_TITLE), (_NUMBERED, _BESIDE_NUMBER)):
        for match in pattern.finditer(text):
            is_name = match.span(1) not in taken and match[1] not in _NOT_NAMES
            if is_name and match.start() in borders:
                yield _person(match.start(1), match.end(1), score)
    for match in _NICKNAMED.finditer(text):
        yield _person(match.start(), match.end(), _BESIDE_NUMBER)


def _name_end(text: str, start: int, most: int, borders: set[int]) -> int:
    """Return where a name ends that may have two characters to four: at a sign, else where the model ends a word."""
    given = 2 if text[start : start + 2] in DOUBLE_SURNAMES else 1
    ends = range(start + given + 1, min(most, start + _NAME_MAX) + 1)
    for end in ends:
        if end == len(text) or text[end] in _ENDS:
            return end
    for end in reversed(ends[:2]):
        if end in borders:
            return end
    return ends[min(1, len(ends) - 1)]


def _person(start: int, end: int, score: float) -> Finding:
    return Finding(kind="person", start=start, end=end, score=score, sensitive=False, source="chinese")
