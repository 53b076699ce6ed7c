"""E-mail: who wrote to whom, what, and what was attached."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any, ClassVar

import msgspec

from courtyard.documents.charsets import decoded
from courtyard.documents.desk import Desk
from courtyard.documents.markup import read_html
from courtyard.documents.model import Block, BlockKind, Unreadable
from courtyard.documents.reader import Draft
from courtyard.documents.texts import one_line

_SHOWN = ("From", "To", "Cc", "Date")
_PARTS_MAX = 200
_DEPTH_MAX = 20
_HEADER_MAX = 2_000


class MailReader:
    """Reads e-mail."""

    name = "mail"
    media_types = frozenset({"message/rfc822"})
    suffixes: ClassVar = {".eml": "message/rfc822"}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read the subject, who and when, the text, and each attachment by the reader of its format."""
        message = email.message_from_bytes(content, policy=email.policy.default)
        if not message.keys():
            raise Unreadable("it is no e-mail: it has no headers")
        subject = _header(message, "Subject")
        blocks = [Block(kind=BlockKind.HEADING, text=subject, level=1)]
        blocks.append(Block(kind=BlockKind.TEXT, text=_envelope(message)))
        parts = list(_parts(message, desk))
        shown = _body(parts)
        blocks += _written(shown) if shown is not None else []
        for number, part in enumerate(parts, start=1):
            if part is not shown and not _is_another_body(part, shown):
                blocks += _attached(part, number, desk)
        return Draft(blocks=blocks, title=subject)


def _header(message: EmailMessage, name: str) -> str:
    return one_line(str(message.get(name, "")))[:_HEADER_MAX]


def _envelope(message: EmailMessage) -> str:
    said = ((name, _header(message, name)) for name in _SHOWN)
    return "\n".join(f"{name}: {value}" for name, value in said if value)


def _parts(message: EmailMessage, desk: Desk) -> Iterator[EmailMessage]:
    """Yield the parts that hold something, without going into messages that are attached."""
    waiting: list[tuple[Any, int]] = [(message, 0)]
    yielded = 0
    while waiting:
        part, depth = waiting.pop(0)
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            if depth < _DEPTH_MAX:
                waiting[:0] = [(inner, depth + 1) for inner in part.iter_parts()]
            continue
        yielded += 1
        if yielded > _PARTS_MAX:
            desk.warn(f"only the first {_PARTS_MAX} parts of the e-mail were read")
            return
        yield part


def _body(parts: list[EmailMessage]) -> EmailMessage | None:
    """Choose what was written: as plain text where there is any, since that has no decoration."""
    written = [part for part in parts if not part.get_filename() and not part.is_attachment()]
    for media_type in ("text/plain", "text/html"):
        for part in written:
            if part.get_content_type() == media_type and _bytes(part).strip():
                return part
    return None


def _is_another_body(part: EmailMessage, shown: EmailMessage | None) -> bool:
    return shown is not None and not part.get_filename() and part.get_content_type() == "text/html"


def _written(part: EmailMessage) -> list[Block]:
    text = decoded(_bytes(part), declared=part.get_content_charset() or "")
    if part.get_content_type() == "text/html":
        return read_html(text).blocks
    paragraphs = text.replace("\r\n", "\n").split("\n\n")
    return [Block(kind=BlockKind.TEXT, text=paragraph) for paragraph in paragraphs]


def _attached(part: EmailMessage, number: int, desk: Desk) -> Iterator[Block]:
    """Yield what an attachment says, under its name. It has no page of its own in the e-mail."""
    name = one_line(part.get_filename() or "")[:255] or f"part {number}"
    content = _bytes(part)
    if not content:
        return
    blocks = desk.attached(name, content, part.get_content_type())
    if blocks:
        yield Block(kind=BlockKind.HEADING, text=name, level=2)
    for block in blocks:
        level = min(block.level + 2, 6) if block.level else 0
        yield msgspec.structs.replace(block, page=1, boxes=(), level=level)


def _bytes(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload(0)
        return inner.as_bytes() if isinstance(inner, EmailMessage) else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
