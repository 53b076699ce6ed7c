"""A seat is held by one person at a time, and no more are held than there are."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, SeatRequired
from courtyard.core.ids import PersonId
from courtyard.licensing import Licensing, read_plan
from tests.licensing.asking import ORGANISATION, PERSON, admitted
from tests.licensing.sold import DAY_MS, DAY_S, TEAM, plan

ANN, BOB, CAT = (PersonId(f"person_{name}") for name in ("ann", "bob", "cat"))


@pytest.fixture
def seated(licensing: Licensing) -> Licensing:
    """An organisation with a plan of two seats."""
    licensing.add_plan(read_plan(TEAM))
    licensing.sign(ORGANISATION, "team")
    return licensing


def test_people_need_a_seat_and_projects_do_not(seated: Licensing) -> None:
    """By their own key or signed in: a 403 that says who can give them one. A project's key has no person."""
    with pytest.raises(SeatRequired, match=r"admin of your organisation can give you one: .* seats assign person_1"):
        seated.entitle(admitted())
    with pytest.raises(SeatRequired):
        seated.entitle(admitted(key=None))
    assert seated.entitle(admitted(person=None))
    seated.assign(ORGANISATION, PERSON)

    assert seated.entitle(admitted())


def test_a_plan_may_be_for_people_alone(licensing: Licensing) -> None:
    """Then a project's key is refused too."""
    licensing.add_plan(plan(seats="{people_only: true}"))
    licensing.sign(ORGANISATION, "basic")
    licensing.assign(ORGANISATION, PERSON)

    assert licensing.entitle(admitted())
    with pytest.raises(SeatRequired, match="this key belongs to a project"):
        licensing.entitle(admitted(person=None))


def test_the_last_seat_is_given_once(seated: Licensing) -> None:
    """However many want it at the same time, on either database."""

    def assign(number: int) -> bool:
        try:
            seated.assign(ORGANISATION, PersonId(f"person_{number}"))
        except Conflict:
            return False
        return True

    seated.assign(ORGANISATION, ANN)
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(assign, range(8)))

    assert sum(given) == 1
    assert len(seated.seated(ORGANISATION)) == 2


def test_a_seat_that_is_free_is_given_to_somebody_else(seated: Licensing, clock: FrozenClock) -> None:
    """Assigning and freeing may be asked for again; who held one when stays known."""
    begins_ms = clock.now_ms()
    first = seated.assign(ORGANISATION, ANN)
    assert seated.assign(ORGANISATION, ANN) == first
    seated.assign(ORGANISATION, BOB)
    with pytest.raises(Conflict, match=r"all 2 seats are held; free one with `courtyard seats free`, or an operator"):
        seated.assign(ORGANISATION, CAT)
    clock.advance(DAY_S)
    seated.free(ANN)
    assert seated.free(ANN) is None
    seated.assign(ORGANISATION, CAT)

    assert [seat.person for seat in seated.seated()] == [BOB, CAT]
    held = seated.seats(ORGANISATION, begins_ms, begins_ms + 2 * DAY_MS)
    assert [(seat.person, seat.from_ms - begins_ms, seat.until_ms and seat.until_ms - begins_ms) for seat in held] == [
        (ANN, 0, DAY_MS),
        (BOB, 0, None),
        (CAT, DAY_MS, None),
    ]
    assert [seat.person for seat in seated.seats(ORGANISATION, begins_ms, begins_ms + 1)] == [ANN, BOB]


def test_a_contract_may_have_more_seats_than_its_plan(seated: Licensing, clock: FrozenClock) -> None:
    """Or fewer: who holds one keeps it, and nobody new gets one until there is room."""
    for person in (ANN, BOB):
        seated.assign(ORGANISATION, person)
    clock.advance(1)
    seated.change(ORGANISATION, "team", seats_max=3)
    seated.assign(ORGANISATION, CAT)
    clock.advance(1)
    seated.change(ORGANISATION, "team", seats_max=1)
    assert seated.seats_max(ORGANISATION) == 1
    for person in (ANN, BOB):
        seated.free(person)
    with pytest.raises(Conflict, match="all 1 seats are held"):
        seated.assign(ORGANISATION, ANN)

    assert [seat.person for seat in seated.seated()] == [CAT]


def test_nobody_takes_a_seat_where_there_are_none(licensing: Licensing) -> None:
    """An organisation whose plan has no seats has nothing to assign."""
    licensing.add_plan(plan())
    licensing.sign(ORGANISATION, "basic")

    with pytest.raises(InvalidRequest, match="has no plan with seats"):
        licensing.assign(ORGANISATION, ANN)
