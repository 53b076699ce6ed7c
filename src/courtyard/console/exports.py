"""Tables as files: for spreadsheets as CSV, for programs as JSON."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response

from courtyard.console.session import Visit
from courtyard.core.amount import Amount, currency

FILES = ("csv", "json")
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_SPREADSHEET_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_MARK = b"\xef\xbb\xbf"
"""Tells spreadsheets that a file is UTF-8."""
_NANO_DIGITS = 9


def paths(path: str) -> list[str]:
    """List the addresses of a page and of the files with its table: `/a`, `/a.csv`, `/a.json`."""
    return [path, *(f"{path}.{suffix}" for suffix in FILES)]


def asked_file(request: Visit) -> str | None:
    """Say which file is asked for, where it is not the page."""
    suffix = request.url.path.rpartition(".")[2]
    return suffix if suffix in FILES else None


def table(request: Visit, name: str, kind: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> Response[bytes]:
    """Send rows as the file that is asked for; all of them, where a page shows a part."""
    suffix = asked_file(request) or "json"
    content = (
        msgspec.json.encode(rows, enc_hook=str)
        if suffix == "json"
        else written(_columns(kind), [_cells(row) for row in rows])
    )
    return attached(f"{name}.{suffix}", _TYPES[suffix], content)


def attached(name: str, media_type: str, content: bytes) -> Response[bytes]:
    """Send a file that a browser saves."""
    return Response(content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})


def written(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Write rows as CSV in which no cell runs as a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return _MARK + text.getvalue().encode()


class Digits(str):
    """A number of ours as text, which a minus may precede: no formula."""

    __slots__ = ()


def decimal(count: int, digits: int = _NANO_DIGITS) -> Digits:
    """Write a whole number of small units as an exact decimal."""
    whole, part = divmod(abs(count), 10**digits)
    sign = "-" if count < 0 else ""
    return Digits(f"{sign}{whole}.{part:0{digits}}" if digits else f"{sign}{whole}")


def harmless(text: str) -> str:
    """Keep a spreadsheet from running what somebody named a model or a key."""
    return f"'{text}" if text.startswith(_SPREADSHEET_FORMULAS) else text


def _columns(kind: type[msgspec.Struct]) -> list[str]:
    columns = []
    for field in msgspec.structs.fields(kind):
        columns += [field.name, f"{field.name}_unit"] if field.type is Amount else [field.name]
    return columns


def _cells(row: msgspec.Struct) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if isinstance(value, Amount):
            code = currency(value.unit)
            cells[name] = decimal(value.count) if code else value.count
            cells[f"{name}_unit"] = code or value.unit
        else:
            cells[name] = value
    return cells


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Digits) else value
