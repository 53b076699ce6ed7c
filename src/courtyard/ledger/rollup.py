"""Usage summed as receipts are posted: finely for each customer, in brief for the house. Nothing scans receipts."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from courtyard.core.amount import Amount, Unit
from courtyard.core.usage import DIMENSIONS, Usage
from courtyard.ledger import rules, store
from courtyard.ledger.findings import Findings
from courtyard.ledger.model import Dimension, Settled, UsageFilter, UsageRow
from courtyard.ledger.tables import BRIEF_LABELS, USAGE_COUNTS, USAGE_LABELS, usage, usage_in_brief

_FILTERS = ("organisation", "project", "key", "person", "model")


def add(db: Connection, booked: Iterable[Settled]) -> None:
    """Add receipts to the sums that they belong to."""
    sums: rules.UsageSums = {}
    for receipt in booked:
        rules.add_usage(sums, receipt)
    _add(db, usage, USAGE_LABELS, sums)
    _add(db, usage_in_brief, BRIEF_LABELS, rules.in_brief(sums))


def read_usage(db: Connection, asked: UsageFilter, by: Sequence[Dimension]) -> tuple[UsageRow, ...]:
    """Sum the rollups that the filter lets through, by some dimensions and by currency."""
    table, wheres = _where(asked, by)
    columns = [table.c[one if one in table.c else "moment"].label(one) for one in by]
    sums = [func.sum(table.c[name]).label(name) for name in USAGE_COUNTS]
    query = select(*columns, table.c.unit, *sums).where(*wheres).group_by(*columns, table.c.unit)
    return tuple(_usage_row(row, by) for row in db.execute(query.order_by(*columns, table.c.unit)))


def check(db: Connection, summed: rules.UsageSums, findings: Findings) -> None:
    """The rollups say what the receipts say."""
    _check(db, usage, USAGE_LABELS, summed, findings)
    _check(db, usage_in_brief, BRIEF_LABELS, rules.in_brief(summed), findings)


def _add(db: Connection, table: Table, labels: Sequence[str], sums: rules.UsageSums) -> None:
    adding = store.upsert(db, table)
    # In one order, so that two nodes never wait for each other.
    rows = [
        dict(zip((*labels, *USAGE_COUNTS), (*place, *counts), strict=True)) for place, counts in sorted(sums.items())
    ]
    added = {name: table.c[name] + adding.excluded[name] for name in USAGE_COUNTS}
    db.execute(adding.on_conflict_do_update(index_elements=list(labels), set_=added), rows)


def _where(asked: UsageFilter, by: Sequence[Dimension]) -> tuple[Table, list[ColumnElement[bool]]]:
    """Find the shortest table that can answer, and which of its rows do."""
    wanted = {name: value for name in _FILTERS if (value := getattr(asked, name)) is not None}
    asks = {*wanted, *by}
    if asks <= {Dimension.DAY, Dimension.MODEL, Dimension.PRICE_BOOK}:
        table, first, last = usage_in_brief, asked.day_first, asked.day_last
        moment: ColumnElement[str] = table.c.moment
        wheres = [table.c.organisation == ""]
    elif asks <= {Dimension.ORGANISATION, Dimension.MODEL, Dimension.PRICE_BOOK} and rules.is_of_months(asked):
        table = usage_in_brief
        first, last = (None if day is None else rules.month_of(day) for day in (asked.day_first, asked.day_last))
        moment = table.c.moment
        wheres = [table.c.organisation != ""]
    else:
        table, first, last = usage, asked.day_first, asked.day_last
        moment = table.c.day
        wheres = []
    wheres += [table.c[name] == value for name, value in wanted.items()]
    wheres += [] if first is None else [moment >= first]
    wheres += [] if last is None else [moment <= last]
    return table, wheres


def _usage_row(row: Any, by: Sequence[Dimension]) -> UsageRow:
    # PostgreSQL sums integers into decimals; they are whole.
    return UsageRow(
        by={dimension: getattr(row, dimension) for dimension in by},
        requests=int(row.requests),
        served=int(row.served),
        usage=Usage(**{name: int(getattr(row, name)) for name in DIMENSIONS}),
        cost=Amount(int(row.cost), Unit(row.unit)),
    )


def _check(db: Connection, table: Table, labels: Sequence[str], summed: rules.UsageSums, findings: Findings) -> None:
    left = dict(summed)
    for row in db.execute(select(*(table.c[name] for name in (*labels, *USAGE_COUNTS)))):
        place, counts = tuple(row[: len(labels)]), list(row[len(labels) :])
        sums = left.pop(place, [0] * len(USAGE_COUNTS))
        for name, stands, sum_ in zip(USAGE_COUNTS, counts, sums, strict=True):
            if stands != sum_:
                findings.add("usage", _words(labels, place), f"{name} stands at {stands}, receipts sum to {sum_}")
    for place in left:
        findings.add("usage", _words(labels, place), "receipts have it, the rollup does not")


def _words(labels: Sequence[str], place: Sequence[str]) -> str:
    return ", ".join(f"{name} {label}" for name, label in zip(labels, place, strict=True) if label)
