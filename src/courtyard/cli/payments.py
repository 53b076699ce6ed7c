"""`courtyard payments`: what came in, what went back, and who owes what."""

from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.billing import Entry, Intent, Receivable, money_words, read_minor
from courtyard.cli.common import (
    AsJson,
    DataDir,
    Yes,
    confirm,
    err,
    fail,
    open_house,
    out,
    print_json,
    print_table,
)
from courtyard.cli.dates import since_ms
from courtyard.cli.names import organisation_of
from courtyard.core.amount import currency
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest

app = typer.Typer(
    help="Payments: recorded from the bank or told by a provider, booked once, and never edited.",
    no_args_is_help=True,
)

_ACCOUNT = "acct_"
_NONE = "-"

What = Annotated[str, typer.Argument(metavar="INVOICE", help="An invoice's number, or the id of a prepaid wallet.")]
Money = Annotated[list[str], typer.Argument(metavar="AMOUNT", help="As in `100.50`, or `100.50 EUR`.")]
Organisation = Annotated[str | None, typer.Option("--organisation", "-o", help="An organisation, by id or name.")]


class OnBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Money that is for no invoice and no wallet yet; nobody's where nobody knows who paid."""

    organisation: str
    currency: str
    minor: int


@app.command("list")
def list_(
    *,
    organisation: Organisation = None,
    invoice: Annotated[str | None, typer.Option(help="Only what was for this invoice.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    before: Annotated[str | None, typer.Option(help="Older ones than this payment.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List what came in and what went back, the newest first."""
    with open_house(data_dir) as house:
        whose = None if organisation is None else organisation_of(house, organisation).id
        entries = house.payments.entries(organisation=whose, invoice=invoice, before=before, limit=limit)
    if json:
        print_json(entries)
    elif entries:
        print_table(_entries_table(entries), "for", "reference")
    else:
        err.print("nothing was paid yet; record a bank transfer with `courtyard payments record`")


@app.command()
def record(
    what: Annotated[
        str,
        typer.Argument(metavar="INVOICE", help="An invoice's number, the id of a wallet, or - for neither."),
    ],
    amount: Money,
    *,
    reference: Annotated[str, typer.Option(help="The bank's own name for it: the same one again changes nothing.")],
    organisation: Annotated[
        str | None, typer.Option("--organisation", "-o", help="Who paid, where it is for no invoice.")
    ] = None,
    on: Annotated[
        int | None, typer.Option("--on", metavar="DATE", parser=since_ms, help="The day it came; today if left out.")
    ] = None,
    note: Annotated[str, typer.Option(help="For whoever reads it later.")] = "",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Book a bank transfer. What is more than the invoice asks for goes to the organisation's balance."""
    with open_house(data_dir) as house:
        account = house.ledger.account(what) if what.startswith(_ACCOUNT) else None
        invoice = what if account is None and what != _NONE else None
        code = house.settings.currency
        if account is not None:
            code = currency(account.unit) or code
        elif invoice is not None:
            code = house.billing.document(invoice).currency
        whose = "" if organisation is None else organisation_of(house, organisation).id
        if account is not None and not whose:
            whose = _organisation(house, account.owner)
        minor, code = _money(amount, code)
        entry = house.payments.record(
            minor,
            currency=code,
            reference=reference,
            organisation=whose,
            invoice=invoice,
            account=None if account is None else account.id,
            at_ms=on,
            note=note,
        )
        left = [one for one in house.payments.receivables() if one.invoice == invoice]
    if json:
        print_json(entry)
        return
    out.print(f"[bold]{entry.id}[/bold] has {money_words(entry.minor, code)} {_for(entry)}", highlight=False)
    if left and left[0].open_minor > 0:
        out.print(f"invoice {invoice} has {money_words(left[0].open_minor, code)} open", highlight=False)


@app.command()
def ask(
    what: What,
    amount: Annotated[
        str | None, typer.Argument(metavar="AMOUNT", help="For a wallet, or for a part of the invoice.")
    ] = None,
    *,
    provider: Annotated[str, typer.Option(help="By which way: one of the setting `payments.providers`.")] = "bank",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Ask for an invoice to be paid, or for a wallet to be topped up: a page to pay at, or where to send money."""
    with open_house(data_dir) as house:
        back = house.settings.payments.return_url or house.settings.server.url or "https://example.org/"
        if what.startswith(_ACCOUNT):
            account = house.ledger.account(what)
            if amount is None:
                raise fail("say how much the wallet is to be topped up with", status=2)
            minor, _ = _money([amount], currency(account.unit) or house.settings.currency)
            intent = house.payments.ask(
                provider,
                organisation=_organisation(house, account.owner),
                account=account.id,
                minor=minor,
                return_url=back,
            )
        else:
            code = house.billing.document(what).currency
            wanted = None if amount is None else _money([amount], code)[0]
            intent = house.payments.ask(provider, invoice=what, minor=wanted, return_url=back)
    if json:
        print_json(intent)
    else:
        _show_intent(intent)


@app.command()
def reverse(
    payment: Annotated[str, typer.Argument(help="The id of a payment.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")],
    data_dir: DataDir = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Take back a payment that bounced or was recorded by mistake, by an entry of its own."""
    confirm(f"take back {payment}?", yes=yes)
    with open_house(data_dir) as house:
        entry = house.payments.reverse(payment, reason=reason)
    if json:
        print_json(entry)
    else:
        out.print(f"[bold]{entry.id}[/bold] takes it back: {money_words(entry.minor, entry.currency)}", highlight=False)


@app.command()
def assign(
    payment: Annotated[str, typer.Argument(help="The id of a payment that came from nobody knew whom.")],
    organisation: Annotated[str, typer.Argument(help="Whose it is, by id or name.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Say whose a payment is; it goes to that organisation's balance."""
    with open_house(data_dir) as house:
        entry = house.payments.assign(payment, organisation_of(house, organisation).id)
    if json:
        print_json(entry)
    else:
        out.print(
            f"it is on the balance of {escape(organisation)}; `courtyard payments apply` uses it", highlight=False
        )


@app.command()
def apply(
    organisation: Annotated[str | None, typer.Argument(help="Whose balance, by id or name.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Use what is on a balance for open invoices, the one that is due first first."""
    with open_house(data_dir) as house:
        entries = house.payments.apply(organisation_of(house, organisation).id)
    if json:
        print_json(entries)
        return
    for entry in entries:
        for part in entry.allocations:
            if part.invoice is not None:
                out.print(f"invoice {part.invoice}: {money_words(part.minor, entry.currency)}", highlight=False)
    if not entries:
        err.print("there is nothing on the balance, or nothing is open")


@app.command()
def receivables(organisation: Organisation = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List invoices that are not settled, with how long they are overdue, and what is on balances."""
    with open_house(data_dir) as house:
        whose = None if organisation is None else organisation_of(house, organisation).id
        found, aging = house.payments.receivables(whose), house.payments.aging(whose)
        balances = [
            OnBalance(organisation=owner, currency=code, minor=minor)
            for (owner, code), minor in sorted(house.payments.balances().items())
            if whose in (None, owner)
        ]
        names = {"": "nobody knows whom"} | {one.id: one.name for one in house.identity.organisations()}
        refused, waiting = house.payments.refused(limit=20), house.payments.waiting()
    if json:
        print_json({"invoices": found, "aging": aging, "balances": balances, "refused": refused, "waiting": waiting})
        return
    if found:
        print_table(_receivables_table(found, names), "paid", "asked")
    else:
        err.print("nothing is open")
    for code, ages in aging.items():
        overdue = (f"{age} {money_words(minor, code)}" for age, minor in ages.items() if minor)
        out.print(f"open: {', '.join(overdue)}", highlight=False)
    for one in balances:
        owner = escape(names.get(one.organisation, one.organisation))
        out.print(f"balance of {owner}: {money_words(one.minor, one.currency)}", highlight=False)
    for message in refused:
        err.print(f"[yellow]refused[/yellow] {escape(message.happened.id)}: {escape(message.why)}", soft_wrap=True)
    for grant in waiting:
        err.print(f"[yellow]waiting[/yellow] {grant.entry} on {grant.account}: {escape(grant.why)}", soft_wrap=True)


def _organisation(house: House, owner: str) -> str:
    """Find whose a wallet's owner is: a project's organisation, or itself."""
    return next((project.organisation for project in house.identity.projects() if project.id == owner), owner)


def _money(words: list[str], code: str) -> tuple[int, str]:
    """Read an amount, and a currency where one is named."""
    text, _, named = " ".join(words).strip().partition(" ")
    named = named.strip().upper()
    if named and (len(named) != 3 or not named.isalpha() or not named.isascii()):
        raise InvalidRequest(f"{named!r} is no currency: write its three letters, as in USD")
    return read_minor(text, named or code), named or code


def _for(entry: Entry) -> str:
    parts = []
    for part in entry.allocations:
        where = f"invoice {part.invoice}" if part.invoice else part.account or "the balance"
        parts.append(f"{money_words(part.minor, entry.currency)} for {where}")
    return f"({', '.join(parts)})"


def _show_intent(intent: Intent) -> None:
    out.print(f"[bold]{intent.id}[/bold] asks for {money_words(intent.minor, intent.currency)}", highlight=False)
    if intent.url is not None:
        out.print(f"  pay at  {escape(intent.url)}", highlight=False, soft_wrap=True)
    for line in intent.instructions:
        out.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _entries_table(entries: tuple[Entry, ...]) -> Table:
    table = Table()
    for name in ("on (UTC)", "payment", "what", "amount", "by", "reference", "for"):
        table.add_column(
            name,
            overflow="fold",
            no_wrap=name in ("on (UTC)", "payment", "amount"),
            justify="right" if name == "amount" else "left",
        )
    for entry in entries:
        table.add_row(
            f"{date_time(entry.at_ms):%Y-%m-%d}",
            entry.id,
            entry.kind,
            money_words(entry.minor, entry.currency),
            entry.provider,
            escape(entry.reference),
            escape(", ".join(part.invoice or part.account or "balance" for part in entry.allocations)),
        )
    return table


def _receivables_table(found: tuple[Receivable, ...], names: dict[str, str]) -> Table:
    table = Table()
    for name in ("invoice", "organisation", "due (UTC)"):
        table.add_column(name, overflow="fold", no_wrap=name != "organisation")
    for name in ("asked", "paid", "open", "days overdue"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            one.invoice,
            escape(names.get(one.organisation, one.organisation)),
            f"{date_time(one.due_at_ms):%Y-%m-%d}",
            money_words(one.asked_minor + one.credited_minor, one.currency),
            money_words(one.paid_minor, one.currency),
            money_words(one.open_minor, one.currency),
            str(one.overdue_days or ""),
        )
    return table
