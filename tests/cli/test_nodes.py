"""Nodes, as operators see them: who serves, what each has leased, and who is gone for good."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from courtyard.app import House
from courtyard.cli import app
from courtyard.cli.common import open_house
from courtyard.cli.first_run import prepare
from courtyard.settings import load


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, "--data-dir", str(data_dir)])


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    with open_house(tmp_path, new=True) as house:
        prepare(house)
    return tmp_path


def served(data_dir: Path, *, worker: int, ends: bool) -> str:
    """Serve as a worker for a moment, and name its node; one that does not end in order is lost."""
    house = House(load(data_dir=data_dir, environ={}), worker=worker, workers=2)

    async def serve() -> None:
        house.ledger.open()
        await house.ledger.start()
        await house.ledger.ensure([account.id for account in house.ledger.accounts()])
        if ends:
            await house.ledger.stop()

    asyncio.run(serve())
    house.close()
    return str(house.ledger.node)


def test_a_house_that_never_served_has_no_nodes(data_dir: Path) -> None:
    """And says how one is made."""
    listed = run(data_dir, "nodes", "list")

    assert listed.exit_code == 0
    assert "courtyard serve" in listed.stderr
    assert json.loads(run(data_dir, "nodes", "list", "--json").stdout) == []


def test_nodes_are_listed_and_shown(data_dir: Path) -> None:
    """One that ended in order is drained and has nothing; one that did not has what it leased."""
    drained, there = served(data_dir, worker=1, ends=True), served(data_dir, worker=2, ends=False)
    listed = {node["node"]: node for node in json.loads(run(data_dir, "nodes", "list", "--json").stdout)}
    shown = run(data_dir, "nodes", "show", there)

    assert listed[drained]["state"] == "drained"
    assert listed[there]["state"] == "live"
    assert [len(listed[node]["leases"]) for node in (drained, there)] == [0, 1]
    assert "monthly credit" in shown.stdout
    assert drained in run(data_dir, "nodes", "list").stdout


def test_only_a_node_that_is_gone_is_retired(data_dir: Path) -> None:
    """One that serves is told to stop instead; one that is not there is not found."""
    drained, there = served(data_dir, worker=1, ends=True), served(data_dir, worker=2, ends=False)
    serves = run(data_dir, "nodes", "retire", there, "--yes")
    unknown = run(data_dir, "nodes", "retire", "node_-", "--yes")
    refused = CliRunner().invoke(app, ["nodes", "retire", drained, "--data-dir", str(data_dir)], input="n\n")
    retired = run(data_dir, "nodes", "retire", drained[:12], "--yes", "--json")

    assert (serves.exit_code, unknown.exit_code, refused.exit_code) == (1, 1, 1)
    assert "stop its process" in serves.stderr
    assert "no node" in unknown.stderr
    assert json.loads(retired.stdout)["state"] == "retired"
