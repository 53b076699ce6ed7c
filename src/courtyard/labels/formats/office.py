"""DOCX, XLSX and PPTX (ISO/IEC 29500): a custom property `AIGC`, and a label that people read."""

import re
from collections.abc import Callable
from itertools import islice

from courtyard.labels.formats import markup
from courtyard.labels.formats.archive import Archive
from courtyard.labels.formats.reading import Found, Unreadable, Unwritable
from courtyard.labels.rules import KEY

_CUSTOM = "docProps/custom.xml"
_TYPES = "[Content_Types].xml"
_ROOT_LINKS = "_rels/.rels"
_CUSTOM_TYPE = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_USER_PROPERTIES = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"
_NEW_CUSTOM = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"'
    b' xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"></Properties>'
)
_VT = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
_MAIN_PARTS = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/presentation.xml"}
_SLIDE = re.compile(r"ppt/slides/slide(\d{1,6})\.xml")
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_AIGC_SHEET = "xl/worksheets/aigc.xml"
_LINES_MAX = 40
_SHEETS_MAX = 50


def kind_of(data: bytes) -> str | None:
    """Say which of the three an archive is, by its main part."""
    try:
        archive = Archive(data)
    except Unreadable:
        return None
    return next((kind for kind, part in _MAIN_PARTS.items() if part in archive), None)


def find(data: bytes) -> Found:
    """Read every copy of the label among the custom properties, and text from the beginning and the end."""
    archive = Archive(data)
    copies = []
    if _CUSTOM in archive:
        part = archive.read(_CUSTOM)
        properties = [e for e in markup.scan(part, "property") if e.attributes.get("name", "").upper() == KEY]
        values = markup.scan(part, *("lpwstr", "lpstr", "bstr"))
        copies = [_value(part, entry, values) for entry in properties]
    return Found(copies=tuple(copies), lines=_lines(archive))


def put(data: bytes, text: str | None) -> bytes:
    """Write the label as a custom property, in place of any; `None` only takes it out."""
    archive = Archive(data)
    _check_unsigned(archive)
    changed: dict[str, bytes] = {}
    is_new = _CUSTOM not in archive
    part = _NEW_CUSTOM if is_new else archive.read(_CUSTOM)
    mine = [e for e in markup.scan(part, "property") if e.attributes.get("name", "").upper() == KEY]
    part = markup.cut(part, [(entry.start, entry.end) for entry in mine])
    if text is not None:
        changed[_CUSTOM] = _with_property(part, text)
        if is_new:
            changed[_TYPES] = _with_type(archive.read(_TYPES), f"/{_CUSTOM}", _CUSTOM_TYPE)
            changed[_ROOT_LINKS] = _with_link(archive.read(_ROOT_LINKS), "custom-properties", _CUSTOM)[0]
    elif mine:
        changed[_CUSTOM] = part
    return archive.written(changed)


def show_docx(data: bytes, notice: str, _title: str) -> bytes:
    """Begin a document with the notice."""
    archive = Archive(data)
    _check_unsigned(archive)
    part = archive.read(_MAIN_PARTS["docx"])
    body = _first(part, "body")
    w = markup.prefix_of(body.name)
    run = f'<{w}r><{w}t xml:space="preserve">{markup.escape(notice)}</{w}t></{w}r>'
    return archive.written({_MAIN_PARTS["docx"]: markup.insert(part, body.inside, f"<{w}p>{run}</{w}p>")})


def show_xlsx(data: bytes, notice: str, title: str) -> bytes:
    """End a workbook with a sheet that holds the notice: no cell, range or index of the others moves."""
    archive = Archive(data)
    _check_unsigned(archive)
    if _AIGC_SHEET in archive:
        return data
    workbook = archive.read(_MAIN_PARTS["xlsx"])
    sheets = _first(workbook, "sheets")
    existing = markup.scan(workbook, "sheet")
    names = {entry.attributes.get("name", "").lower() for entry in existing}
    number = 1 + max((int(e.attributes.get("sheetId", "0")[:9] or 0) for e in existing), default=0)
    links = "xl/_rels/workbook.xml.rels"
    linked, link = _with_link(archive.read(links), "worksheet", "worksheets/aigc.xml")
    name = title if title.lower() not in names else f"{title} ({number})"
    entry = (
        f"<{markup.prefix_of(sheets.name)}sheet name={markup.quoteattr(name)} "
        f'sheetId="{number}" xmlns:cyr="{_RELATIONS}" cyr:id="{link}"/>'
    )
    sheet = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
        f'<c r="A1" t="inlineStr"><is><t>{markup.escape(notice)}</t></is></c></row></sheetData></worksheet>'
    )
    types = _with_type(archive.read(_TYPES), f"/{_AIGC_SHEET}", f"{_SHEET_TYPE.replace('.sheet', '.worksheet')}+xml")
    return archive.written(
        {
            _MAIN_PARTS["xlsx"]: markup.insert(workbook, sheets.closing, entry),
            links: linked,
            _TYPES: types,
            _AIGC_SHEET: sheet.encode(),
        }
    )


def show_pptx(data: bytes, notice: str, _title: str) -> bytes:
    """Write the notice at the foot of every slide."""
    archive = Archive(data)
    _check_unsigned(archive)
    size = next(iter(markup.scan(archive.read(_MAIN_PARTS["pptx"]), "sldSz")), None)
    width, height = (_emu(size, name) for name in ("cx", "cy")) if size else (9_144_000, 6_858_000)
    slides = [name for name in archive.parts if _SLIDE.fullmatch(name)]
    return archive.written({name: _with_box(archive.read(name), notice, width, height) for name in slides})


