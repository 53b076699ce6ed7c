"""Price books as files: read in, written out, compared with what is in force, and tried on last month's use."""

import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json
from courtyard.cli.dates import since_ms
from courtyard.cli.prices_shown import moment, rates_words
from courtyard.core.amount import Amount, Unit
from courtyard.core.clock import date_time
from courtyard.core.errors import NotFound
from courtyard.core.ids import ModelName, OrganisationId
from courtyard.ledger import Dimension, UsageFilter, words
from courtyard.pricing import DEFAULT_KIND, STANDARD, Change, Compared, Margin, Pricing, Sheet, Used

_File = Annotated[
    str, typer.Argument(metavar="FILE", help="A YAML file as `export` writes it, or - for what comes in.")
]
_From = Annotated[
    int | None,
    typer.Option(
        "--from", metavar="DATE", parser=since_ms, help="In force from then on (UTC), whatever the file says."
    ),
]


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no month: write 2026-01") from error


_Month = Annotated[date | None, typer.Option(metavar="YYYY-MM", parser=_month, help="Of this month (UTC).")]


def import_(file: _File, *, from_: _From = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Amend a price book by a file: what it lists, from its moment on or from now; the rest stays as it is."""
    text = _read(file)
    with open_house(data_dir) as house:
        pricing = house.pricing
        sheet = pricing.read_sheet(text)
        from_ms = sheet.from_ms if from_ is None else from_
        found = pricing.changes(sheet, from_ms=from_ms)
        if not found:
            if json:
                print_json({"version": None, "changes": []})
            else:
                err.print("nothing changes: the book says what the file says")
            return
        version = pricing.amend(
            sheet.prices,
            sheet.costs,
            currency=sheet.currency,
            from_ms=from_ms,
            book=sheet.book,
            extends=sheet.extends,
        )
        if json:
            print_json({"version": version, "changes": found})
            return
        _show_changes(found, pricing)
        out.print(f"book {escape(version.book)} from {moment(version.from_ms)} UTC: {version.digest}", highlight=False)


def export(
    *,
    book: Annotated[str, typer.Option(metavar="NAME", help="Which price book.")] = STANDARD,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only what is priced in it; needed where there are several.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Write what is in force now as YAML that can be read in again; the operator's own costs too."""
    with open_house(data_dir) as house:
        listings = [one for one in house.pricing.in_force(book) if currency in (None, one.currency)]
        if not listings:
            raise fail(f"nothing is in force in book {book!r}" + (f" in {currency}" if currency else ""))
        currencies = sorted({one.currency for one in listings})
        if len(currencies) > 1:
            raise fail(f"a file has one currency, and the book has {', '.join(currencies)}; say which by --currency")
        if json:
            print_json(listings)
        else:
            sys.stdout.write(house.pricing.write_sheet(listings, book=book, currency=currencies[0]))


def diff(file: _File, *, from_: _From = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show what a file would change, and from which moment on; nothing is written."""
    text = _read(file)
    with open_house(data_dir) as house:
        sheet = house.pricing.read_sheet(text)
        from_ms = sheet.from_ms if from_ is None else from_
        found = house.pricing.changes(sheet, from_ms=from_ms)
        if json:
            print_json({"book": sheet.book, "from_ms": from_ms, "changes": found})
        elif found:
            when = "now, when it is imported" if from_ms is None else f"{moment(from_ms)} UTC"
            out.print(f"book {escape(sheet.book)}, from {when}", highlight=False)
            _show_changes(found, house.pricing)
        else:
            err.print("nothing changes: the book says what the file says")


def simulate(
    file: _File,
    *,
    month: _Month = None,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="Also those who were rated by another book than the file's.")
    ] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Rate last month's use again by the prices of a file: what each model and customer would have cost."""
    text = _read(file)
    with open_house(data_dir) as house:
        sheet = house.pricing.read_sheet(text)
        first = month or _last_month(house)
        used = _used(house, first)
        compared = house.pricing.simulate(sheet, used, everyone=everyone)
        names = _names(house, {one.organisation for one in compared})
    if json:
        print_json({"month": f"{first:%Y-%m}", "rows": compared})
    elif not compared:
        err.print(f"nothing was used in {first:%Y-%m}; name another --month")
    else:
        _say_untouched(compared, sheet)
        out.print(_compared_table(compared, "model", f"{first:%Y-%m} by model", lambda one: one.model))
        by_customer = _compared_table(
            compared, "customer", f"{first:%Y-%m} by customer", lambda one: names[one.organisation]
        )
        out.print(by_customer)


def margins(*, month: _Month = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show by model what was brought in this month, what it cost the operator, and what is left."""
    with open_house(data_dir) as house:
        first = month or date_time(house.clock.now_ms()).date().replace(day=1)
        found = house.pricing.margins(_used(house, first))
    if json:
        print_json({"month": f"{first:%Y-%m}", "rows": found})
    elif not found:
        err.print(f"nothing was used in {first:%Y-%m}; name another --month")
    else:
        out.print(_margins_table(found, f"{first:%Y-%m}"))


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{file} can't be read: {error}", status=2) from error


def _last_month(house: House) -> date:
    return (date_time(house.clock.now_ms()).date().replace(day=1) - timedelta(days=1)).replace(day=1)


def _used(house: House, first: date) -> list[Used]:
    """Read a month of the rollup: receipts are not looked at."""
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    rows = house.ledger.usage(
        UsageFilter(day_first=str(first), day_last=str(last)),
        by=[Dimension.ORGANISATION, Dimension.MODEL, Dimension.PRICE_BOOK],
    )
    return [
        Used(
            organisation=OrganisationId(row.by[Dimension.ORGANISATION]),
            model=ModelName(row.by[Dimension.MODEL]),
            price_book=row.by[Dimension.PRICE_BOOK],
            usage=row.usage,
            served=row.served,
            charged=row.cost,
        )
        for row in rows
        if row.served
    ]


def _names(house: House, ids: Iterable[OrganisationId]) -> dict[OrganisationId, str]:
    names: dict[OrganisationId, str] = {}
    for id in ids:
        try:
            names[id] = house.identity.organisation(id).name
        except NotFound:
            names[id] = id
    return names


def _show_changes(found: Iterable[Change], pricing: Pricing) -> None:
    table = Table("model", "", "kind", "rates", "currency")
    for change in found:
        before = change.rates_before
        if before is not None and change.kind_before and change.currency_before:
            old = _spelled(pricing, change.kind_before, before, change.cost_before)
            table.add_row(escape(change.model), "[red]-[/red]", escape(change.kind_before), old, change.currency_before)
        new = _spelled(pricing, change.kind, change.rates, change.cost)
        table.add_row(escape(change.model), "[green]+[/green]", escape(change.kind), new, change.currency)
    out.print(table)


def _spelled(pricing: Pricing, kind: str, rates: dict[str, object], cost: dict[str, int] | None) -> str:
    told = rates_words(pricing.spell(kind, rates))
    return escape(f"{told}; our cost: {rates_words(pricing.spell(DEFAULT_KIND, cost))}" if cost else told)


def _say_untouched(compared: Iterable[Compared], sheet: Sheet) -> None:
    if not any(one.is_affected for one in compared):
        err.print(
            f"nothing of it was rated by book {escape(repr(sheet.book))}, or for a model that the file lists: nothing "
            "would have changed; --everyone tries the prices on all use",
            highlight=False,
        )


def _compared_table(compared: Iterable[Compared], column: str, title: str, key: Callable[[Compared], str]) -> Table:
    """Sum by model or by customer; amounts of unlike currencies have no difference."""
    sums: dict[tuple[str, Unit, Unit], tuple[int, int]] = {}
    for one in compared:
        place = (key(one), one.old.unit, one.new.unit)
        old, new = sums.get(place, (0, 0))
        sums[place] = (old + one.old.count, new + one.new.count)
    table = Table(title=title, title_justify="left")
    table.add_column(column, overflow="fold")
    for name in ("cost", "would have cost", "difference", "%"):
        table.add_column(name, justify="right")
    for (name, unit, unit_new), (old, new) in sorted(sums.items()):
        alike = unit == unit_new
        table.add_row(
            escape(name),
            words(Amount(old, unit)),
            words(Amount(new, unit_new)),
            words(Amount(new - old, unit)) if alike else "",
            _percent(new - old, old) if alike else "",
        )
    return table


def _margins_table(found: Iterable[Margin], month: str) -> Table:
    table = Table(title=month, title_justify="left")
    table.add_column("model", overflow="fold")
    for name in ("requests", "revenue", "our cost", "margin", "%", "cost unknown"):
        table.add_column(name, justify="right")
    for one in found:
        unit = one.revenue.unit
        known = one.margin is not None and one.cost is not None
        table.add_row(
            escape(one.model),
            f"{one.requests:,}",
            words(one.revenue),
            words(Amount(one.cost or 0, unit)) if known else "",
            words(Amount(one.margin or 0, unit)) if known else "",
            _percent(one.margin or 0, (one.margin or 0) + (one.cost or 0)) if known else "",
            f"{one.unknown:,}" if one.unknown else "",
        )
    return table


def _percent(part: int, whole: int) -> str:
    """Write a part in tenths of a per cent, without a float: money is near."""
    if whole == 0:
        return ""
    tenths = abs(part) * 1000 // abs(whole)
    sign = "-" if part < 0 else "+" if part else ""
    return f"{sign}{tenths // 10}.{tenths % 10}"
