"""Pricing's face: the price in force, from memory, and new versions of the books."""

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from types import MappingProxyType
from typing import Any

from courtyard.core.clock import Clock
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import ModelName
from courtyard.core.usage import Usage
from courtyard.pricing import comparing, rules, store
from courtyard.pricing.comparing import Change, Compared, Margin, Used
from courtyard.pricing.kinds import Kinds
from courtyard.pricing.memory import Books
from courtyard.pricing.model import ANY, DEFAULT_KIND, STANDARD, Document, Listing, Offer, Priced, Version
from courtyard.pricing.sheets import Sheet, read_sheet, spell, write_sheet
from courtyard.storage import Database, bump

ROOM = "pricing"
_MODEL_LENGTH_MAX = 200
_OFFERS_MAX = 10_000

_LAST_MS = 221_845_392_000_000
"""The year 9000: calendars end soon after."""


class Pricing:
    """The price books. What prices is answered from memory; what changes a book runs SQL, so call it from a thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.kinds = Kinds()
        self._reloading = Lock()
        self._books = Books((), self.kinds)
        self.reload()

    def reload(self) -> None:
        """Read the books again: another process added to them. Who asks for a price meanwhile has them as before."""
        with self._reloading, self._database.reading() as db:
            self._books = Books(store.read_versions(db), self.kinds)

    def priced(self, model: ModelName, book: str = STANDARD) -> Priced:
        """Return the price in force for a model: its own, or else the one for any model, in this book or the extended.

        Raises:
            Unavailable: there is none. Nothing is free unless its price says so.
        """
        return self._books.priced(model, self._clock.now_ms(), book=book)

    def priced_at(self, model: ModelName, at_ms: int, book: str = STANDARD) -> Priced:
        """Return the price that is in force at a moment, as far as the books know now.

        Raises:
            Unavailable: there is none.
        """
        return self._books.priced(model, at_ms, book=book)

    def price_of(self, digest: str, model: ModelName) -> Priced:
        """Return the price that a receipt was rated by.

        Raises:
            NotFound: no version has this digest and says what the model costs.
            Unavailable: it was changed after it was set, or its kind of price is not installed.
        """
        return self._books.of(digest, model)

    def cost_of(self, digest: str, model: ModelName, usage: Usage) -> int | None:
        """Say what the operator pays for a receipt's usage, where the book that it was rated by says.

        Raises:
            NotFound: no version has this digest and says what the model costs.
        """
        cost = self._books.of(digest, model).cost
        return None if cost is None else cost.rate(usage)

    def terms(self, digest: str) -> Version:
        """Return the version of a book that receipts name.

        Raises:
            NotFound: there is none with this digest.
        """
        return self._books.version(digest)

    def document(self, digest: str) -> str:
        """Return the text that a digest is over, for whoever wants to check it.

        Raises:
            NotFound: there is none with this digest.
        """
        return self._books.document(digest)

    def books(self) -> tuple[str, ...]:
        """Name the books there are."""
        return self._books.names

    def set_price(
        self,
        model: ModelName,
        rates: Mapping[str, Any],
        *,
        currency: str,
        from_ms: int | None = None,
        kind: str = DEFAULT_KIND,
        cost: Mapping[str, int] | None = None,
        book: str = STANDARD,
    ) -> Listing:
        """Amend a book by one model: what it costs from a moment on, or from now.

        Raises:
            InvalidRequest: the rates do not fit the kind of price, or the moment is past: what was used is rated.
        """
        offer = Offer(model=model, kind=kind, rates=dict(rates))
        costs = {} if cost is None else {model: cost}
        (listing,) = rules.listings(self.amend([offer], costs, currency=currency, from_ms=from_ms, book=book))
        return listing

    def amend(
        self,
        offers: Sequence[Offer],
        costs: Mapping[ModelName, Mapping[str, int]] = MappingProxyType({}),
        *,
        currency: str,
        from_ms: int | None = None,
        book: str = STANDARD,
        extends: str | None = None,
    ) -> Version:
        """Add a version to a book: what some models cost from a moment on, or from now; the others stay as they are.

        A book goes on extending another one unless a version says which other. `costs` are what the operator pays.

        Raises:
            InvalidRequest: a price makes no sense, or the moment is past: what was used is rated.
        """
        now_ms = self._clock.now_ms()
        if from_ms is not None and from_ms < now_ms:
            raise InvalidRequest("a price is in force from now on or later: what was used before is rated already")
        if from_ms is not None and from_ms > _LAST_MS:
            raise InvalidRequest("a price is in force before the year 9000")
        self.check(offers, costs, currency=currency, book=book, extends=extends)
        from_ms = now_ms if from_ms is None else from_ms
        document = Document(
            book=book,
            currency=currency,
            from_ms=from_ms,
            prices=tuple(offers),
            extends=extends or self._books.extended(book, from_ms),
        )
        noted = {model: dict(rates) for model, rates in costs.items()}
        with self._database.transaction() as db:
            version = store.write_version(db, document, noted, set_at_ms=now_ms)
            bump(db, ROOM)
        self.reload()
        return version

    def check(
        self,
        offers: Sequence[Offer],
        costs: Mapping[ModelName, Mapping[str, int]] = MappingProxyType({}),
        *,
        currency: str,
        book: str = STANDARD,
        extends: str | None = None,
    ) -> None:
        """See that an amendment makes sense, whenever it begins.

        Raises:
            InvalidRequest: it does not.
        """
        rules.check_currency(currency)
        rules.check_book(book)
        if not 0 < len(offers) <= _OFFERS_MAX:
            raise InvalidRequest(f"an amendment lists 1 to {_OFFERS_MAX} models")
        names = [offer.model for offer in offers]
        for name in names:
            if not 0 < len(name) <= _MODEL_LENGTH_MAX or not name.isprintable():
                raise InvalidRequest(
                    f"a model's name has 1 to {_MODEL_LENGTH_MAX} printable characters, or is {ANY} for any model"
                )
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidRequest(f"model {twice!r} is listed twice")
        for offer in offers:
            self.kinds.make(offer.kind, offer.rates)
        for model, rates in costs.items():
            if model not in names:
                raise InvalidRequest(f"the operator's cost of model {model!r} stands beside no price of it")
            self.kinds.make_cost(rates)
        if extends is not None:
            self._check_extends(book, extends)

    def in_force(self, book: str = STANDARD, *, at_ms: int | None = None) -> tuple[Listing, ...]:
        """List what a book itself says now, or at another moment, by model."""
        at_ms = self._clock.now_ms() if at_ms is None else at_ms
        lines = self._books.lines
        found = (
            next((listing for listing in lines[place] if listing.from_ms <= at_ms), None)
            for place in sorted(lines)
            if place[0] == book
        )
        return tuple(listing for listing in found if listing is not None)

    def history(self, model: ModelName | None = None, *, book: str | None = None) -> tuple[Listing, ...]:
        """List everything that was ever set, of one model and book or of all, in the order in which it was set."""
        return tuple(
            listing
            for listing in self._books.listings
            if model in (None, listing.model) and book in (None, listing.name)
        )

    def listing(self, digest: str, model: ModelName) -> Listing | None:
        """Return what a version says of a model, or of any; nothing where there is no such version."""
        said = {listing.model: listing for listing in self._books.listings if listing.book == digest}
        return said.get(model) or said.get(ANY)

    def extended(self, book: str) -> str | None:
        """Name the book that another one extends now."""
        return self._books.extended(book, self._clock.now_ms())

    # --- Sheets, and what they would change ---------------------------------------------------------------------------

    def read_sheet(self, text: str) -> Sheet:
        """Read an amendment from YAML.

        Raises:
            InvalidRequest: something in it is no price; the message names the line and the field.
        """
        sheet = read_sheet(text, self.kinds)
        self.check(sheet.prices, sheet.costs, currency=sheet.currency, book=sheet.book, extends=sheet.extends)
        return sheet

    def write_sheet(self, listings: Sequence[Listing], *, book: str, currency: str) -> str:
        """Write what a book says in one currency as YAML that can be read in again."""
        return write_sheet(listings, self.kinds, book=book, currency=currency, extends=self.extended(book))

    def spell(self, kind: str, rates: Mapping[str, Any]) -> dict[str, Any]:
        """Write rates as people do: money as decimals of the currency, counts as they are."""
        return spell(rates, self.kinds, kind=kind)

    def changes(self, sheet: Sheet, *, from_ms: int | None = None) -> tuple[Change, ...]:
        """Say what an amendment would change of what its book says at the moment from which it holds."""
        at_ms = from_ms or sheet.from_ms
        listings = self.in_force(sheet.book, at_ms=at_ms)
        return comparing.changes(listings, sheet.prices, sheet.costs, currency=sheet.currency)

    def simulate(self, sheet: Sheet, used: Iterable[Used], *, everyone: bool = False) -> tuple[Compared, ...]:
        """Rate a period's use again by an amendment: what was rated by its book, or `everyone`'s.

        A book that is not there yet is tried on everyone's use.
        """
        everyone = everyone or sheet.book not in self.books()
        return comparing.simulate(
            used,
            {offer.model: self.kinds.make(offer.kind, offer.rates) for offer in sheet.prices},
            currency=sheet.currency,
            price_of=self.price_of,
            is_affected=lambda digest: everyone or self._books.name(digest) == sheet.book,
        )

    def margins(self, used: Iterable[Used]) -> tuple[Margin, ...]:
        """Say by model and currency what a period's use brought in and what the operator paid for it."""
        return comparing.margins(used, price_of=self.price_of)

    def _check_extends(self, book: str, extends: str) -> None:
        books = self.books()
        if extends not in books:
            raise InvalidRequest(f"there is no book {extends!r} to extend; there are {', '.join(books) or 'none'}")
        looked_at: str | None = extends
        for _ in books:
            if looked_at == book:
                raise InvalidRequest(f"book {book!r} can't extend {extends!r}, which extends {book!r} itself")
            looked_at = None if looked_at is None else self.extended(looked_at)
