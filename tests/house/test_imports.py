"""The import contracts hold, and each of them can be broken."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.tidy import PACKAGE, ROOT

_PLANTED = {
    "floors": ("ledger/planted.py", "from courtyard.policy import Policy"),
    "rooms": ("ledger/model.py", "from courtyard.ledger import service"),
    "pure": ("policy/rules.py", "import sqlite3"),
    "web": ("evidence/service.py", "import litestar"),
    "sql": ("licensing/service.py", "import sqlalchemy"),
    "tables": ("gateway/call.py", "from courtyard.ledger import store"),
    "plugins": ("serving/pool.py", "from courtyard.engines.builtin import echo"),
    "circles": ("http/ids.py", "from courtyard.http import planted"),
}
"""A mistake for every contract: a file, and the line that is added to it."""


def _lint(source: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", ROOT / "pyproject.toml", "--no-cache", *options],
        env={**os.environ, "PYTHONPATH": str(source), "COLUMNS": "400"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_are_kept() -> None:
    """Rooms import downward, stores and plugins are reached as they should be, and there are no circles."""
    linted = _lint(ROOT / "src")

    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_every_contract_can_be_broken(tmp_path: Path) -> None:
    """A mistake planted for each contract breaks it, and an unlisted room breaks the floors."""
    copy = tmp_path / "courtyard"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "static", "templates"))
    for file, line in _PLANTED.values():
        with (copy / file).open("a") as module:
            module.write(f"\n{line}\n")
    (copy / "http" / "planted.py").write_text("from courtyard.http import ids\n")
    (copy / "utils.py").write_text('"""A room that nobody decided on."""\n')

    told = re.sub(r"\x1b\[[0-9;]*m", "", _lint(tmp_path).stdout)
    names = dict(re.findall(r'^id = "(.+)"\nname = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    assert set(names) == set(_PLANTED)
    assert [name for name in names.values() if f"{name} BROKEN" not in told] == []
    assert "courtyard.utils" in told
