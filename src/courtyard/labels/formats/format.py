"""Which formats there are, and which one a file is of."""

from collections.abc import Callable
from typing import NamedTuple

from courtyard.labels.formats import jpeg, markdown, mp3, mp4, office, pdf, png, riff
from courtyard.labels.formats.reading import Found

Find = Callable[[bytes], Found]
Put = Callable[[bytes, str | None], bytes]
Show = Callable[[bytes, str, str], bytes]


class Format(NamedTuple):
    """How a kind of file carries a label."""

    name: str
    media_type: str
    find: Find
    put: Put | None = None
    """Writes the label's JSON; nothing where the format has no place for metadata."""
    show: Show | None = None
    """Writes the notice for people, from the notice and a short title; pictures and sound have their own ways."""
    has_credentials: bool = False
    """Whether content credentials are signed into it."""


_OOXML = "application/vnd.openxmlformats-officedocument"

FORMATS = {
    format.name: format
    for format in (
        Format("png", "image/png", png.find, png.put, has_credentials=True),
        Format("jpeg", "image/jpeg", jpeg.find, jpeg.put, has_credentials=True),
        Format("webp", "image/webp", riff.find_webp, riff.put_webp, has_credentials=True),
        Format("pdf", "application/pdf", pdf.find, pdf.put, pdf.show, has_credentials=True),
        Format("wav", "audio/wav", riff.find_wav, riff.put_wav),
        Format("mp3", "audio/mpeg", mp3.find, mp3.put),
        Format("mp4", "video/mp4", mp4.find, mp4.put),
        Format("docx", f"{_OOXML}.wordprocessingml.document", office.find, office.put, office.show_docx),
        Format("xlsx", f"{_OOXML}.spreadsheetml.sheet", office.find, office.put, office.show_xlsx),
        Format("pptx", f"{_OOXML}.presentationml.presentation", office.find, office.put, office.show_pptx),
        Format("markdown", "text/markdown", markdown.find, markdown.put, markdown.show_markdown),
        Format("text", "text/plain", markdown.find_text, None, markdown.show_text),
    )
}


def format_of(data: bytes, name: str = "") -> Format | None:
    """Tell a file's format by what is in it; of texts, by the name too."""
    kind = _binary(data)
    if kind is None and data and markdown.is_text(data):
        is_markdown = name.lower().endswith((".md", ".markdown")) or data[:4] in (b"---\n", b"---\r")
        kind = "markdown" if is_markdown else "text"
    return FORMATS[kind] if kind else None


def _binary(data: bytes) -> str | None:
    signs = {
        "png": data.startswith(png.SIGNATURE),
        "jpeg": data.startswith(jpeg.SIGNATURE),
        "webp": riff.is_form(data, b"WEBP"),
        "wav": riff.is_form(data, b"WAVE"),
        "mp4": mp4.is_mp4(data),
        "pdf": data[:1024].lstrip().startswith(b"%PDF-"),
        "mp3": mp3.is_mp3(data),
    }
    found = next((name for name, is_it in signs.items() if is_it), None)
    return office.kind_of(data) if found is None and data[:2] == b"PK" else found
