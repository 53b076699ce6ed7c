"""A signer with an authority of its own, and how a file is to be labelled."""

from typing import Any

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.labels.credentials import Signer
from courtyard.labels.marking import Wanted
from courtyard.labels.model import Origin, Profile
from courtyard.storage import Keyring

CODE = "001191440101MA9Y9T4H7A00000"
"""A provider's code as it is in use: its credit code has a right check character."""


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(Keyring(tmp_path_factory.mktemp("keys")), FrozenClock(), name="Courtyard of Tests")


def wanted(**changed: Any) -> Wanted:
    asked: dict[str, Any] = {
        "origin": Origin.GENERATED,
        "provider": CODE,
        "id": "req_1",
        "is_given": True,
        "profile": Profile.CN,
        "language": "en",
        "model": "small",
        "visible": True,
        "credentials": True,
        "replace": False,
    }
    return Wanted(**{**asked, **changed})
