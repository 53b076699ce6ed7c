"""Reading an upstream bill: somebody else's CSV, within bounds, every number exactly as it is written."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from io import StringIO
from typing import NamedTuple

from courtyard.billing.reconciliation.model import LUMPED, Bill, BillLine
from courtyard.core.errors import InvalidRequest
from courtyard.core.usage import DIMENSIONS, Usage

BYTES_MAX = 64 << 20
ROWS_MAX = 1_000_000
_COLUMNS_MAX = 500
_COUNT_MAX = 1 << 50
_TEXT_MAX = 300
_AMOUNT_MAX = 10**15

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
"""Sums and products are exact or they raise."""

_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_COMMA = re.compile(r"-?[0-9]{1,30},[0-9]{1,40}", re.ASCII)
_US_DAY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})", re.ASCII)
_EPOCH = re.compile(r"[0-9]{9,10}", re.ASCII)
_UNIT = re.compile(r"([0-9]{1,9}) ?([KM]?)(?:[ /].*)?", re.ASCII)
_THOUSANDS = {"": 1, "K": 1000, "M": 1_000_000}

FIELDS = ("day", "model", "prompt", "completion", *DIMENSIONS, "requests", "cost", "currency", "dimension")
LONG_FIELDS = ("quantity", "unit")
"""Of bills that have a line for each dimension."""

Columns = dict[str, tuple[str, ...]]
"""Which columns a field is the sum of."""

FORMATS: dict[str, Columns] = {
    "openai": {
        "day": ("start_time_iso", "start_time"),
        "model": ("model",),
        "prompt": ("input_tokens",),
        "cached_input": ("input_cached_tokens",),
        "completion": ("output_tokens",),
        "requests": ("num_model_requests",),
        "cost": ("amount_value",),
        "currency": ("amount_currency",),
    },
    "anthropic": {
        "day": ("usage_date_utc",),
        "model": ("model_version", "model"),
        "input": ("usage_input_tokens_no_cache",),
        "cached_input": ("usage_input_tokens_cache_read",),
        "cache_write": ("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h"),
        "completion": ("usage_output_tokens",),
        "cost": ("cost_usd",),
    },
    "azure": {
        "day": ("Date",),
        "model": ("MeterSubCategory",),
        "dimension": ("MeterName",),
        "quantity": ("Quantity",),
        "unit": ("UnitOfMeasure",),
        "cost": ("CostInBillingCurrency",),
        "currency": ("BillingCurrencyCode", "BillingCurrency"),
    },
}
"""How exports of known providers name their columns. Any other bill is read by its own `--map`."""

_SUMMED = frozenset({"prompt", "completion", "requests", "cost", *DIMENSIONS})
"""Fields whose columns are added; of another field's columns the first that is there counts."""


class _Row(NamedTuple):
    number: int
    values: Mapping[str, list[str]]
    comma: bool

    def text(self, field: str) -> str:
        return next((value for value in self.values.get(field, ()) if value), "")

    def count(self, field: str) -> int:
        """Sum the columns of a field, which must be a whole number."""
        number = self.number_of(field)
        if number != number.to_integral_value() or not 0 <= number <= _COUNT_MAX:
            raise self.wrong(f"{field} is {number}, which is no count")
        return int(number)

    def number_of(self, field: str) -> Decimal:
        sum = Decimal(0)
        for text in self.values.get(field, ()):
            sum = EXACT.add(sum, self._number(text))
        return sum

    def wrong(self, why: str) -> InvalidRequest:
        return InvalidRequest(f"line {self.number} of the bill: {why}")

    def _number(self, text: str) -> Decimal:
        text = text.strip().removeprefix("$").strip()
        if not text:
            return Decimal(0)
        if self.comma and _COMMA.fullmatch(text):
            text = text.replace(",", ".")
        if not _NUMBER.fullmatch(text):
            raise self.wrong(f"{text[:40]!r} is no number")
        number = Decimal(text)
        if abs(number) > _AMOUNT_MAX:
            raise self.wrong(f"{text[:40]!r} is too large a number")
        return number


