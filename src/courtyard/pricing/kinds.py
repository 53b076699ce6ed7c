"""The installed kinds of price: what makes prices from rates, and what rates they take."""

from collections.abc import Mapping
from typing import Any

import msgspec

from courtyard import plugins
from courtyard.core.errors import InvalidRequest
from courtyard.pricing.model import DEFAULT_KIND, Basis, Price


class Kinds:
    """Kinds of price by name; they come by entry point."""

    def __init__(self) -> None:
        self._kinds = plugins.load("prices")

    def make(self, kind: str, rates: Mapping[str, Any]) -> Price:
        """Make a price from its rates.

        Raises:
            InvalidRequest: there is no such kind of price, or the rates do not fit it.
        """
        plugin: Any = self.plugin(kind)
        price: Any
        try:
            _check_exact(rates)
            if isinstance(plugin, type) and issubclass(plugin, msgspec.Struct):
                price = msgspec.convert(rates, plugin)
            else:
                price = plugin(**rates)
        except (TypeError, ValueError) as error:  # msgspec's ValidationError is a ValueError.
            raise InvalidRequest(f"rates of a price of kind {kind!r}: {error}") from error
        made: Price = price
        return made

    def make_cost(self, rates: Mapping[str, int]) -> Price:
        """Make what the operator pays: always so much for a million tokens."""
        try:
            return self.make(DEFAULT_KIND, rates)
        except InvalidRequest as error:
            raise InvalidRequest(f"the operator's cost: {error.message}") from error

    def basis(self, kind: str) -> Basis:
        """Say what a kind of price is so much for; one that does not say is of requests."""
        return Basis(getattr(self.plugin(kind), "basis", Basis.REQUEST))

    def plugin(self, kind: str) -> object:
        """Find what makes prices of a kind.

        Raises:
            InvalidRequest: there is no such kind.
        """
        if kind not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise InvalidRequest(f"{kind!r} is no installed kind of price; there are {known}")
        return self._kinds[kind]


def _check_exact(value: object) -> None:
    """See that rates are whole numbers, words, and lists and mappings of them: what has one canonical form."""
    match value:
        case bool() | float() | None:
            raise ValueError(f"{value!r} is no whole number; what is not said is left out")
        case Mapping():
            for part in value.values():
                _check_exact(part)
        case list() | tuple():
            for part in value:
                _check_exact(part)
