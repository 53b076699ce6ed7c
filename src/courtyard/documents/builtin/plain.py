"""Plain text, in whichever character set."""

import re
from typing import ClassVar

from courtyard.documents.charsets import decoded
from courtyard.documents.desk import Desk
from courtyard.documents.model import Block, BlockKind
from courtyard.documents.reader import Draft
from courtyard.documents.texts import clean

_APART = re.compile(r"\n\s*\n")


class PlainReader:
    """Reads plain text, a paragraph wherever a line is empty."""

    name = "plain"
    media_types = frozenset({"text/plain"})
    suffixes: ClassVar = {".txt": "text/plain", ".text": "text/plain", ".log": "text/plain"}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read the text as it stands."""
        text = clean(decoded(content[: 4 * desk.limits.text_max]))
        return Draft(blocks=[Block(kind=BlockKind.TEXT, text=part.strip("\n")) for part in _APART.split(text)])
