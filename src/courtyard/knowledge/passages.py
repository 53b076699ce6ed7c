"""Cuts what was read into passages: long enough to be understood, short enough to be cited."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from courtyard.documents import Block, BlockKind, Box, Reading
from courtyard.knowledge.model import DocumentId, Passage
from courtyard.knowledge.table_rows import pieces

_ENOUGH, _MOST = 100, 200
"""How much a passage holds, in words; a sign of a script without spaces is half a word."""
_LONG = 40
"""Signs without a space count as another word after so many."""
_HEADING_MAX = 200
_BOXES_MAX = 60
_BETWEEN = " > "

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_SENTENCE = re.compile(r"[^.!?。！？；;؟।\n]*(?:[.!?。！？；;؟।\n]+[\"'”’」』）)]*\s*|$)")
_NOWHERE = DocumentId("")


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A passage, and what its cells name where it is of a table."""

    passage: Passage
    names: tuple[str, ...] = ()
    about: str = ""
    """What names the row."""


class _Open(msgspec.Struct):
    """The passage that grows."""

    blocks: list[Block] = []
    size: float = 0.0


def cut(reading: Reading, document: DocumentId = _NOWHERE) -> list[Cut]:
    """Cut a document: paragraphs of one page under one heading go together, and tables by their rows."""
    found: list[Cut] = []
    for draft in _drafts(reading.blocks):
        passage = msgspec.structs.replace(draft.passage, document=document, number=len(found) + 1)
        found.append(msgspec.structs.replace(draft, passage=passage))
    return found


def words_in(text: str) -> float:
    """Say how long a text is, in words."""
    unspaced = len(_UNSPACED.findall(text))
    return unspaced / 2 + sum(1 + len(word) // _LONG for word in _UNSPACED.sub(" ", text).split())


def _drafts(blocks: Sequence[Block]) -> Iterator[Cut]:
    headings: list[Block] = []
    bare: Block | None = None
    opened = _Open()
    for block in blocks:
        if block.kind is BlockKind.HEADING:
            yield from _closed(opened, headings)
            if bare is not None and block.level <= bare.level:
                yield _text([bare], bare.text, headings[:-1])
            headings = [*(one for one in headings if one.level < block.level), block]
            bare = block
            continue
        bare = None
        if block.table is not None:
            yield from _closed(opened, headings)
            yield from _table(block, headings)
            continue
        for piece in _portions(block):
            size = words_in(piece.text)
            first = opened.blocks[0] if opened.blocks else piece
            if piece.page != first.page or opened.size >= _ENOUGH or opened.size + size > _MOST:
                yield from _closed(opened, headings)
            opened.blocks.append(piece)
            opened.size += size
    yield from _closed(opened, headings)
    if bare is not None:
        yield _text([bare], bare.text, headings[:-1])


def _closed(opened: _Open, headings: Sequence[Block]) -> Iterator[Cut]:
    """Hand out the passage that grew, and begin another one."""
    if opened.blocks:
        yield _text(opened.blocks, "\n".join(block.text for block in opened.blocks), headings)
        opened.blocks, opened.size = [], 0.0


def _text(blocks: Sequence[Block], text: str, headings: Sequence[Block]) -> Cut:
    boxes: tuple[Box, ...] = tuple(dict.fromkeys(box for block in blocks for box in block.boxes))
    return Cut(
        passage=Passage(
            document=_NOWHERE,
            number=1,
            text=text,
            heading=_BETWEEN.join(_named(headings)),
            page=blocks[0].page,
            boxes=boxes[:_BOXES_MAX],
            by_ocr=any(block.by_ocr for block in blocks),
        )
    )


def _table(block: Block, headings: Sequence[Block]) -> Iterator[Cut]:
    assert block.table is not None
    above = [*_named(headings), *([block.table.caption[:_HEADING_MAX]] if block.table.caption else [])]
    for piece in pieces(block.table):
        under = [*above, piece.heading] if piece.heading else above
        yield Cut(
            passage=Passage(
                document=_NOWHERE,
                number=1,
                text=piece.text,
                heading=_BETWEEN.join(under),
                kind="table",
                page=block.page,
                boxes=block.boxes[:_BOXES_MAX],
                by_ocr=block.by_ocr,
            ),
            names=piece.names,
            about=piece.heading,
        )


def _named(headings: Sequence[Block]) -> list[str]:
    return [" ".join(heading.text.split())[:_HEADING_MAX] for heading in headings]


def _portions(block: Block) -> Iterator[Block]:
    """Cut a paragraph that is too long for one passage at its sentences, and a sentence wherever it is full."""
    if words_in(block.text) <= _MOST:
        yield block
        return
    held, size = "", 0.0
    for sentence in _sentences(block.text):
        longer = words_in(sentence)
        if held and size + longer > _MOST:
            yield msgspec.structs.replace(block, text=held.strip())
            held, size = "", 0.0
        held, size = held + sentence, size + longer
    if held.strip():
        yield msgspec.structs.replace(block, text=held.strip())


def _sentences(text: str) -> Iterator[str]:
    for match in _SENTENCE.finditer(text):
        sentence = match[0]
        if words_in(sentence) <= _MOST:
            yield sentence
            continue
        held, size = "", 0.0
        for word in re.findall(r"\S{1,80}\s*", sentence):
            held, size = held + word, size + words_in(word)
            if size >= _ENOUGH:
                yield held
                held, size = "", 0.0
        yield held
