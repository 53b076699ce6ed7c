"""Which paragraphs of a document are headings, and of which level: by the size and the weight of their letters."""

from collections import Counter
from collections.abc import Sequence

from courtyard.documents.layout.page import Paragraph
from courtyard.documents.model import Block, BlockKind
from courtyard.documents.tables import block_of

_LARGER = 1.12
_LARGER_BY_OCR = 1.4
"""Heights in pictures differ by the letters that a line happens to have."""

_LETTERS_MAX = 160
_LINES_MAX = 3
_LEVELS = 6
_NO_HEADING = (".", ",", ";", "。", "，", "；", "、")
_SAME = 0.06


def with_headings(paragraphs: Sequence[Paragraph]) -> list[Block]:
    """Make blocks of paragraphs: headings, texts and tables."""
    body, bold_body = _body(paragraphs)
    headings = [one for one in paragraphs if _is_heading(one, body, bold_body)]
    sizes = _levels([one.size for one in headings])
    taken = set(map(id, headings))
    return [_block(one, _level(one.size, sizes) if id(one) in taken else 0) for one in paragraphs]


def _body(paragraphs: Sequence[Paragraph]) -> tuple[float, bool]:
    """Return the size of most letters, and whether most are bold."""
    sizes: Counter[float] = Counter()
    bold = letters = 0
    for one in paragraphs:
        sizes[round(one.size, 1)] += len(one.text)
        letters += len(one.text)
        bold += len(one.text) if one.is_bold else 0
    return (sizes.most_common(1)[0][0] if sizes else 0.0), bold * 2 > letters


def _is_heading(one: Paragraph, body: float, bold_body: bool) -> bool:
    if one.table is not None or one.lines > _LINES_MAX or not 1 < len(one.text) <= _LETTERS_MAX:
        return False
    if one.text.endswith(_NO_HEADING) or not any(letter.isalpha() for letter in one.text):
        return False
    if one.size >= body * (_LARGER_BY_OCR if one.by_ocr else _LARGER):
        return True
    return one.is_bold and not bold_body and one.size >= body * (1 - _SAME)


def _levels(sizes: Sequence[float]) -> list[float]:
    levels: list[float] = []
    for size in sorted(sizes, reverse=True):
        if not levels or size < levels[-1] * (1 - _SAME):
            levels.append(size)
    return levels


def _level(size: float, levels: Sequence[float]) -> int:
    above = sum(size < level * (1 - _SAME) for level in levels)
    return min(above + 1, _LEVELS)


def _block(one: Paragraph, level: int) -> Block:
    if one.table is not None:
        return block_of(one.table, page=one.page, boxes=(one.box,), by_ocr=one.by_ocr)
    return Block(
        kind=BlockKind.HEADING if level else BlockKind.TEXT,
        text=one.text,
        page=one.page,
        boxes=(one.box,),
        level=level,
        by_ocr=one.by_ocr,
    )
