"""The price books as the request path reads them: made once when a book changes, and never changed."""

from collections.abc import Iterable
from typing import NamedTuple

import structlog

from courtyard.core.amount import money
from courtyard.core.errors import InvalidRequest, NotFound, Unavailable
from courtyard.core.ids import ModelName
from courtyard.pricing import rules
from courtyard.pricing.kinds import Kinds
from courtyard.pricing.model import ANY, Listing, Priced, Version
from courtyard.pricing.store import Stored

_log = structlog.get_logger("courtyard.pricing")

_BOOKS_DEEP_MAX = 8
"""How many books may extend one another."""


class _Entry(NamedTuple):
    """A listing as it is looked up."""

    from_ms: int
    priced: Priced | None
    problem: str = ""
    """Why nothing can be priced by it."""


class Books:
    """All versions of all books."""

    def __init__(self, stored: Iterable[Stored], kinds: Kinds) -> None:
        self.versions: tuple[Version, ...] = ()
        self.listings: tuple[Listing, ...] = ()
        self._documents: dict[str, str] = {}
        self._by_digest: dict[str, Version] = {}
        self._entries: dict[tuple[str, ModelName], _Entry] = {}
        versions, listings = [], []
        for one, document, is_whole in stored:
            versions.append(one)
            self._documents[one.digest] = document
            self._by_digest[one.digest] = one
            for listing in rules.listings(one):
                listings.append(listing)
                self._entries[one.digest, listing.model] = _entry(listing, kinds, is_whole=is_whole)
        self.versions, self.listings = tuple(versions), tuple(listings)
        self.lines = rules.timelines(self.listings)
        self._timelines = {
            place: [self._entries[listing.book, listing.model] for listing in line]
            for place, line in self.lines.items()
        }
        self._extends: dict[str, list[tuple[int, str | None]]] = {}
        for version in sorted(self.versions, key=lambda version: version.from_ms):
            self._extends.setdefault(version.book, []).insert(0, (version.from_ms, version.extends))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the books."""
        return tuple(sorted(self._extends))

    def priced(self, model: ModelName, at_ms: int, *, book: str) -> Priced:
        """Find the price of a model at a moment: in its book, and then in the one that its book extends.

        Raises:
            Unavailable: there is none, or the one that is in force can't be used.
        """
        looked_in: str | None = book
        for _ in range(_BOOKS_DEEP_MAX):
            if looked_in is None:
                break
            for name in (model, ANY):
                for entry in self._timelines.get((looked_in, name), ()):
                    if entry.from_ms <= at_ms:
                        return _usable(entry, model)
            looked_in = self.extended(looked_in, at_ms)
        which = "" if book == "standard" else f" in book {book!r}"
        raise Unavailable(
            f"model {model!r} has no price in force{which}; an operator can set one with `courtyard prices set`"
        )

    def extended(self, book: str, at_ms: int) -> str | None:
        """Name the book that another one extends at a moment."""
        return next((extends for from_ms, extends in self._extends.get(book, ()) if from_ms <= at_ms), None)

    def of(self, digest: str, model: ModelName) -> Priced:
        """Find the price that a version gives a model, its own or that of any.

        Raises:
            NotFound: there is no such version, or it says nothing of the model.
        """
        entry = self._entries.get((digest, model)) or self._entries.get((digest, ANY))
        if entry is None:
            raise NotFound(f"there is no price of model {model!r} in a price book with digest {digest!r}")
        return _usable(entry, model)

    def version(self, digest: str) -> Version:
        """Find a version.

        Raises:
            NotFound: there is none with this digest.
        """
        self._check(digest)
        return self._by_digest[digest]

    def name(self, digest: str) -> str | None:
        """Name the book that a version amends; nothing where there is no such version."""
        version = self._by_digest.get(digest)
        return None if version is None else version.book

    def document(self, digest: str) -> str:
        """Return the text that a digest is over.

        Raises:
            NotFound: there is none.
        """
        self._check(digest)
        return self._documents[digest]

    def _check(self, digest: str) -> None:
        if digest not in self._by_digest:
            raise NotFound(f"there is no price book with digest {digest!r}")


def _usable(entry: _Entry, model: ModelName) -> Priced:
    if entry.priced is None:
        raise Unavailable(f"the price of model {model!r} can't be used: {entry.problem}; tell the operator")
    return entry.priced


def _entry(listing: Listing, kinds: Kinds, *, is_whole: bool) -> _Entry:
    """Make a listing's price. One that can't be made keeps its place: an older price does not come back for it."""
    try:
        if not is_whole:
            raise InvalidRequest("it was changed after it was set")
        price = kinds.make(listing.kind, listing.rates)
        cost = None if listing.cost is None else kinds.make_cost(listing.cost)
    except InvalidRequest as error:
        _log.error("price_unusable", model=listing.model, book=listing.book, reason=error.message)
        return _Entry(listing.from_ms, None, error.message)
    priced = Priced(
        book=listing.book,
        price=price,
        unit=money(listing.currency),
        kind=listing.kind,
        basis=kinds.basis(listing.kind),
        cost=cost,
    )
    return _Entry(listing.from_ms, priced)
