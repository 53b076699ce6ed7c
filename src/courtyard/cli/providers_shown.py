"""Providers as people read them."""

from collections.abc import Iterable, Iterator

from rich.markup import escape
from rich.table import Table

from courtyard.catalogue import Cap, Caps, Card, Change, Provider, State, Tier
from courtyard.core.clock import date_time

_COLOURS = {
    State.ADMITTED: "green",
    State.TRIAL: "cyan",
    State.SUSPENDED: "red",
    State.EXPELLED: "red",
}
_TIERS = {Tier.HOME: "green", Tier.ALLIED: "cyan", Tier.FOREIGN: "yellow"}


def listed_table(cards: Iterable[Card]) -> Table:
    """One line a provider."""
    table = Table("provider", "tier", "state", "serves", "owner", "regions", "why not")
    for card in cards:
        colour = _COLOURS.get(card.state, "dim")
        table.add_row(
            card.provider,
            f"[{_TIERS[card.tier]}]{card.tier}[/]",
            f"[{colour}]{card.state}[/]",
            "yes" if card.serves else "no",
            card.jurisdiction,
            ", ".join(sorted(card.regions)),
            escape(card.why),
        )
    return table


def lines_of(provider: Provider, card: Card, persons: int) -> Iterator[str]:
    """Everything that is known of one."""
    facts, scope = provider.facts, provider.scope
    yield f"[bold]{escape(provider.id)}[/bold] {escape(facts.name)}, {facts.tier}, {provider.state}"
    yield f"  entity      {escape(facts.entity)} ({facts.jurisdiction})" + (
        f", filed as {escape(facts.filing)}" if facts.filing else ""
    )
    yield f"  serves      {'yes' if card.serves else 'no: ' + escape(card.why)}"
    yield f"  regions     {', '.join(sorted(facts.regions))}"
    for endpoint in facts.endpoints:
        said = f"{len(endpoint.pins)} pins" + (", private" if endpoint.private else "")
        yield f"  endpoint    {escape(endpoint.url)} ({said})"
    yield f"  masking     {card.mask or 'none'}"
    if scope is not None and provider.until_ms is not None:
        yield f"  for         {escape(', '.join(sorted(scope.purposes)))}, until {_day(provider.until_ms)}"
        if scope.organisations is not None:
            yield f"  who         {', '.join(sorted(scope.organisations))}"
        if scope.models is not None:
            yield f"  models      {', '.join(sorted(scope.models))}"
    yield f"  caps        {spelled(provider.caps)}; {persons} persons were counted this year"
    for item in provider.evidence:
        until = f"until {_day(item.expires_ms)}"
        yield f"  {item.kind:<20} {escape(item.statement)} (sha256 {item.digest[:12]}, {until})"


def changes_table(changes: Iterable[Change]) -> Table:
    """Who changed what, when, and why."""
    table = Table("at (UTC)", "provider", "by", "did", "why")
    for change in changes:
        at = f"{date_time(change.at_ms):%Y-%m-%d %H:%M:%S}"
        table.add_row(at, change.provider or "all foreign", escape(change.by), change.action, escape(change.reason))
    return table


def spelled(caps: Caps) -> str:
    """Say caps as people do."""
    persons = "any number of persons" if caps.persons is None else f"{caps.persons:,} persons a year"
    return f"{_cap(caps.requests, 'requests')}, {_cap(caps.tokens, 'tokens')}, {persons}"


def _cap(cap: Cap | None, what: str) -> str:
    return f"any number of {what}" if cap is None else f"{cap.count:,} {what} a {cap.period}"


def _day(ms: int) -> str:
    return f"{date_time(ms - 1):%Y-%m-%d}"
