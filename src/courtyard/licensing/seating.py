"""Seats: who holds one, and who held one when. Assigning and freeing runs SQL: call it from a thread."""

from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.ids import OrganisationId, PersonId
from courtyard.licensing import store
from courtyard.licensing.contracting import Contracting
from courtyard.licensing.model import SeatHold


class Seating(Contracting):
    """The directory of seats. A seat is a numbered place that one person holds at a time."""

    def seats(self, organisation: OrganisationId, from_ms: int, until_ms: int) -> tuple[SeatHold, ...]:
        """List the seats of an organisation that were held at any time between two moments, by their beginning."""
        with self._database.reading() as db:
            return tuple(store.read_seats(db, organisation, from_ms=from_ms, until_ms=until_ms))

    def seated(self, organisation: OrganisationId | None = None) -> tuple[SeatHold, ...]:
        """List the seats that are held now, of one organisation or of all."""
        with self._database.reading() as db:
            return tuple(store.read_seats(db, organisation))

    def seats_max(self, organisation: OrganisationId) -> int | None:
        """Say how many seats an organisation may hold at once; `None` is as many as it likes."""
        contract = self.contract(organisation)
        terms = None if contract is None else self.plan(contract.plan).seats
        if contract is None or terms is None:
            return None
        return terms.max if contract.seats_max is None else contract.seats_max

    def assign(self, organisation: OrganisationId, person: PersonId) -> SeatHold:
        """Give a person a seat; somebody who has one keeps it.

        Raises:
            InvalidRequest: nobody of the organisation needs one.
            Conflict: every seat is held.
        """
        if not self._needs_seats(organisation):
            raise InvalidRequest(f"{organisation} has no plan with seats, so nobody of it needs one")
        with self._changing() as db:
            there = store.read_seat(db, person)
            if there is not None:
                return there
            places = store.read_places(db, organisation)
            _check_room(
                len(places),
                self.seats_max(organisation),
                "an operator can give the organisation more: `courtyard contracts change`",
            )
            _check_room(store.count_seats(db), self._seats_licensed(), "the licence of this installation has no more")
            place = next(number for number in range(1, len(places) + 2) if number not in places)
            seat = SeatHold(organisation=organisation, person=person, from_ms=self._clock.now_ms())
            store.write_seat(db, seat, place=place)
        return seat

    def free(self, person: PersonId) -> SeatHold | None:
        """Take a person's seat back, for somebody else to have; says which one it was. Who has none keeps none."""
        with self._changing() as db:
            seat = store.read_seat(db, person)
            if seat is not None:
                store.end_seat(db, person, at_ms=max(self._clock.now_ms(), seat.from_ms))
        return seat

    def _needs_seats(self, organisation: OrganisationId) -> bool:
        contract = self.contract(organisation)
        by_plan = contract is not None and self.plan(contract.plan).seats is not None
        return by_plan or self._seats_licensed() is not None

    def _seats_licensed(self) -> int | None:
        """Say how many seats the whole installation may hold; `None` is as many as it likes."""
        return None


def _check_room(held: int, seats_max: int | None, more: str) -> None:
    if seats_max is not None and held >= seats_max:
        raise Conflict(f"all {seats_max} seats are held; free one with `courtyard seats free`, or {more}")
