"""Files of Office are ZIP archives of XML: looked through before a library unpacks them."""

import io
import re
import zipfile
import zlib

from courtyard.documents.model import DocumentsSettings, Unreadable

_PARTS_MAX = 20_000
_DECLARES = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_CHUNK = 1 << 20
_OVERLAP = 64
_XML = (".xml", ".rels", ".vml")


def check(content: bytes, limits: DocumentsSettings) -> None:
    """Refuse an archive that unpacks to too much, is encrypted, or whose XML declares entities.

    Raises:
        Unreadable: it is one of these, or damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive, limits)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError, RuntimeError, zlib.error) as error:
        raise Unreadable("it is damaged; open it where it was made, and save it again") from error


def _check(archive: zipfile.ZipFile, limits: DocumentsSettings) -> None:
    parts = archive.infolist()
    # No more of a part is ever unpacked than its size here says.
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > _PARTS_MAX or unpacked > limits.unpacked_max:
        raise Unreadable(
            f"unpacked it takes {unpacked:,} bytes in {len(parts):,} parts, and may take {limits.unpacked_max:,} in "
            f"{_PARTS_MAX:,}; split it, or raise [documents] unpacked_max"
        )
    for part in parts:
        if part.flag_bits & 1:
            raise Unreadable("it is protected by a password; save it without one")
        if part.filename.lower().endswith(_XML):
            _check_xml(archive, part)


def _check_xml(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    with archive.open(part) as opened:
        kept = b""
        while chunk := opened.read(_CHUNK):
            # UTF-16 has a zero beside each ASCII letter.
            if _DECLARES.search((kept + chunk).replace(b"\x00", b"")):
                raise Unreadable("its XML declares a document type or entities, which no program of Office writes")
            kept = chunk[-_OVERLAP:]
