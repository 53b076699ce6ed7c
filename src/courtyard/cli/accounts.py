"""`courtyard accounts`: wallets that pay and limits that bound."""

from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.amounts import check_priced
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json, print_table
from courtyard.cli.names import owner_of
from courtyard.core.amount import Amount, money
from courtyard.core.ids import new_id
from courtyard.ledger import Account, Balance, Period, Purpose, read_amount, spell, window, words

accounts = typer.Typer(
    help="Wallets that pay and limits that bound: of an organisation, a project, a key or a person.",
    no_args_is_help=True,
)

Owner = Annotated[
    str,
    typer.Argument(help="An organisation, a project, a key or a person, by id or name; people by e-mail address too."),
]
Words = Annotated[
    list[str], typer.Argument(metavar="AMOUNT", help="`10 USD`, `0.50 EUR`, `1000 tokens`, `60 requests`.")
]
Name = Annotated[str, typer.Option(help="What refusals call it.")]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An account, and where its window that runs now stands; minutes stand in the serving node alone."""

    account: Account
    balance: Balance | None


@accounts.command("list")
def list_accounts(
    owner: Annotated[str | None, typer.Option(help="Only those of this owner, by id or name.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List open accounts, with what is left of each."""
    with open_house(data_dir) as house:
        only = None if owner is None else owner_of(house, owner)
        standings = [one for one in _standings(house) if only in (None, one.account.owner)]
    if json:
        print_json(standings)
    elif standings:
        print_table(_accounts_table(standings), "owner")
    else:
        err.print("no accounts")


@accounts.command("open")
def open_account(
    owner: Owner,
    *,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code; the house's own when not given.")] = None,
    allowance: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="What each window grants, for a wallet nobody tops up.")
    ] = None,
    per: Annotated[Period, typer.Option(help="The window of an allowance.")] = Period.MONTH,
    name: Name = "",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Open a wallet: a prepaid one, or one that every window fills anew.

    A wallet of a project pays alone for what the project uses: an empty prepaid one refuses, and does not fall
    back to the organisation's.
    """
    with open_house(data_dir) as house:
        id = owner_of(house, owner)
        granted = None if allowance is None else read_amount(allowance)
        unit = money(currency or house.settings.currency) if granted is None else granted.unit
        check_priced(house, unit, would="pay for")
        account = house.ledger.open_account(
            id,
            purpose=Purpose.WALLET,
            unit=unit,
            period=Period.FOREVER if granted is None else per,
            count_max=None if granted is None else granted.count,
            name=name,
        )
    if json:
        print_json(account)
    else:
        out.print(f"wallet [bold]{account.id}[/bold] is open", highlight=False)


@accounts.command()
def limit(
    owner: Owner,
    amount: Annotated[
        list[str], typer.Argument(metavar="AMOUNT", help="As in `10 USD` or `60 requests`; `no USD` lifts the limit.")
    ],
    *,
    per: Annotated[Period, typer.Option(help="The window that the limit holds in.")] = Period.MONTH,
    name: Name = "",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Bound what an owner uses in each window, or lift that bound."""
    text = " ".join(amount)
    lifted = text.lower().startswith("no ")
    with open_house(data_dir) as house:
        id = owner_of(house, owner)
        bound = read_amount(f"0 {text[3:]}" if lifted else text)
        if not lifted:
            check_priced(house, bound.unit)
        account = house.ledger.set_limit(
            id, unit=bound.unit, period=per, count=None if lifted else bound.count, name=name
        )
    if json:
        print_json(account)
    elif account is None:
        out.print(f"{escape(owner)} has no such limit now", highlight=False)
    else:
        out.print(f"{escape(owner)} may use {words(bound)} {spell(per)}", highlight=False)


@accounts.command("top-up")
def top_up(
    account: Annotated[str, typer.Argument(help="The id of a prepaid wallet.")],
    amount: Words,
    reference: Annotated[
        str | None, typer.Option(help="Your name for this payment: the same one again changes nothing.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Add money to a prepaid wallet."""
    with open_house(data_dir) as house:
        added = read_amount(" ".join(amount))
        balance = house.ledger.top_up(account, added, reference or new_id("topup"))
    if json:
        print_json(balance)
    else:
        left = Amount(balance.available + balance.leased, added.unit)
        out.print(f"{account} has {words(left)} left", highlight=False)


def _standings(house: House) -> list[Standing]:
    known = house.ledger.accounts()
    balances = {
        (balance.account, balance.window_ms): balance
        for balance in house.ledger.balances([account.id for account in known])
    }
    now_ms = house.clock.now_ms()
    return [
        Standing(account=account, balance=balances.get((account.id, window(account.period, now_ms).begins_ms)))
        for account in known
    ]


def _accounts_table(standings: list[Standing]) -> Table:
    table = Table()
    for name in ("account", "what", "owner"):
        table.add_column(name, overflow="fold", no_wrap=name != "what")
    for name in ("grants", "left", "spent"):
        table.add_column(name, justify="right", overflow="fold", no_wrap=name != "grants")
    for standing in standings:
        account = standing.account
        left, spent = _left_and_spent(standing)
        table.add_row(
            account.id,
            escape(account.name.removesuffix(f" of {account.owner}")),
            escape(account.owner),
            _grants(account),
            left,
            spent,
        )
    return table


def _left_and_spent(standing: Standing) -> tuple[str, str]:
    account, balance = standing.account, standing.balance
    if balance is not None:
        left, spent = balance.available + balance.leased, balance.spent
    elif account.period is Period.MINUTE:
        return "", ""  # Only the serving node knows.
    else:
        left, spent = account.count_max or 0, 0
    return words(Amount(left, account.unit)), words(Amount(spent, account.unit))


def _grants(account: Account) -> str:
    if account.count_max is None:
        return "prepaid"
    return f"{words(Amount(account.count_max, account.unit))} {spell(account.period)}"
