"""What a contract says holds at every door: its models, its seats, and its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard.core.amount import NANO
from courtyard.core.ids import ModelName
from courtyard.gateway import GatewayLimits
from courtyard.licensing import Plan, SeatTerms
from tests.peers.doors import DOORS, Asker
from tests.walk.housed import Housed, housed


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Housed]:
    with housed(tmp_path / "data", GatewayLimits()) as house:
        house.server.house.pricing.set_price("*", {"input": 10**9, "output": 3 * 10**9}, currency="USD")
        yield house


def test_no_door_forgets_the_contract(house: Housed) -> None:
    """A model that is not in the plan, a caller without a seat, and a contract that ended, whole or as a stream."""
    rooms, asker = house.server.house, Asker(house)
    organisation = rooms.identity.projects()[0].organisation
    rooms.licensing.add_plan(
        Plan(name="others", currency="USD", credit_line_nano=100 * NANO, models=(ModelName("other"),))
    )
    rooms.licensing.add_plan(
        Plan(name="people", currency="USD", credit_line_nano=100 * NANO, seats=SeatTerms(max=1, people_only=True))
    )

    def codes() -> set[tuple[int, str]]:
        answers = [asker.ask(path, stream=stream) for path, stream in DOORS]
        return {(answer.status, answer.error["code"]) for answer in answers}

    rooms.licensing.sign(organisation, "others")
    by_model = codes()
    rooms.licensing.change(organisation, "people")
    by_seat = codes()
    rooms.licensing.end(organisation)

    assert by_model == {(403, "not_allowed")}
    assert by_seat == {(403, "seat_required")}
    assert codes() == {(402, "contract_ended")}
