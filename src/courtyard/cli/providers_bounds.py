"""Caps, the kill switch, and what crossed: how much of a provider, and how it is stopped."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.approvals import Approval
from courtyard.catalogue import Cap, Caps, Crossing, Period
from courtyard.cli.approvals import decider_of
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json, print_table
from courtyard.cli.dates import since_ms
from courtyard.cli.providers_shown import changes_table, spelled
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest

Which = Annotated[str, typer.Argument(metavar="PROVIDER", help="A provider's name.")]
Maybe = Annotated[str | None, typer.Argument(metavar="[PROVIDER]", help="A provider's name.")]
Foreign = Annotated[bool, typer.Option("--foreign", help="All providers that are foreign.")]
By = Annotated[str, typer.Option(help="Who does it: a person's e-mail address or id.")]
Reason = Annotated[str, typer.Option(help="Why. It is kept with the change.")]
PerTime = Annotated[
    str | None,
    typer.Option(metavar="COUNT/PERIOD", help="As 1000/day; a minute, a day or a month; `none` is no bound."),
]

_NONE = "none"


def add_to(app: typer.Typer) -> None:
    """Add these commands to those of providers."""
    for command in (caps, kill, restore, crossings, changes):
        app.command()(command)


def caps(
    provider: Which,
    *,
    requests: PerTime = None,
    tokens: PerTime = None,
    persons: Annotated[
        str | None, typer.Option(metavar="COUNT", help="Distinct persons a calendar year, for its legal entity.")
    ] = None,
    by: By,
    reason: Reason,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Set what a provider gets at the most. One person lowers a cap; two raise one.

    What is not said stays. Where it takes a second person, this says which proposal they have to approve; then run it
    again.
    """
    with open_house(data_dir) as house:
        now = house.providers.provider(provider).caps
        wanted = Caps(
            requests=now.requests if requests is None else _cap(requests),
            tokens=now.tokens if tokens is None else _cap(tokens),
            persons=now.persons if persons is None else _count(persons),
        )
        done = house.providers.set_caps(provider, wanted, by=decider_of(house, by), reason=reason)
    if json:
        print_json({"waits_for": done} if isinstance(done, Approval) else {"provider": done})
    elif isinstance(done, Approval):
        _say_waiting(done)
    else:
        out.print(f"{escape(done.id)} gets {spelled(done.caps)}", highlight=False, soft_wrap=True)


def kill(
    provider: Maybe = None,
    *,
    foreign: Foreign = False,
    by: By,
    reason: Reason,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Ask nothing more of a provider, or of all that are foreign, and cut what is running within a second."""
    _one_of(provider, foreign=foreign)
    with open_house(data_dir) as house:
        house.providers.kill(provider, by=decider_of(house, by), reason=reason)
    if json:
        print_json({"killed": provider or "foreign"})
    else:
        out.print(f"nothing more is asked of {escape(provider or 'anybody foreign')}", highlight=False)


def restore(
    provider: Maybe = None,
    *,
    foreign: Foreign = False,
    by: By,
    reason: Reason,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Take a kill back, which two people have to want. All that are foreign are killed to begin with.

    The first time, this says which proposal the second person has to approve; then run it again.
    """
    _one_of(provider, foreign=foreign)
    with open_house(data_dir) as house:
        waits = house.providers.restore(provider, by=decider_of(house, by), reason=reason)
    if json:
        print_json({"restored": provider or "foreign"} if waits is None else {"waits_for": waits})
    elif waits is None:
        out.print(f"{escape(provider or 'who is foreign')} may be asked again", highlight=False)
    else:
        _say_waiting(waits)


def crossings(
    provider: Maybe = None,
    *,
    verdict: Annotated[
        str | None, typer.Option(help="Only those that passed, were refused, failed, were cut, or left by who asked.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="A day or a moment, UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List what the egress let out and what it refused, newest first, and why."""
    with open_house(data_dir) as house:
        since_at = 0 if since is None else since_ms(since)
        found = house.providers.crossings(provider, verdict=verdict, since_ms=since_at, limit=limit)
    if json:
        print_json(found)
    elif found:
        print_table(_crossings_table(found), "host", "masked", "out", "in")
    else:
        err.print("nothing crossed")


def changes(
    provider: Maybe = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List what was changed of providers, newest first: who did it, when, and why."""
    with open_house(data_dir) as house:
        found = house.providers.changes(provider, limit=limit)
    if json:
        print_json(found)
    elif found:
        print_table(changes_table(found), "why")
    else:
        err.print("nothing was changed")


def _cap(text: str) -> Cap | None:
    if text == _NONE:
        return None
    count, _, period = text.partition("/")
    try:
        return Cap(count=int(count.replace("_", "")), period=Period(period or Period.DAY))
    except ValueError as error:
        raise InvalidRequest(f"{text!r} is no cap: write 1000/day, 20/minute, 5000000/month or none") from error


def _count(text: str) -> int | None:
    if text == _NONE:
        return None
    if not text.isdecimal():
        raise InvalidRequest(f"{text!r} is no number of persons; write 100 or none")
    return int(text)


def _one_of(provider: str | None, *, foreign: bool) -> None:
    if (provider is None) != foreign:
        raise typer.BadParameter("name a provider, or say --foreign")


def _say_waiting(approval: Approval) -> None:
    out.print(
        f"this takes two people: have somebody else say `courtyard approvals approve {approval.id}`, then run it again",
        highlight=False,
        soft_wrap=True,
    )


def _crossings_table(found: tuple[Crossing, ...]) -> Table:
    table = Table("at (UTC)", "provider", "engine", "host", "purpose", "masked", "verdict", "why", "out", "in")
    for one in found:
        table.add_row(
            f"{date_time(one.at_ms):%Y-%m-%d %H:%M:%S}",
            one.provider,
            one.engine,
            one.host,
            escape(one.purpose),
            one.masked,
            one.verdict,
            escape(one.reason),
            f"{one.bytes_out:,}",
            f"{one.bytes_in:,}",
        )
    return table
