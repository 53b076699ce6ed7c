"""Where the small model's file is, for tests that run a real one."""

import os
from functools import cache
from pathlib import Path

from courtyard.catalogue import bring_to

_MODELS = Path(__file__).parents[2] / ".cache" / "models"


@cache
def small_model() -> Path:
    """Return the small model's file, brought once into this checkout's cache; `COURTYARD_TEST_MODEL` names another."""
    given = os.environ.get("COURTYARD_TEST_MODEL")
    return Path(given) if given else bring_to(_MODELS, "small")
