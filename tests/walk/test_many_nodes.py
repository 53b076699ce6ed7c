"""Two machines on one PostgreSQL: the guide's walk-through, followed, and one budget that both spend."""

import doctest
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from courtyard.core.amount import REQUEST
from courtyard.ledger import NodeState, Period
from courtyard.storage import WrongSecrets
from tests.walk.books import opened
from tests.walk.load import BODY, Heard, ask, post
from tests.walk.server import ROOT, Running, serving
from tests.walk.wait import until
from tests.walk.wire import CHAT

GUIDE = ROOT / "docs" / "guides" / "many-nodes.md"
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_COMMAND = re.compile(r"^([ab])\$ (.+)\n((?:(?![ab]\$ ).+\n?)*)", re.MULTILINE)


class Follower:
    """Somebody who does what the guide says, on two machines that are two directories."""

    def __init__(self, directory: Path, url: str, stack: ExitStack) -> None:
        self.directory = directory
        self.environ = {"COURTYARD_DATABASE_URL": url}
        self.servers: dict[str, Running] = {}
        self._stack = stack

    def do(self, machine: str, command: str) -> str:
        """Run a command on a machine, and return what it prints; a server stays up."""
        if command.startswith("courtyard serve"):
            serve = serving(self.directory / machine, environ=self.environ)
            self.servers[machine] = self._stack.enter_context(serve)
            return ""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.directory,
            env={
                **os.environ,
                **self.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "COURTYARD_DATA_DIR": str(self.directory / machine),
                "COLUMNS": "160",
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{machine}$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def follow(self, text: str) -> int:
        """Do all that a page says, compare what it shows, and say how much that was."""
        blocks = re.findall(r"^```shell\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        commands = [found for block in blocks for found in _COMMAND.findall(block)]
        for machine, command, shown in commands:
            printed = self.do(machine, command)
            assert not shown or doctest.OutputChecker().check_output(shown, printed, _FLAGS), (command, printed)
        return len(commands)


@pytest.fixture
def followed(postgresql_url, tmp_path):
    """Both machines of the guide, up."""
    with ExitStack() as stack:
        follower = Follower(tmp_path, postgresql_url, stack)
        assert follower.follow(GUIDE.read_text()) >= 6
        yield follower


def test_two_machines_serve_one_house(followed):
    """The guide's commands work; both answer by one key; one budget holds over both; one goes, the other serves on."""
    a, b, environ = followed.servers["a"], followed.servers["b"], followed.environ
    (followed.directory / "stranger" / "keys").mkdir(parents=True)
    with pytest.raises(WrongSecrets, match="secrets export"), opened(followed.directory / "stranger", environ):
        pass
    key = _ten_requests(followed.directory / "b", environ)
    heard = Heard()
    for server in (a, b):
        until(lambda server=server: post(server, CHAT, BODY | {"model": "nobody's"}, key=key)[0] == 404)
    for number in range(16):
        until(lambda number=number: _asked((a, b)[number % 2], heard, key))
    a.stop()
    alone = post(b, CHAT, BODY, key=a.api_key)[0]
    with opened(followed.directory / "a", environ) as house:
        states = sorted(node.state for node in house.ledger.nodes())
    b.stop()

    assert len(heard.receipts) == 10
    assert {status for status, _ in heard.refusals} == {402}
    assert alone == 200
    assert states == [NodeState.DRAINED, NodeState.LIVE]
    for name in ("a", "b"):
        with opened(followed.directory / name, environ) as house:
            report = house.ledger.check()
            assert report.findings == ()
            assert (report.unposted, report.leases) == (0, 0)


def _ten_requests(directory: Path, environ: dict[str, str]) -> str:
    """A key of a project that has ten requests a month, made on one machine."""
    with opened(directory, environ) as house:
        project = house.identity.add_project(house.identity.organisations()[0].id, "ten")
        house.ledger.set_limit(project.id, unit=REQUEST, period=Period.MONTH, count=10)
        return house.identity.create_key(project.id, name="ten").secret


def _asked(server: Running, heard: Heard, key: str) -> bool:
    """Ask once; a node that has to hear of the other's rest first says so, and is asked again."""
    before = len(heard.receipts) + len(heard.refusals)
    ask(server, heard, key=key)
    if heard.refusals and heard.refusals[-1][0] == 429:
        heard.refusals.pop()
    return len(heard.receipts) + len(heard.refusals) > before
