"""The egress beside a process that serves: there while it is wanted, again when it dies, and gone with its parent."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from courtyard.catalogue import Endpoint
from courtyard.cli.common import open_house
from courtyard.cli.egress import listening
from courtyard.cli.keeping import Keeper
from courtyard.core.ids import ProviderId, Region
from tests.catalogue.providing import ANA, PIN, facts
from tests.egress.walled import in_a_loop
from tests.walk.server import serving
from tests.walk.wait import until

UNTIL_ITS_END = (sys.executable, "-c", "import sys; sys.stdin.read()")


async def soon(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - Another process does it.
            await asyncio.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@in_a_loop
async def test_it_runs_while_it_is_wanted() -> None:
    """And one that dies is followed by another."""
    wanted = False
    keeper = Keeper("egress", UNTIL_ITS_END, lambda: wanted, drain_s=1)
    keeper.start()
    await asyncio.sleep(0.3)
    assert keeper.pid is None
    wanted = True
    await soon(lambda: keeper.pid is not None)
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await soon(lambda: keeper.pid not in (None, first))
    second = keeper.pid
    assert second is not None
    wanted = False
    await soon(lambda: keeper.pid is None)
    assert not runs(second)
    wanted = True
    await soon(lambda: keeper.pid is not None)
    third = keeper.pid
    await keeper.stop()

    assert third is not None
    assert not runs(third)


def test_one_at_a_time_listens(tmp_path: Path) -> None:
    """Another one says so and ends; what one left behind that was killed is no hindrance."""
    path = tmp_path / "egress.sock"
    path.touch()
    with listening(path) as bound:
        assert bound.getsockname() == str(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with pytest.raises(typer.Exit), listening(path):
            pass
        assert path.exists()
    assert not path.exists()
    with pytest.raises(typer.Exit), listening(tmp_path / ("x" * 120)):
        pass


def test_serve_brings_it_when_a_provider_comes(tmp_path: Path) -> None:
    """While it serves: no egress without a provider, and none that outlives who serves."""
    socket = tmp_path / "data" / "egress.sock"
    with serving(tmp_path / "data", model="echo") as server:
        assert not socket.exists()
        with open_house(tmp_path / "data") as house:
            endpoint = Endpoint(url="https://127.0.0.1:9/v1", pins=(PIN,), private=True)
            house.providers.propose("acme", facts(endpoints=(endpoint,)), by=ANA, reason="students ask for it")
            house.catalogue.add("m", url=endpoint.url, provider=ProviderId("acme"), region=Region("eu"))
        until(socket.exists)
        server.kill()
        until(lambda: not socket.exists())
