"""Providers in memory: what the request path asks, and the one way to change what it sees."""

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from threading import Lock

import msgspec
from sqlalchemy import Connection

from courtyard.catalogue.memory import Memory as Catalogue
from courtyard.catalogue.providers import rules, store
from courtyard.catalogue.providers.model import (
    Candidate,
    Card,
    PersonsCapReached,
    Provider,
    State,
    Tier,
    UnknownProvider,
)
from courtyard.core.clock import Clock
from courtyard.core.ids import HOME, ProviderId, Region
from courtyard.storage import Database, Keyring, bump

ROOM = "providers"

_PEPPER = "pepper"
_KNOWN_PERSONS_MAX = 200_000

_HOME = Card(
    provider=HOME,
    name="home",
    entity="",
    jurisdiction="",
    tier=Tier.HOME,
    state=State.ADMITTED,
    serves=True,
)


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """Every provider at one moment."""

    providers: Mapping[str, Provider] = {}
    foreign_on: bool = False
    persons: Mapping[str, int] = {}
    """How many persons each legal entity was told of in `year`."""
    year: int = 0
    cards: dict[str, Card] = {}
    """What was said of them at this moment: a card that is late is one of what was, not of what is."""


class Memory:
    """Reads are from memory; a change is a transaction, then a new snapshot. Time passes in memory too."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock, catalogue: Catalogue) -> None:
        self._database = database
        self._clock = clock
        self._catalogue = catalogue
        self._keyring = keyring
        self._known = _Known()
        self._persons: set[tuple[str, int, str]] = set()
        self._reloading = Lock()
        self.reload()

    @cached_property
    def _pepper(self) -> bytes:
        return self._keyring.secret(_PEPPER)

    def reload(self) -> None:
        """Read everything again: another process changed something."""
        with self._reloading, self._database.reading() as db:
            year = rules.year_of(self._clock.now_ms())
            self._known = _Known(
                providers={provider.id: provider for provider in store.read_all(db)},
                foreign_on=store.read_foreign_on(db),
                persons=store.read_persons(db, year),
                year=year,
            )

    @property
    def foreign_on(self) -> bool:
        """Whether anybody foreign may be asked at all."""
        return self._known.foreign_on

    def providers(self) -> tuple[Provider, ...]:
        """List providers as they stand at this moment, in the order in which they were proposed."""
        now_ms = self._clock.now_ms()
        return tuple(rules.seen(provider, now_ms=now_ms) for provider in self._known.providers.values())

    def provider(self, id: str) -> Provider:
        """Return a provider as it stands at this moment.

        Raises:
            UnknownProvider: there is none.
        """
        return rules.seen(self._kept(id), now_ms=self._clock.now_ms())

    def card(self, id: ProviderId) -> Card:
        """Say what the request path may know of a provider at this moment; at home everything may run.

        Raises:
            UnknownProvider: there is none.
        """
        if id == HOME:
            return _HOME
        now_ms, known = self._clock.now_ms(), self._known
        card = known.cards.get(id)
        if card is None or (card.good_until_ms is not None and now_ms >= card.good_until_ms):
            card = rules.card(_kept(known, id), foreign_on=known.foreign_on, now_ms=now_ms)
            known.cards[id] = card
        return card

    def candidates(self, model: str) -> tuple[Candidate, ...]:
        """List who runs a model, and in which region; each pair once, in the order in which engines are tried.

        Raises:
            UnknownModel: there is none of this name.
        """
        pairs: dict[tuple[ProviderId, Region], None] = {}
        for provider, region in self._catalogue.places(model):
            pairs.setdefault((provider, region))
        return tuple(Candidate(card=self.card(provider), region=region) for provider, region in pairs)

    def persons(self, id: ProviderId) -> int:
        """Say how many persons a provider's legal entity was told of this calendar year, as of the last look."""
        if id == HOME or not self._is_this_year():
            return 0
        return self._known.persons.get(rules.entity_of(self._kept(id)), 0)

    def persons_left(self, id: ProviderId) -> int | None:
        """Say how many persons more it may be told of this year, as of the last look; `None` is any number."""
        if id == HOME:
            return None
        most = self._persons_max(rules.entity_of(self._kept(id)))
        return None if most is None else max(most - self.persons(id), 0)

    def knows(self, id: ProviderId, who: str) -> bool:
        """Say whether this process has counted a person already, who then is asked for no more."""
        return id == HOME or self._place(id, who) in self._persons

    def count(self, id: ProviderId, who: str) -> None:
        """Count a person who is about to become known to a provider's legal entity, once a calendar year.

        `who` names them in any lasting way; what is kept is a digest under a key, of this entity and this year alone.
        The count is exact over all nodes: the transaction that notes a person counts them, within the cap.

        Raises:
            PersonsCapReached: the entity may be told of nobody new this year.
        """
        if id == HOME:
            return
        place = entity, year, digest = self._place(id, who)
        most = self._persons_max(entity)
        with self._database.transaction() as db:
            is_new = store.write_person(db, entity, year, digest)
            if is_new and not store.count_person(db, entity, year, most=most):
                raise PersonsCapReached(
                    f"{self.card(id).name} may be told of {most} persons in {year}, and was; ask the operator",
                    rule="persons_cap",
                )
        if len(self._persons) >= _KNOWN_PERSONS_MAX:
            self._persons.clear()
        self._persons.add(place)
        if is_new:
            self._add_person(entity, year)

    def _add_person(self, entity: str, year: int) -> None:
        with self._reloading:  # Beside a reload this would bring back what stood before it, a kill switch too.
            known = self._known
            if known.year == year:
                persons = {**known.persons, entity: known.persons.get(entity, 0) + 1}
                self._known = msgspec.structs.replace(known, persons=persons)

    def _place(self, id: ProviderId, who: str) -> tuple[str, int, str]:
        entity = rules.entity_of(self._kept(id))
        year = rules.year_of(self._clock.now_ms())
        said = msgspec.json.encode(["provider-person/1", entity, year, who])
        return entity, year, hmac.new(self._pepper, said, sha256).hexdigest()

    def _persons_max(self, entity: str) -> int | None:
        """The lowest cap of those that one legal entity is known under."""
        same = (provider for provider in self._known.providers.values() if rules.entity_of(provider) == entity)
        caps = [provider.caps.persons for provider in same if provider.state is not State.EXPELLED]
        return min((cap for cap in caps if cap is not None), default=None)

    def _is_this_year(self) -> bool:
        return self._known.year == rules.year_of(self._clock.now_ms())

    def _kept(self, id: str) -> Provider:
        return _kept(self._known, id)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """Open a transaction that other processes hear of, and whose outcome is in memory when the block has ended."""
        with self._database.transaction() as db:
            bump(db, ROOM)  # First, so that on PostgreSQL one transaction at a time changes providers.
            yield db
        self.reload()


def _kept(known: _Known, id: str) -> Provider:
    provider = known.providers.get(id)
    if provider is None:
        raise UnknownProvider(f"there is no provider {id[:60]!r}; `courtyard providers list` shows those there are")
    return provider
