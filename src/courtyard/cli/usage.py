"""`courtyard usage`: requests, tokens and cost, as a table, a plot, CSV or JSON."""

import csv
import io
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, err, fits, open_house, out, print_json, print_table
from courtyard.core.amount import Amount, Unit, currency
from courtyard.core.errors import NotFound
from courtyard.core.ids import KeyId, OrganisationId, PersonId, ProjectId
from courtyard.core.usage import DIMENSIONS, Usage
from courtyard.ledger import Dimension, UsageFilter, UsageRow, words


class Format(StrEnum):
    """How usage is shown."""

    TABLE = "table"
    PLOT = "plot"
    CSV = "csv"
    JSON = "json"


class Measure(StrEnum):
    """What the bars of a plot are as long as."""

    COST = "cost"
    TOKENS = "tokens"
    REQUESTS = "requests"


_ALWAYS = {"input": "input", "cached_input": "cached", "output": "output", "reasoning": "reasoning"}
"""Dimensions that a table always has, by their headers; the others where there is any."""

_BLOCKS = " ▏▎▍▌▋▊▉█"
_BAR_MAX = 60


def day(text: str) -> str:
    """Read a day."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day: write 2026-01-31") from error


def usage(
    *,
    by: Annotated[
        list[Dimension] | None, typer.Option(help="Sum by this; may be given again. By day if left out.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", parser=day, help="From this UTC day on.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DAY", parser=day, help="Up to this UTC day, it included.")
    ] = None,
    organisation: Annotated[str | None, typer.Option(help="Only of this organisation.")] = None,
    project: Annotated[str | None, typer.Option(help="Only of this project.")] = None,
    key: Annotated[str | None, typer.Option(help="Only of this key.")] = None,
    model: Annotated[str | None, typer.Option(help="Only for this model.")] = None,
    format: Annotated[Format, typer.Option(help="How to show it.")] = Format.TABLE,
    measure: Annotated[Measure | None, typer.Option(help="What a plot shows; cost, where there is any.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show what was used: requests, tokens and cost."""
    asked = UsageFilter(
        organisation=organisation, project=project, key=key, model=model, day_first=since, day_last=until
    )
    dimensions = tuple(dict.fromkeys(by or (Dimension.DAY,)))
    with open_house(data_dir) as house:
        rows = house.ledger.usage(asked, dimensions)
        names = _names(house, rows)
    match Format.JSON if json else format:
        case Format.JSON:
            print_json(rows)
        case Format.CSV:
            sys.stdout.write(_csv(rows, dimensions))
        case _ if not rows:
            err.print("nothing was used")
        case Format.PLOT:
            for line in _plot(rows, dimensions, names, measure):
                out.print(line, highlight=False)
        case Format.TABLE:
            table = _table(rows, dimensions, names)
            print_table(
                table if fits(table) else _table(rows, dimensions, names, ids=False), "reasoning", "cached", "input"
            )


def _names(house: House, rows: tuple[UsageRow, ...]) -> dict[str, str]:
    """Find what people call the ids that usage is summed by."""
    identity = house.identity
    finds: dict[Dimension, Callable[[str], str]] = {
        Dimension.ORGANISATION: lambda id: identity.organisation(OrganisationId(id)).name,
        Dimension.PROJECT: lambda id: identity.project(ProjectId(id)).name,
        Dimension.KEY: lambda id: identity.key(KeyId(id)).name,
        Dimension.PERSON: lambda id: identity.person(PersonId(id)).name,
    }
    names: dict[str, str] = {}
    for dimension, id in {(dimension, id) for row in rows for dimension, id in row.by.items()}:
        if dimension in finds:
            try:
                names[id] = finds[dimension](id)
            except NotFound:  # It is gone, or a request had none.
                continue
    return names