def read_bill(
    raw: bytes, *, month: str, columns: Mapping[str, tuple[str, ...]] | None = None, currency: str | None = None
) -> Bill:
    """Read a bill's lines of a month.

    Raises:
        InvalidRequest: it can't be read; the message names the line.
    """
    text = _decoded(raw)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        format, chosen = _chosen(header, dict(columns or {}))
        for name in sorted({name for names in chosen.values() for name in names}):
            if header.count(name) > 1:
                raise InvalidRequest(f"the bill has {header.count(name)} columns {name!r}; rename the one that counts")
        places = {field: [header.index(name) for name in names] for field, names in chosen.items()}
        return _gathered(
            _rows(rows, places, comma=delimiter == ";"), format=format, chosen=chosen, month=month, currency=currency
        )
    except csv.Error as error:
        raise InvalidRequest(f"line {rows.line_num} of the bill is no CSV: {error}") from error


def _decoded(raw: bytes) -> str:
    if len(raw) > BYTES_MAX:
        raise InvalidRequest(f"the bill is larger than {BYTES_MAX >> 20} MiB; split it by month")
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the bill is not {encoding.removesuffix('-sig')}: save it as UTF-8 ({error})") from error
    if "\0" in text:
        raise InvalidRequest("the bill is no text; export it as CSV")
    return text


def _chosen(header: list[str], given: Mapping[str, tuple[str, ...]]) -> tuple[str, Columns]:
    """Pick the columns: those that were named, and those of the format that has most of its own."""
    if len(header) > _COLUMNS_MAX:
        raise InvalidRequest(f"the bill has more than {_COLUMNS_MAX} columns")
    for field, names in given.items():
        if field not in (*FIELDS, *LONG_FIELDS):
            raise InvalidRequest(f"{field!r} is no field of a bill; there are {', '.join((*FIELDS, *LONG_FIELDS))}")
        if missing := [name for name in names if name not in header]:
            raise InvalidRequest(f"the bill has no column {missing[0]!r}; it has {', '.join(header)[:_TEXT_MAX]}")
    found = {name: _there(columns, header) for name, columns in FORMATS.items()}
    name = max(found, key=lambda name: len(found[name]))
    fits = {"day", "model"} <= found[name].keys()
    chosen = {**(found[name] if fits else {}), **given}
    if not {"day", "model"} <= chosen.keys():
        raise InvalidRequest(
            "it is not known which columns of the bill are what; say so, as in --map day=Date --map model=SKU "
            f"--map input=Tokens --map cost=Amount. It has {', '.join(header)[:_TEXT_MAX]}"
        )
    if not chosen.keys() - {"day", "model", "currency", "dimension", "unit"}:
        raise InvalidRequest("the bill counts nothing and costs nothing; --map a column of tokens or cost")
    return name if fits and not given else "mapped", chosen


def _there(columns: Columns, header: list[str]) -> Columns:
    found = {}
    for field, names in columns.items():
        there = tuple(name for name in names if name in header)
        if there:
            found[field] = there if field in _SUMMED else there[:1]
    return found


def _rows(rows: Iterator[list[str]], places: Mapping[str, list[int]], *, comma: bool) -> Iterator[_Row]:
    widest = max(place for group in places.values() for place in group)
    for number, cells in enumerate(rows, start=2):
        if number > ROWS_MAX:
            raise InvalidRequest(f"the bill has more than {ROWS_MAX:,} lines")
        if not any(cells):
            continue
        if len(cells) <= widest:
            raise InvalidRequest(f"line {number} of the bill has {len(cells)} columns, fewer than its first line")
        yield _Row(number, {field: [cells[place].strip() for place in group] for field, group in places.items()}, comma)


def _gathered(rows: Iterable[_Row], *, format: str, chosen: Columns, month: str, currency: str | None) -> Bill:
    """Sum lines by day and model."""
    lines: list[BillLine] = []
    codes, places, outside, outside_cost = set[str](), 0, 0, Decimal(0)
    dimensions: set[str] = {_coarse(field) for field in chosen if field in ("prompt", "completion", *DIMENSIONS)}
    for row in rows:
        line, cost = _line(row, chosen)
        if row.text("currency"):
            codes.add(row.text("currency").upper()[:3])
        places = max(places, -int(cost.as_tuple().exponent)) if cost else places
        if not line.day.startswith(month):
            outside, outside_cost = outside + 1, EXACT.add(outside_cost, cost)
            continue
        if "quantity" in chosen:
            dimensions |= {name for name in DIMENSIONS if getattr(line.usage, name)}
        lines.append(line)
    if len(codes) > 1 or (currency and codes and codes != {currency}):
        raise InvalidRequest(f"the bill is in {', '.join(sorted(codes))}; reconcile one currency at a time")
    return Bill(
        format=format,
        currency=next(iter(codes), currency or "USD"),
        has_cost="cost" in chosen,
        dimensions=frozenset(dimensions),
        places=places,
        lines=merged(lines),
        outside=outside,
        outside_cost=outside_cost,
    )


