"""Prices as tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from courtyard.cli.common import out
from courtyard.core.amount import Amount, money
from courtyard.core.clock import date_time
from courtyard.ledger import words
from courtyard.pricing import DEFAULT_KIND, STANDARD, Listing, Pricing

_DIGEST_LENGTH_SHOWN = 12
_TOKENS = ("input", "cached_input", "cache_write", "output", "reasoning")
_STAND_INS = {"cached_input": "input", "cache_write": "input", "reasoning": "output"}


def show_listings(listings: Iterable[Listing], pricing: Pricing, *, whole: bool = False) -> None:
    """Print what models cost: by the million tokens, and then in other ways."""
    all_ = tuple(listings)
    by_token = [listing for listing in all_ if listing.kind == DEFAULT_KIND]
    others = [listing for listing in all_ if listing.kind != DEFAULT_KIND]
    if by_token:
        out.print(_table(by_token, pricing, whole=whole))
    if others:
        out.print(_others_table(others, pricing, whole=whole))


def show_priced(listing: Listing, pricing: Pricing) -> None:
    """Print everything that is known of one price."""
    table = Table(show_header=False, box=None)
    facts = {
        "model": listing.model,
        "kind": listing.kind,
        "price": f"{rates_words(pricing.spell(listing.kind, listing.rates))} {listing.currency}",
        "our cost": f"{rates_words(pricing.spell(DEFAULT_KIND, listing.cost))} {listing.currency}"
        if listing.cost
        else "",
        "book": listing.name,
        "digest": listing.book,
        "from (UTC)": moment(listing.from_ms),
        "set (UTC)": moment(listing.set_at_ms),
    }
    for name, fact in facts.items():
        if fact:
            table.add_row(name, escape(fact))
    out.print(table)


def show_books(books: Iterable[Mapping[str, Any]]) -> None:
    """Print the names of price books."""
    table = Table("book")
    table.add_column("models", justify="right")
    for book in books:
        table.add_row(escape(book["book"]), f"{book['models']:,}")
    out.print(table)


def rates_words(rates: Mapping[str, Any]) -> str:
    """Write rates in one line: `input 0.10, output 0.40`, `up to 1,000,000 1.00, then 0.50`."""
    return ", ".join(_rate_words(name, value) for name, value in rates.items())


def moment(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d %H:%M}"


def _rate_words(name: str, value: Any) -> str:
    match value:
        case int():
            return f"{name} {value:,}"
        case list():
            return ", ".join(_tier_words(one) if isinstance(one, Mapping) else str(one) for one in value)
    return f"{name} {value}"


def _tier_words(tier: Mapping[str, Any]) -> str:
    end = f"up to {tier['up_to']:,}" if "up_to" in tier else "then"
    rest = ", ".join(str(value) for name, value in tier.items() if name != "up_to")
    return f"{end} {rest}"


def _table(listings: Sequence[Listing], pricing: Pricing, *, whole: bool) -> Table:
    table = Table(title="per million tokens", title_justify="left")
    written = any("cache_write" in listing.rates for listing in listings)
    names = [name for name in _TOKENS if name != "cache_write" or written]
    more = any(_more(listing, pricing) for listing in listings)
    table.add_column("model", overflow="fold")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right", overflow="fold")
    for name in (*(("and",) if more else ()), *_ends(listings, whole=whole)):
        table.add_column(name, overflow="fold" if name == "and" else "ellipsis")
    for listing in listings:
        table.add_row(
            escape(listing.model),
            *(_price(listing, name, _STAND_INS.get(name, name)) for name in names),
            *((escape(_more(listing, pricing)),) if more else ()),
            *_end(listing, listings, whole=whole),
        )
    return table


def _others_table(listings: Sequence[Listing], pricing: Pricing, *, whole: bool) -> Table:
    """Show rates as they are written in files: only their kind knows what they count."""
    table = Table(title="of other kinds", title_justify="left")
    for name in ("model", "kind", "rates", "currency"):
        table.add_column(name, overflow="fold")
    for name in _ends(listings, whole=whole):
        table.add_column(name)
    for listing in listings:
        table.add_row(
            escape(listing.model),
            escape(listing.kind),
            escape(rates_words(pricing.spell(listing.kind, listing.rates))),
            listing.currency,
            *_end(listing, listings, whole=whole),
        )
    return table


def _has_others(listings: Iterable[Listing]) -> bool:
    return any(listing.name != STANDARD for listing in listings)


def _ends(listings: Sequence[Listing], *, whole: bool) -> list[str]:
    """Name the last columns; whose book it is is told only where it is not the house's."""
    return ["from (UTC)", *(("set (UTC)",) if whole else ()), *(("of",) if _has_others(listings) else ()), "book"]


def _end(listing: Listing, listings: Sequence[Listing], *, whole: bool) -> tuple[str, ...]:
    return (
        moment(listing.from_ms),
        *((moment(listing.set_at_ms),) if whole else ()),
        *((escape(listing.name),) if _has_others(listings) else ()),
        listing.book[:_DIGEST_LENGTH_SHOWN],
    )


def _more(listing: Listing, pricing: Pricing) -> str:
    """Say what is paid besides tokens."""
    spelled = pricing.spell(listing.kind, listing.rates)
    return rates_words({name: value for name, value in spelled.items() if name not in _TOKENS})


def _price(listing: Listing, *names: str) -> str:
    """Write the first of these rates that a listing has."""
    counts = [listing.rates[name] for name in names if name in listing.rates]
    return words(Amount(counts[0], money(listing.currency))) if counts else ""
