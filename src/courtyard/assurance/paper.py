"""The cover of a pack: what it says, for people, on paper."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from courtyard import typesetting
from courtyard.assurance.model import Kept
from courtyard.core.clock import date_time
from courtyard.typesetting import fonts

Row = tuple[str, str]

_TEMPLATE = Path(__file__).with_name("cover.typ")
_SHOWN = 40
"""How many rows of a list stand on paper; the archive has them all."""
_encode = msgspec.json.Encoder(order="sorted").encode


def cover(kept: Kept, report: dict[str, Any]) -> bytes:
    """Set a pack's cover as a PDF.

    Raises:
        Unavailable: the fonts are not installed, or the typesetter failed.
    """
    at = date_time(kept.made_at_ms)
    sheet = {
        "title": kept.title,
        "date": (at.year, at.month, at.day),
        "fonts": fonts.families("en"),
        "law": _text("; ".join(report["law"])),
        "notice": report["notice"],
        "facts": [(name, _text(value)) for name, value in _facts(kept, report)],
        "answers": [
            {"question": _text(one["question"]), "article": one["article"], "answer": _text(one["answer"])}
            for one in report["answers"]
        ],
        "sections": [_section(name, found) for name, found in report["facts"].items()],
        "counts": [(name, _text(value)) for name, value in _counts(report["records"])],
        "figures": [
            (_text(f"{one['name']} = {one['value']} {one.get('unit', '')}".strip()), _text(_origin(one)))
            for one in report["figures"]
        ],
        "digest": sha256(_encode(report)).hexdigest(),
    }
    return typesetting.pdf(_TEMPLATE, {"data": msgspec.json.encode(sheet).decode()})


def _facts(kept: Kept, report: dict[str, Any]) -> Iterator[Row]:
    yield "Pack", kept.id
    yield "Made", _moment(kept.made_at_ms)
    yield "Covers", f"{_moment(kept.from_ms)} to {_moment(kept.until_ms)}"
    yield "Organisation", kept.organisation or "all"
    if report["controller"]:
        yield "Controller", report["controller"]
    if report["contact"]:
        yield "Contact", report["contact"]
    yield "Policy pack", report["policy_pack"] or "none in force"
    until = "no policy pack says how long" if kept.keep_until_ms is None else f"until {_moment(kept.keep_until_ms)}"
    yield "To be kept", until


def _counts(counts: dict[str, Any]) -> Iterator[Row]:
    yield "Records in this pack", f"{counts['count']:,}"
    yield "People and keys that asked", f"{counts['people']:,}"
    yield "Requests with personal data", f"{counts['with_personal_data']:,}"
    yield "Places masked", f"{counts['masked']:,}"
    for name in ("decision", "purpose", "tier", "provider", "region", "model", "label", "error", "rule"):
        if values := counts["by"].get(name):
            yield f"By {name}", _listed(values)
    if counts["classes"]:
        yield "Personal data found", _listed(counts["classes"])


def _section(name: str, found: Any) -> dict[str, Any]:
    """Show a fact as it is: one value, the members of one thing, or a few lines of a list."""
    heading = name.replace("_", " ").capitalize()
    if found is None:
        return {"heading": heading, "note": "This installation has nobody who could tell.", "rows": []}
    if not isinstance(found, list):
        rows = found.items() if isinstance(found, dict) else [(heading, found)]
        return {"heading": heading, "note": "", "rows": [(str(key), _text(value)) for key, value in rows]}
    note = "None." if not found else ""
    if len(found) > _SHOWN:
        note = f"The first {_SHOWN} of {len(found):,}; report.json has all."
    rows = [(f"{number}", _text(one)) for number, one in enumerate(found[:_SHOWN], start=1)]
    return {"heading": heading, "note": note, "rows": rows}


def _listed(values: dict[str, int]) -> str:
    most = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    more = f", and {len(most) - 12} more" if len(most) > 12 else ""
    return ", ".join(f"{name} {count:,}" for name, count in most[:12]) + more


def _origin(figure: dict[str, Any]) -> str:
    return f"{figure['article']}. {figure['source']} (checked {figure['checked_on']})"


def _text(value: Any) -> str:
    """Write a value of a report in words that paper can show."""
    match value:
        case dict():
            shown = "; ".join(f"{name}: {_text(one)}" for name, one in value.items() if one not in ("", None, [], {}))
        case list() | tuple():
            shown = ", ".join(map(_text, value)) or "none"
        case None:
            shown = "–"
        case _:
            shown = str(value)
    return fonts.legible(shown)


def _moment(at_ms: int) -> str:
    return f"{date_time(at_ms):%Y-%m-%d %H:%M} UTC"
