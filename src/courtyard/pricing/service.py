"""Pricing's face: the price in force, from memory, and new versions of the book."""

from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

import msgspec
import structlog

from courtyard import plugins
from courtyard.core.amount import money
from courtyard.core.clock import Clock
from courtyard.core.errors import InvalidRequest, Unavailable
from courtyard.core.ids import ModelName
from courtyard.pricing import rules, store
from courtyard.pricing.model import ANY, DEFAULT_KIND, Price, Priced, Terms, Version
from courtyard.storage import Database, bump

_log = structlog.get_logger("courtyard.pricing")

ROOM = "pricing"
_MODEL_LENGTH_MAX = 200


class _Entry(NamedTuple):
    """A version as the request path looks it up."""

    from_ms: int
    priced: Priced | None
    problem: str = ""
    """Why nothing can be priced by it."""


class Pricing:
    """The price book. `priced` answers from memory; what changes the book runs SQL, so call it from a thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._kinds = plugins.load("prices")
        self._versions: tuple[Version, ...] = ()
        self._in_memory: dict[ModelName, list[_Entry]] = {}
        self._reloading = Lock()
        self.reload()

    def reload(self) -> None:
        """Read the book again: another process added to it."""
        with self._reloading, self._database.reading() as db:
            self._versions = tuple(store.read_versions(db))
            self._in_memory = {
                model: [self._entry(version) for version in line]
                for model, line in rules.timelines(self._versions).items()
            }

    def priced(self, model: ModelName) -> Priced:
        """Return the price in force for a model: its own, or else the one for any model.

        Raises:
            Unavailable: there is none. Nothing is free unless its price says so.
        """
        now_ms = self._clock.now_ms()
        for name in (model, ANY):
            for entry in self._in_memory.get(name, ()):
                if entry.from_ms <= now_ms:
                    if entry.priced is None:
                        raise Unavailable(
                            f"the price of model {model!r} can't be used: {entry.problem}; tell the operator"
                        )
                    return entry.priced
        raise Unavailable(f"model {model!r} has no price in force; an operator can set one with `courtyard prices set`")

    def set_price(
        self,
        model: ModelName,
        rates: Mapping[str, int],
        *,
        currency: str,
        from_ms: int | None = None,
        kind: str = DEFAULT_KIND,
    ) -> Version:
        """Add a version to the book: what a model costs from a moment on, or from now.

        Raises:
            InvalidRequest: the rates do not fit the kind of price, or the moment is past: what was used is rated.
        """
        now_ms = self._clock.now_ms()
        if not 0 < len(model) <= _MODEL_LENGTH_MAX:
            raise InvalidRequest(f"a model's name has 1 to {_MODEL_LENGTH_MAX} characters, or is {ANY} for any model")
        if from_ms is not None and from_ms < now_ms:
            raise InvalidRequest("a price is in force from now on or later: what was used before is rated already")
        terms = Terms(
            model=model,
            kind=kind,
            currency=rules.check_currency(currency),
            rates=dict(rates),
            from_ms=now_ms if from_ms is None else from_ms,
        )
        self._make(terms)
        with self._database.transaction() as db:
            version = store.write_version(db, terms, set_at_ms=now_ms)
            bump(db, ROOM)
        self.reload()
        return version

    def in_force(self) -> tuple[Version, ...]:
        """List the versions in force now, by model."""
        now_ms = self._clock.now_ms()
        lines = rules.timelines(self._versions)
        found = (
            next((version for version in lines[model] if version.from_ms <= now_ms), None) for model in sorted(lines)
        )
        return tuple(version for version in found if version is not None)

    def history(self, model: ModelName | None = None) -> tuple[Version, ...]:
        """List every version, of one model or of all, in the order in which they were set."""
        return tuple(version for version in self._versions if model in (None, version.model))

    def _entry(self, version: Version) -> _Entry:
        """Make a version's price. One that can't be made keeps its place: an older price does not come back for it."""
        try:
            if rules.digest(rules.canonical(version)) != version.book:
                raise InvalidRequest("it was changed after it was set")
            price = self._make(version)
        except InvalidRequest as error:
            _log.error("price_unusable", model=version.model, book=version.book, reason=error.message)
            return _Entry(version.from_ms, None, error.message)
        return _Entry(version.from_ms, Priced(book=version.book, price=price, unit=money(version.currency)))

    def _make(self, terms: Terms) -> Price:
        if terms.kind not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise InvalidRequest(f"{terms.kind!r} is no installed kind of price; there are {known}")
        plugin: Any = self._kinds[terms.kind]
        price: Any
        try:
            if isinstance(plugin, type) and issubclass(plugin, msgspec.Struct):
                price = msgspec.convert(terms.rates, plugin)
            else:
                price = plugin(**terms.rates)
        except (TypeError, ValueError) as error:  # msgspec's ValidationError is a ValueError.
            raise InvalidRequest(f"rates of a price of kind {terms.kind!r}: {error}") from error
        made: Price = price
        return made
