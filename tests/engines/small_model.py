"""Where the small model's file is, for tests that run a real one."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def small_model() -> Path:
    """Return the path of a small GGUF file: `COURTYARD_TEST_MODEL`, or the one that `make test` brings."""
    path = Path(os.environ.get("COURTYARD_TEST_MODEL", ROOT / ".cache" / "models" / "small.gguf"))
    assert path.is_file(), f"{path} is missing; `make test` brings it, and COURTYARD_TEST_MODEL names another"
    return path
