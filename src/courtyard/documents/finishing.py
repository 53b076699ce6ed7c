"""Makes a reading of what a reader wrote down: bounded, without empty blocks, and with a title."""

from collections.abc import Iterable, Iterator
from pathlib import PurePath

import msgspec

from courtyard.documents.desk import Desk
from courtyard.documents.model import Block, BlockKind, Reading
from courtyard.documents.reader import Draft
from courtyard.documents.texts import clean

_TITLE_MAX = 300


def finished(draft: Draft, name: str, media_type: str, desk: Desk) -> Reading:
    """Return the reading. A document that says nothing gets a warning, not a refusal."""
    blocks = tuple(_bounded(draft.blocks, desk))
    if not blocks:
        desk.warn("no text was found in it")
    return Reading(
        title=_title(draft.title, blocks, name),
        media_type=media_type,
        pages=draft.pages,
        blocks=blocks,
        warnings=tuple(desk.warnings),
    )


def _bounded(blocks: Iterable[Block], desk: Desk) -> Iterator[Block]:
    left = desk.limits.text_max
    for block in blocks:
        text = clean(block.text)
        if not text:
            continue
        left -= len(text)
        if left < 0:
            desk.warn(
                f"only the first {desk.limits.text_max:,} characters were read; split the file, or raise "
                "[documents] text_max"
            )
            return
        yield block if text == block.text else msgspec.structs.replace(block, text=text)


def _title(said: str, blocks: tuple[Block, ...], name: str) -> str:
    heading = next((block.text for block in blocks if block.kind is BlockKind.HEADING), "")
    title = clean(said) or heading or PurePath(name).stem or name
    return " ".join(title.split())[:_TITLE_MAX]
