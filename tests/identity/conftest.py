"""Identity as one process knows it, and as others beside it do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.ids import Region
from courtyard.identity import Identity, IdentitySettings, Setup
from courtyard.storage import Database, Keyring

SETTINGS = IdentitySettings(argon2_memory_kib=64, argon2_time_cost=1, argon2_parallelism=1)
"""Hashes that take no time."""

Beside = Callable[[], Identity]


@pytest.fixture
def beside(database: Database, tmp_path: Path, clock: FrozenClock) -> Beside:
    """Make what one more process on the same database knows."""

    def make() -> Identity:
        return Identity(database, Keyring(tmp_path / "keys"), clock, home=Region("home"), settings=SETTINGS)

    return make


@pytest.fixture
def identity(beside: Beside) -> Identity:
    return beside()


@pytest.fixture
def setup(identity: Identity) -> Setup:
    return identity.setup()