def _line(row: _Row, chosen: Columns) -> tuple[BillLine, Decimal]:
    day, model = _day(row), row.text("model")
    if not 0 < len(model) <= _TEXT_MAX or not model.isprintable():
        raise row.wrong("it names no model")
    cost = row.number_of("cost")
    if "quantity" in chosen:
        dimension = _dimension(row.text("dimension"))
        usage = _counted(row, dimension)
        costs = {dimension or LUMPED: cost}
    else:
        usage, costs = _usage(row), {LUMPED: cost}
    requests = row.count("requests") if "requests" in chosen else None
    return BillLine(day=day, model=model, usage=usage, requests=requests, costs=costs), cost


def _usage(row: _Row) -> Usage:
    """Make a line's counts disjoint: what a provider counts in two columns is in one of ours."""
    counts = {name: row.count(name) for name in DIMENSIONS}
    if "prompt" in row.values:
        counts["input"] = row.count("prompt") - counts["cached_input"] - counts["cache_write"]
    if "completion" in row.values:
        counts["output"] = row.count("completion") - counts["reasoning"]
    if min(counts.values()) < 0:
        raise row.wrong("a part is larger than its whole: more cached tokens than the prompt has, or the like")
    return Usage(**counts)


def _counted(row: _Row, dimension: str) -> Usage:
    """Read a line that is for one dimension: so many of a unit, such as `1K`."""
    unit = _UNIT.fullmatch(row.text("unit").strip() or "1")
    factor = int(unit[1]) * _THOUSANDS[unit[2]] if unit else 1
    number = EXACT.multiply(row.number_of("quantity"), Decimal(factor))
    if number != number.to_integral_value() or not 0 <= number <= _COUNT_MAX:
        raise row.wrong(f"{number} is no count of tokens")
    return Usage(**{dimension: int(number)}) if dimension else Usage()


def _dimension(words: str) -> str:
    """Guess what a line counts from its words, as in `gpt-4o cached Inp glbl Tokens`."""
    words = words.lower()
    if "cach" in words or "cchd" in words:
        return "cache_write" if "writ" in words or "creat" in words else "cached_input"
    if "reason" in words:
        return "reasoning"
    if "out" in words or "completion" in words:
        return "output"
    return "input" if "in" in words.split() or "inp" in words or "prompt" in words else ""


def _day(row: _Row) -> str:
    text = row.text("day")
    try:
        if found := _US_DAY.fullmatch(text):
            return datetime(int(found[3]), int(found[1]), int(found[2]), tzinfo=UTC).strftime("%Y-%m-%d")
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(int(text), tz=UTC).strftime("%Y-%m-%d")
        return datetime.fromisoformat(text[:10]).strftime("%Y-%m-%d")
    except ValueError:
        raise row.wrong(f"{text[:40]!r} is no day: 2026-11-30, 11/30/2026 or seconds since 1970") from None


def merged(lines: Iterable[BillLine]) -> tuple[BillLine, ...]:
    """Sum lines of the same model and day, and put them in order."""
    sums: dict[tuple[str, str], BillLine] = {}
    for line in lines:
        known = sums.get((line.day, line.model))
        sums[line.day, line.model] = line if known is None else _sum(known, line)
    return tuple(sums[key] for key in sorted(sums))


def _sum(one: BillLine, other: BillLine) -> BillLine:
    costs = dict(one.costs)
    for dimension, cost in other.costs.items():
        costs[dimension] = EXACT.add(costs.get(dimension, Decimal(0)), cost)
    return BillLine(
        day=one.day,
        model=one.model,
        usage=one.usage + other.usage,
        requests=None if one.requests is None or other.requests is None else one.requests + other.requests,
        costs=costs,
        lines=one.lines + other.lines,
    )


def _coarse(field: str) -> str:
    return {"prompt": "input", "completion": "output"}.get(field, field)
