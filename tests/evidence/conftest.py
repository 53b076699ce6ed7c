"""A record to write in, and what writes it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.evidence import Evidence
from courtyard.storage import Committer, Keyring


@pytest.fixture
def committer() -> Iterator[Committer]:
    committer = Committer()
    yield committer
    committer.close()


@pytest.fixture
def make(tmp_path: Path, committer: Committer, clock: FrozenClock) -> Callable[[], Evidence]:
    """Makes the evidence of one directory again, as each process does; nothing is opened."""
    return lambda: Evidence(tmp_path / "evidence", Keyring(tmp_path / "keys"), committer, clock)


@pytest.fixture
def evidence(make: Callable[[], Evidence]) -> Iterator[Evidence]:
    evidence = make()
    evidence.open()
    yield evidence
    evidence.close()
