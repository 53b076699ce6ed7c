"""A store, a hub beside it, and a package index of our own wheels."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from courtyard.catalogue.fetching import Fetching
from courtyard.catalogue.files import Store
from tests.catalogue.hub import LocalHub, local_hub


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with local_hub() as hub:
        yield hub


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


@pytest.fixture
def awake() -> Event:
    """Pauses between tries are over at once."""
    event = Event()
    event.set()
    return event


@pytest.fixture
def fetching(store: Store, hub: LocalHub, awake: Event) -> Fetching:
    return Fetching(store, hub_url=hub.url, pause=awake)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of wheels that stands in for every package index."""
    directory = tmp_path / "index"
    directory.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return directory
