"""What other processes change holds here, whatever goes wrong beside it."""

from pathlib import Path

import pytest

from courtyard.app import House
from courtyard.core.ids import ModelName
from courtyard.gateway import GatewayLimits
from courtyard.settings import load
from tests.walk.housed import housed
from tests.walk.wait import until


def test_a_room_that_can_t_follow_keeps_no_other_one_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where people can't be read anew, a price that was set is taken up all the same."""

    def broken() -> None:
        raise RuntimeError

    with housed(tmp_path, GatewayLimits()) as here:
        monkeypatch.setattr(here.server.house.identity, "reload", broken)
        elsewhere = House(load(data_dir=tmp_path, environ={}))
        try:
            elsewhere.identity.add_organisation("Other")
            elsewhere.pricing.set_price(ModelName("dear"), {"input": 7, "output": 9}, currency="USD")
        finally:
            elsewhere.close()
        until(lambda: "dear" in [listing.model for listing in here.server.house.pricing.in_force("standard")])
