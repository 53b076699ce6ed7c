"""PDF (ISO 32000): the entry `AIGC` of the document information; XMP is read as well."""

import logging
from io import BytesIO
from typing import Any

from courtyard.labels.formats import xmp
from courtyard.labels.formats.reading import TEXT_BYTES_MAX, Found, Unreadable, Unwritable
from courtyard.labels.paper import page_with
from courtyard.labels.rules import KEY

_NAME = f"/{KEY}"
_TEXT_MAX = 20_000

_log = logging.getLogger("pypdf")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # It quotes what it can't read, and nobody's content belongs in a log.


def find(data: bytes) -> Found:
    """Read every copy of the label, and the text of the first page and the last."""
    document = _read(data)
    try:
        entries = document.trailer.get("/Info", {}).get_object() or {}
        copies = [_text(entries, name) for name in entries if name.upper() == _NAME]
        packet = _packet(document)
        pages = document.pages
        ends = [pages[0], pages[-1]][: len(pages)] if len(pages) else []
        text = "\n".join(page.extract_text()[:_TEXT_MAX] for page in ends)
    except Unreadable:
        raise
    except Exception as error:  # pypdf raises whatever its own reading meets.
        raise Unreadable("the PDF is damaged") from error
    return Found(copies=(*copies, *(xmp.find(packet) if packet else ())), lines=tuple(text.splitlines()))


def put(data: bytes, text: str | None) -> bytes:
    """Write the label in place of any; `None` only takes it out."""
    from pypdf import PdfWriter  # noqa: PLC0415 - A server need not load it.

    document = _read(data)
    _check_unsigned(document)
    packet = _packet(document)
    try:
        writer = PdfWriter(clone_from=document)
        kept = {name: value for name, value in (document.metadata or {}).items() if name.upper() != _NAME}
        writer.metadata = kept if text is None else {**kept, _NAME: text}
        if packet and xmp.find(packet):
            writer.xmp_metadata = xmp.put(packet, None)
        return _written(writer)
    except Unreadable:
        raise
    except Exception as error:  # pypdf raises whatever its own writing meets.
        raise Unwritable("the PDF can't be written again; repair it first, as `qpdf IN OUT` does") from error


def show(data: bytes, notice: str, _title: str) -> bytes:
    """Write the notice at the head of the first page."""
    from pypdf import PdfReader, PdfWriter  # noqa: PLC0415 - A server need not load it.

    document = _read(data)
    _check_unsigned(document)
    try:
        writer = PdfWriter(clone_from=document)
        page = writer.pages[0]
        box = page.mediabox
        over = PdfReader(BytesIO(page_with(notice, float(box.width), float(box.height)))).pages[0]
        page.merge_translated_page(over, float(box.left), float(box.bottom))
        return _written(writer)
    except Unwritable:
        raise
    except Exception as error:  # pypdf raises whatever its own writing meets.
        raise Unwritable("the PDF can't be written again; repair it first, as `qpdf IN OUT` does") from error


def _read(data: bytes) -> Any:
    from pypdf import PdfReader  # noqa: PLC0415 - A server need not load it.

    if not data[:1024].lstrip().startswith(b"%PDF"):
        raise Unreadable("it is no PDF")
    try:
        document = PdfReader(BytesIO(data))
        is_secret = document.is_encrypted
    except Exception as error:  # pypdf raises whatever its own reading meets.
        raise Unreadable("the PDF is damaged") from error
    if is_secret:
        raise Unreadable("the PDF is encrypted")
    return document


def _packet(document: Any) -> bytes | None:
    stream = document.trailer["/Root"].get_object().get("/Metadata")
    if stream is None:
        return None
    packet = bytes(stream.get_object().get_data())
    if len(packet) > TEXT_BYTES_MAX:
        raise Unreadable("XMP is too large")
    return packet


def _text(entries: Any, name: str) -> str:
    value = entries[name].get_object()
    if not isinstance(value, str):
        raise Unreadable("the entry AIGC is no text")
    return value


def _check_unsigned(document: Any) -> None:
    form = document.trailer["/Root"].get_object().get("/AcroForm")
    if form is not None and int(form.get_object().get("/SigFlags", 0)) & 1:
        raise Unwritable("it is signed, and a label would break the signature; label it before it is signed")


def _written(writer: Any) -> bytes:
    file = BytesIO()
    writer.write(file)
    return file.getvalue()
