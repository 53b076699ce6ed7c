"""Price books as files: what an amendment says in YAML, with prices as people write them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import inspect

from courtyard import strict_yaml
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import ModelName
from courtyard.pricing import rules
from courtyard.pricing.kinds import Kinds
from courtyard.pricing.model import DEFAULT_KIND, IS_MONEY, STANDARD, Listing, Offer
from courtyard.strict_yaml import Field


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says: an amendment to a book, from a moment on or from when it is read in."""

    book: str
    currency: str
    from_ms: int | None
    extends: str | None
    prices: tuple[Offer, ...]
    costs: dict[ModelName, dict[str, int]]


def read_sheet(text: str, kinds: Kinds) -> Sheet:
    """Read a file.

    Raises:
        InvalidRequest: something in it is no price; the message names the line and the field.
    """
    told = strict_yaml.read(text).fields("book", "currency", "from", "extends", "prices", needed=("currency", "prices"))
    offers: list[Offer] = []
    costs: dict[ModelName, dict[str, int]] = {}
    for field in told["prices"].items():
        offer, cost = _read_offer(field, kinds)
        if any(other.model == offer.model for other in offers):
            raise field.wrong(f"model {offer.model!r} is listed twice")
        offers.append(offer)
        if cost is not None:
            costs[offer.model] = cost
    return Sheet(
        book=_checked(told["book"], rules.check_book) if "book" in told else STANDARD,
        currency=_checked(told["currency"], rules.check_currency),
        from_ms=_moment(told["from"]) if "from" in told else None,
        extends=_checked(told["extends"], rules.check_book) if "extends" in told else None,
        prices=tuple(offers),
        costs=costs,
    )


def write_sheet(
    listings: Iterable[Listing], kinds: Kinds, *, book: str, currency: str, extends: str | None = None
) -> str:
    """Write what a book says as a file that can be read in again."""
    head = {"book": book, "currency": currency} | ({"extends": extends} if extends else {})
    return strict_yaml.write(head | {"prices": [_written(listing, kinds) for listing in listings]})


def _read_offer(field: Field, kinds: Kinds) -> tuple[Offer, dict[str, int] | None]:
    told = field.fields("model", "kind", "rates", "cost", needed=("model", "rates"))
    kind = told["kind"].text() if "kind" in told else DEFAULT_KIND
    try:
        plugin = kinds.plugin(kind)
    except InvalidRequest as error:
        raise told["kind"].wrong(error.message) from error
    offer = Offer(model=ModelName(told["model"].text()), kind=kind, rates=_read_rates(told["rates"], _type_of(plugin)))
    try:
        kinds.make(kind, offer.rates)
    except InvalidRequest as error:
        raise told["rates"].wrong(error.message) from error
    if "cost" not in told:
        return offer, None
    cost = _read_rates(told["cost"], _type_of(kinds.plugin(DEFAULT_KIND)))
    try:
        kinds.make_cost(cost)
    except InvalidRequest as error:
        raise told["cost"].wrong(error.message) from error
    return offer, cost


# --- Rates, by the types of a kind's fields ---------------------------------------------------------------------------


def _type_of(plugin: object) -> inspect.Type | None:
    """Say what a kind of price takes; of one that is no struct nobody knows, and its rates are whole numbers."""
    if isinstance(plugin, type) and issubclass(plugin, msgspec.Struct):
        return inspect.type_info(plugin)
    return None


def _read_rates(field: Field, kind: inspect.Type | None) -> dict[str, Any]:
    known = {one.encode_name: one.type for one in kind.fields} if isinstance(kind, inspect.StructType) else None
    told = field.fields(*(known or ()))
    return {name: _read_value(value, known[name] if known else None) for name, value in told.items()}


def _read_value(field: Field, kind: inspect.Type | None) -> Any:
    """Read money as a decimal of the currency, counts as whole numbers, and words as they are."""
    kind, is_money = _bare(kind)
    match kind:
        case inspect.StructType():
            return _read_rates(field, kind)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return [_read_value(one, item) for one in field.items()]
        case inspect.LiteralType(values=words):
            if field.text() not in words:
                raise field.wrong(f"{field.text()!r} is none of {', '.join(map(str, words))}")
            return field.text()
        case inspect.StrType():
            return field.text()
    if not is_money:
        return field.whole()
    return _checked(field, rules.nano)


def spell(rates: Mapping[str, Any], kinds: Kinds, *, kind: str) -> dict[str, Any]:
    """Write rates as people do: money as decimals of the currency, counts as they are."""
    try:
        spelled: dict[str, Any] = _write_value(rates, _type_of(kinds.plugin(kind)))
    except InvalidRequest:  # The kind is not installed any more: nobody knows which of its rates are money.
        return dict(rates)
    return spelled


def _written(listing: Listing, kinds: Kinds) -> dict[str, Any]:
    told = {"model": listing.model, "kind": listing.kind, "rates": spell(listing.rates, kinds, kind=listing.kind)}
    return told | ({} if listing.cost is None else {"cost": spell(listing.cost, kinds, kind=DEFAULT_KIND)})


def _write_value(value: Any, kind: inspect.Type | None) -> Any:
    kind, is_money = _bare(kind)
    match value:
        case Mapping():
            types = {one.encode_name: one.type for one in kind.fields} if isinstance(kind, inspect.StructType) else {}
            return {name: _write_value(one, types.get(name)) for name, one in value.items()}
        case list() | tuple():
            item = kind.item_type if isinstance(kind, inspect.VarTupleType | inspect.ListType) else None
            return [_write_value(one, item) for one in value]
        case int() if is_money:
            return rules.decimal(value)
    return value


def _bare(kind: inspect.Type | None) -> tuple[inspect.Type | None, bool]:
    """Take a type out of what is said about it, and say whether it is money."""
    is_money = False
    if isinstance(kind, inspect.UnionType):
        kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    while isinstance(kind, inspect.Metadata):
        is_money = is_money or (kind.extra or {}).get(IS_MONEY, False)
        kind = kind.type
    return kind, is_money


# --- Words ------------------------------------------------------------------------------------------------------------


def _checked(field: Field, check: Any) -> Any:
    try:
        return check(field.text())
    except InvalidRequest as error:
        raise field.wrong(error.message) from error


def _moment(field: Field) -> int:
    """Read a day as its beginning, or a moment; UTC unless it says otherwise."""
    text = field.text()
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise field.wrong(f"{text!r} is no date: write 2026-01-31 or 2026-01-31T09:00") from error
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(at.timestamp()) * 1000