def _table(rows: tuple[UsageRow, ...], by: tuple[Dimension, ...], names: dict[str, str], *, ids: bool = True) -> Table:
    """Lay usage out; without `ids`, only what has no name goes by its id."""
    table = Table(show_footer=True)
    for dimension in by:
        table.add_column(dimension, overflow="fold", no_wrap=dimension != Dimension.MODEL)
    total = sum((row.usage for row in rows), Usage())
    table.columns[0].footer = "all"
    dimensions = [name for name in DIMENSIONS if name in _ALWAYS or getattr(total, name)]
    table.add_column("requests", justify="right", footer=f"{sum(row.requests for row in rows):,}", no_wrap=True)
    for name in dimensions:
        header = _ALWAYS.get(name, name.replace("_", " "))
        table.add_column(header, justify="right", footer=f"{getattr(total, name):,}", no_wrap=True)
    costs: dict[Unit, Amount] = {}
    for row in rows:
        costs[row.cost.unit] = costs.get(row.cost.unit, Amount(0, row.cost.unit)) + row.cost
    footer = "\n".join(words(cost) for cost in costs.values() if cost.count)
    table.add_column("cost", justify="right", footer=footer, no_wrap=True)
    for row in rows:
        used = row.usage
        labels = [
            escape(_named(dimension, id, names)) + (f" [dim]{escape(id)}[/dim]" if ids and id in names else "")
            for dimension, id in row.by.items()
        ]
        counts = (row.requests, *(getattr(used, name) for name in dimensions))
        table.add_row(*labels, *(f"{count:,}" for count in counts), words(row.cost) if row.cost.count else "")
    return table


def _plot(
    rows: tuple[UsageRow, ...], by: tuple[Dimension, ...], names: dict[str, str], measure: Measure | None
) -> Iterator[str]:
    """Draw a bar a row, one picture for each currency."""
    if measure is None:
        measure = Measure.COST if any(row.cost.count for row in rows) else Measure.TOKENS
    for unit in dict.fromkeys(row.cost.unit for row in rows):
        shown = [row for row in rows if row.cost.unit == unit]
        bars = [(_label(row, names), _measured(row, measure)) for row in shown]
        if by == (Dimension.DAY,):
            bars = _every_day(bars)
        if measure == Measure.COST and currency(unit) is None and len(shown) < len(rows):
            continue  # What cost nothing has no bars in a picture of cost.
        wide = max(len(label) for label, _ in bars)
        most = max(count for _, count in bars)
        yield f"[bold]{measure}[/bold] by {', '.join(by)}"
        for label, count in bars:
            bar = f"[cyan]{_bar(count, most)}[/cyan]"
            yield f"{escape(label.ljust(wide))} {bar} {_count_words(count, measure, unit)}"


def _every_day(bars: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Show the days too when nobody came."""
    counts = dict(bars)
    first, last = date.fromisoformat(min(counts)), date.fromisoformat(max(counts))
    days = [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]
    return [(one, counts.get(one, 0)) for one in days]


def _bar(count: int, most: int) -> str:
    eighths = 0 if most == 0 else -(-count * _width() * 8 // most)
    whole, part = divmod(eighths, 8)
    return "█" * whole + (_BLOCKS[part] if part else "")


def _width() -> int:
    return max(10, min(_BAR_MAX, out.width - 50))


def _label(row: UsageRow, names: dict[str, str]) -> str:
    return " · ".join(_named(dimension, id, names) or "none" for dimension, id in row.by.items())


def _named(dimension: Dimension, id: str, names: dict[str, str]) -> str:
    """Say what people call an id; who asks in the console does so without a key."""
    return "assistant (no key)" if dimension == Dimension.KEY and not id else names.get(id, id)


def _measured(row: UsageRow, measure: Measure) -> int:
    match measure:
        case Measure.COST:
            return row.cost.count
        case Measure.TOKENS:
            return row.usage.total
        case Measure.REQUESTS:
            return row.requests


def _count_words(count: int, measure: Measure, unit: Unit) -> str:
    return words(Amount(count, unit)) if measure == Measure.COST else f"{count:,}"


def _csv(rows: tuple[UsageRow, ...], by: tuple[Dimension, ...]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*by, "requests", *DIMENSIONS, "cost", "currency"])
    for row in rows:
        used = row.usage
        cost = words(row.cost).partition(" ")[0].replace(",", "")
        counts = (row.requests, *(getattr(used, name) for name in DIMENSIONS))
        writer.writerow([*row.by.values(), *counts, cost, currency(row.cost.unit) or ""])
    return text.getvalue()
