"""Tells what a document is: by its content first, which can't lie, then by its type, then by its name."""

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import PurePath

from courtyard.documents.model import Unreadable

PDF = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
HTML = "text/html"
PLAIN = "text/plain"
MAIL = "message/rfc822"

_PARTS = {"word/document.xml": WORD, "xl/workbook.xml": EXCEL, "ppt/presentation.xml": SLIDES}
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLD = {".doc": ".docx", ".xls": ".xlsx", ".ppt": ".pptx", ".msg": ".eml"}
_HEAD = 1024
_HEADER = re.compile(rb"[a-z][a-z-]*:")
_SENDER = re.compile(rb"^(?:from|received|mime-version):", re.MULTILINE)
_UNKNOWN = ("", "application/octet-stream", "binary/octet-stream")


def media_type_of(name: str, content: bytes, declared: str, type_of_suffix: Mapping[str, str]) -> str:
    """Name the type of a document.

    Raises:
        Unreadable: it is empty, or of a kind that has to be saved in another way first.
    """
    if not content:
        raise Unreadable("it is empty")
    if found := _by_content(name, content):
        return found
    said = declared.partition(";")[0].strip().lower()
    by_name = type_of_suffix.get(suffix_of(name), "")
    if said not in _UNKNOWN and not (said == PLAIN and by_name):
        return said
    return by_name or _by_beginning(content)


def suffix_of(name: str) -> str:
    """Return how a name ends, with the dot, in small letters."""
    return PurePath(name).suffix.lower()


def _by_content(name: str, content: bytes) -> str:
    if b"%PDF-" in content[:_HEAD]:
        return PDF
    for signature, media_type in _PICTURES.items():
        if content.startswith(signature):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith(b"PK\x03\x04"):
        return _by_parts(content)
    if content.startswith(_COMPOUND):
        if _ENCRYPTED in content:
            raise Unreadable("it is protected by a password; save it without one")
        wanted = _OLD.get(suffix_of(name), ".docx, .xlsx or .pptx")
        raise Unreadable(f"it is in an old format of Office; save it as {wanted}")
    return ""


def _by_parts(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, RuntimeError):
        raise Unreadable("it begins like a ZIP file and is damaged; send it again") from None
    for part, media_type in _PARTS.items():
        if part in names:
            return media_type
    return "application/zip"


def _by_beginning(content: bytes) -> str:
    beginning = content[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith((b"<!doctype html", b"<html")):
        return HTML
    if _HEADER.match(beginning) and _SENDER.search(beginning):
        return MAIL
    if b"\x00" in content[:_HEAD] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "application/octet-stream"
    return PLAIN
