"""No page grows slower with what was used: SQLite's plan of each statement of each page leads by an index."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from courtyard.core.usage import Usage
from courtyard.storage import Database
from tests.console.house import House

SMALL = {
    "accounts",
    "alarms",
    "approvals",
    "contracts",
    "engines",
    "journals",
    "leases",
    "model_aliases",
    "models",
    "nodes",
    "notice_endpoints",
    "organisations",
    "people",
    "placements",
    "plans",
    "policy_activations",
    "policy_packs",
    "policy_trials",
    "privacy_breaches",
    "privacy_cases",
    "privacy_proofs",
    "privacy_purposes",
    "privacy_retention",
    "projects",
}
"""What grows with customers, machines, settings, and with what people decide, and not with use."""
_SCAN = re.compile(r"SCAN (\w+)(.*)")


@pytest.fixture
def busy(tmp_path: Path, sqlite_template: Path) -> Iterator[House]:
    """A house of which something was used."""
    shutil.copyfile(sqlite_template, tmp_path / "courtyard.db")
    database = Database.in_directory(tmp_path)
    busy = House(database, tmp_path)
    busy.use(usage=Usage(input=1_000_000))
    yield busy
    busy.close()
    database.close()


def test_no_page_scans_what_grows_with_use(busy: House) -> None:
    """Receipts are read in the order of an index and only as many as a page shows; all else is searched for."""
    visitor, asked = busy.operator(), list[tuple[str, str, Any]]()
    visitor.get("/usage")
    for path in _pages(busy):
        listening = busy.database.engine, "before_cursor_execute", _noting(asked, path)
        event.listen(*listening)
        status = visitor.get(path).status_code
        event.remove(*listening)

        assert status in (200, 303, 404), path
    scans = {(path, scan) for path, statement, values in asked for scan in _scans(busy, statement, values)}

    assert {path for path, _, _ in asked} >= {"/receipts", "/usage", "/billing/invoices", "/operate/receivables"}
    assert {scan for scan in scans if scan[1] not in SMALL} == set()


def _pages(house: House) -> list[str]:
    """Every address that shows something, and needs no name of a thing to do so."""
    app: Any = house.app
    routes = [route for route in app._app._app.routes if "GET" in route.methods]
    return [route.path_format for route in routes if "{" not in route.path_format]


def _noting(asked: list[tuple[str, str, Any]], path: str) -> Any:
    return lambda *told: asked.append((path, told[2], told[3]))


def _scans(house: House, statement: str, values: Any) -> set[str]:
    """The tables that a statement reads from end to end."""
    if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
        return set()
    with house.database.engine.connect() as db:
        plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    is_page = "LIMIT" in statement and not any("TEMP B-TREE" in step for step in plan)
    scans = [found for step in plan if (found := _SCAN.match(step))]
    return {scan[1] for scan in scans if not (is_page and "USING" in scan[2])}
