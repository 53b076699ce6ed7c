"""No request, retry, fallback or embedding runs outside its admission, whatever changes while it is under way."""

import asyncio
from pathlib import Path

import pytest

from courtyard.storage import Database
from tests.simulation.crossing import Crossing


@pytest.mark.parametrize("seed", range(2))
def test_nothing_runs_outside_its_admission(tmp_path: Path, seed: int) -> None:
    """Engines move, providers are killed, rules change: each prompt that an engine is handed is on its terms."""
    database = Database(f"sqlite:///{tmp_path / 'courtyard.db'}")
    database.upgrade()
    world = Crossing(database, tmp_path, seed=seed)

    asyncio.run(world.run(400, more=50))

    world.close()
    database.close()
    sent = {id: sum(id in providers for providers in world.calls.values()) for id in world.caps}
    assert world.counted == sent, "a provider's cap counts what it was sent, also where another one answered"
    assert world.has_seen_it_all, f"{world.answered} answered, {world.refused} refused, {world.calls} asked"
