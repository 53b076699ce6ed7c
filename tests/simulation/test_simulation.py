"""Ten thousand steps of everything that can go wrong, from seeds that can be replayed."""

from pathlib import Path

import pytest

from courtyard.storage import Database
from tests.simulation.running import run

STEPS = 1000


@pytest.mark.parametrize("seed", range(10))
def test_the_books_hold_whatever_happens(tmp_path: Path, seed: int):
    """Nothing is overspent, lost or charged twice, after each of 1,000 steps and when all is healed."""
    world = run(f"sqlite:///{tmp_path / 'courtyard.db'}", tmp_path, seed=seed, steps=STEPS)

    assert len(world.told) > STEPS // 100


def test_the_books_hold_on_each_database(database: Database, tmp_path: Path):
    """PostgreSQL keeps the same promises as SQLite."""
    world = run(database.url, tmp_path / "nodes", seed=5, steps=150)

    assert world.told


def test_the_same_seed_is_the_same_world(tmp_path: Path):
    """What failed once can be seen again."""
    first = run(f"sqlite:///{tmp_path / 'one.db'}", tmp_path / "one", seed=7, steps=200)
    again = run(f"sqlite:///{tmp_path / 'two.db'}", tmp_path / "two", seed=7, steps=200)

    assert list(first.told) == list(again.told)
    assert sorted(first.charged.values()) == sorted(again.charged.values())
