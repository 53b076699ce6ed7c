"""The examples do what they say, as their first lines say to run them."""

import os
import subprocess
import sys

import pytest

from tests.walk.server import ROOT, Running

_EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if path.suffix in (".py", ".sh"))


@pytest.mark.parametrize("name", _EXAMPLES)
def test_an_example_runs(server: Running, name: str):
    """It ends well, and says something."""
    command = [sys.executable, name] if name.endswith(".py") else ["sh", name]
    done = subprocess.run(
        command,
        cwd=ROOT / "examples",
        env={**os.environ, "COURTYARD_URL": server.url, "COURTYARD_API_KEY": server.api_key},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