def _with_box(slide: bytes, notice: str, width: int, height: int) -> bytes:
    tree = _first(slide, "spTree")
    p = markup.prefix_of(tree.name)
    ids = [e.attributes.get("id", "") for e in markup.scan(slide, "cNvPr")]
    number = 1 + max((int(id) for id in ids if id.isascii() and id.isdigit() and len(id) < 10), default=1)
    tall = height // 20
    box = (
        f'<{p}sp xmlns:cya="http://schemas.openxmlformats.org/drawingml/2006/main"><{p}nvSpPr>'
        f'<{p}cNvPr id="{number}" name="{KEY}"/><{p}cNvSpPr txBox="1"/><{p}nvPr/></{p}nvSpPr><{p}spPr><cya:xfrm>'
        f'<cya:off x="{width // 20}" y="{height - 2 * tall}"/><cya:ext cx="{width - width // 10}" cy="{tall}"/>'
        "</cya:xfrm>"
        f'<cya:prstGeom prst="rect"><cya:avLst/></cya:prstGeom></{p}spPr><{p}txBody><cya:bodyPr wrap="square"/>'
        f'<cya:p><cya:r><cya:rPr sz="1400"/><cya:t>{markup.escape(notice)}</cya:t></cya:r></cya:p></{p}txBody></{p}sp>'
    )
    extension = next((e for e in markup.scan(slide, "extLst") if e.path[-1:] == ("spTree",)), None)
    return markup.insert(slide, extension.start if extension else tree.closing, box)


def _emu(size: markup.Element, name: str) -> int:
    text = size.attributes.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 9_144_000


def _value(part: bytes, entry: markup.Element, values: list[markup.Element]) -> str:
    inside = [value.text for value in values if entry.start < value.start < entry.end]
    if len(inside) != 1:
        raise Unreadable("the property AIGC is no text")
    return inside[0]


def _with_property(part: bytes, text: str) -> bytes:
    root = _first(part, "Properties")
    numbers = [e.attributes.get("pid", "") for e in markup.scan(part, "property")]
    number = 1 + max((int(n) for n in numbers if n.isascii() and n.isdigit() and len(n) < 10), default=1)
    prefix = markup.prefix_of(root.name)
    entry = (
        f'<{prefix}property fmtid="{_USER_PROPERTIES}" pid="{number}" name="{KEY}">'
        f'<cyv:lpwstr xmlns:cyv="{_VT}">{markup.escape(text)}</cyv:lpwstr></{prefix}property>'
    )
    return markup.insert(part, root.closing, entry)


def _with_type(types: bytes, part: str, content_type: str) -> bytes:
    root = _first(types, "Types")
    entry = f'<{markup.prefix_of(root.name)}Override PartName="{part}" ContentType="{content_type}"/>'
    return markup.insert(types, root.closing, entry)


def _with_link(links: bytes, kind: str, target: str) -> tuple[bytes, str]:
    root = _first(links, "Relationships")
    taken = {entry.attributes.get("Id", "") for entry in markup.scan(links, "Relationship")}
    id = next(f"rIdAIGC{n}" for n in range(1, 10_000) if f"rIdAIGC{n}" not in taken)
    prefix = markup.prefix_of(root.name)
    entry = f'<{prefix}Relationship Id="{id}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
    return markup.insert(links, root.closing, entry), id


def _first(part: bytes, name: str) -> markup.Element:
    found = next(iter(markup.scan(part, name)), None)
    if found is None or found.is_empty_tag:
        raise Unreadable(f"a part has no {name}, or an empty one")
    return found


def _check_unsigned(archive: Archive) -> None:
    if any(name.startswith("_xmlsignatures/") for name in archive.parts):
        raise Unwritable("it is signed, and a label would break the signature; label it before it is signed")


def _lines(archive: Archive) -> tuple[str, ...]:
    """Read text from the beginning and the end of a document, of every slide, or of the sheets."""
    if _MAIN_PARTS["docx"] in archive:
        return _paragraphs(archive.read(_MAIN_PARTS["docx"]))
    is_wanted: Callable[[str], object] = _SLIDE.fullmatch if _MAIN_PARTS["pptx"] in archive else _SHEET.fullmatch
    parts = [name for name in archive.parts if is_wanted(name)]
    if "xl/sharedStrings.xml" in archive:
        parts.insert(0, "xl/sharedStrings.xml")
    ends = [*parts[: _SHEETS_MAX // 2], *parts[-_SHEETS_MAX // 2 :]]
    return tuple(line for name in dict.fromkeys(ends) for line in _paragraphs(archive.read(name)))


def _paragraphs(part: bytes) -> tuple[str, ...]:
    """Join what is written within a paragraph, so that a label in several runs is one line."""
    lines: list[str] = []
    owner = -1
    ends = iter(sorted(e.end for e in markup.scan(part, "p", "is", "si")))
    end = next(ends, -1)
    for text in markup.scan(part, "t"):
        while 0 <= end <= text.start:
            end = next(ends, -1)
        if end == owner and lines:
            lines[-1] += text.text
        else:
            lines.append(text.text)
        owner = end
    shown = [line for line in lines if line.strip()]
    return (*shown[:_LINES_MAX], *islice(shown[_LINES_MAX:], max(0, len(shown) - 2 * _LINES_MAX), None))
