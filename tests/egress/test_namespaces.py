"""At the network: who serves where no route leads out reaches a foreign engine by the egress, or not at all."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from courtyard.app import House
from courtyard.cli.common import open_house
from courtyard.cli.first_run import prepare
from courtyard.core.ids import Region
from courtyard.policy.files import ENVELOPE, read_files
from courtyard.policy.shelf import SHIPPED
from courtyard.settings import load
from tests.catalogue.providing import ANA, BEN, Provided
from tests.egress.outside import Certified, certified, outside
from tests.egress.walled import let_in
from tests.engines.upstream_server import UpstreamServer
from tests.walk.upstreams import in_thread

READY_S = 60
COURTYARD = (sys.executable, "-m", "courtyard")
INSIDE = ("unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "inside")
"""Runs a command in a network of its own, which leads nowhere."""


def _may_unshare() -> str:
    tried = subprocess.run([*INSIDE, "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else ""


REASON = _may_unshare() if sys.platform == "linux" else "Linux alone has network namespaces"
pytestmark = pytest.mark.skipif(bool(REASON), reason=f"no network namespace can be made here: {REASON}")


class Inside:
    """A house that serves in a network of its own, its egress outside of it, and a foreign provider farther out."""

    def __init__(self, data_dir: Path, server: UpstreamServer) -> None:
        self.data_dir = data_dir
        self.server = server
        self.egress = self._start(*COURTYARD, "egress", "--data-dir", str(data_dir))
        arguments = ("serve", "--data-dir", str(data_dir), "--model", "none", "--port", "0", "--json")
        self.serving = self._start(*INSIDE, *COURTYARD, *arguments, COURTYARD_EGRESS__RUN="false")
        assert self.serving.stdout is not None
        self.said = json.loads(self.serving.stdout.readline())

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the network where the house serves."""
        inside = ("nsenter", f"--net=/proc/{self.serving.pid}/ns/net", "--", *command)
        return subprocess.run(inside, capture_output=True, text=True, check=False, timeout=READY_S)

    def ask(self, text: str, *, stream: bool = False) -> "subprocess.Popen[str]":
        """Ask the foreign model from inside."""
        body = {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 2000, "stream": stream}
        return subprocess.Popen(
            [
                *("nsenter", f"--net=/proc/{self.serving.pid}/ns/net", "--"),
                *("curl", "--silent", "--no-buffer", "--max-time", "60", f"{self.said['url']}/v1/chat/completions"),
                *("--header", f"Authorization: Bearer {self.said['api_key']}"),
                *("--header", "Content-Type: application/json", "--header", "x-courtyard-purpose: research"),
                *("--data", json.dumps(body)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop(self) -> None:
        """End both."""
        for process in (self.serving, self.egress):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=READY_S)

    def _start(self, *command: str, **environ: str) -> "subprocess.Popen[str]":
        with (self.data_dir.parent / "log").open("a") as log:
            return subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **environ}
            )


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    directory = tmp_path_factory.mktemp("inside")
    shown = certified(directory / "certificates")
    with in_thread(outside(shown, delay_ms=5)) as server:
        _set_up(directory / "data", server.url, shown)
        inside = Inside(directory / "data", server)
        try:
            yield inside
        finally:
            inside.stop()


def _set_up(data_dir: Path, url: str, shown: Certified) -> None:
    """Admit the provider, and put a pack in force that lets it be asked: by two people, all of it."""
    house = House(load(data_dir=data_dir, environ={}))
    try:
        prepare(house)
        house.identity.set_home(house.identity.organisations()[0].id, [Region("home"), Region("eu")])
        provided = Provided(house.database, house.clock, data_dir)
        provided.providers, provided.catalogue = house.providers, house.catalogue
        let_in(provided, url, shown)
        files = read_files(SHIPPED / "eu-2026")
        files |= {ENVELOPE: house.packs.sign(files, by=ANA).encode()}
        house.packs.bring(files, by=ANA)
        house.packs.propose("eu-2026", by=ANA)
        house.packs.approve("eu-2026", by=BEN)
        house.packs.promote("eu-2026", by=ANA)
    finally:
        house.close()


def test_a_foreign_engine_answers_through_the_egress_alone(inside: Inside) -> None:
    """The same machine's address, to which the egress talks, is nowhere for who serves; and it has no route at all."""
    address = urlsplit(inside.server.url)
    knock = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)"
    said, _ = inside.ask("one two three").communicate(timeout=READY_S)

    assert json.loads(said)["choices"][0]["message"]["content"] == "one two three", said
    assert inside.server.bodies[-1]["messages"][0]["content"] == "one two three"
    for host, port in ((str(address.hostname), str(address.port)), ("192.0.2.1", "443")):
        tried = inside.run(sys.executable, "-c", knock, host, port)
        assert tried.returncode != 0
        assert "refused" in tried.stderr or "unreachable" in tried.stderr
    assert not inside.run("ip", "route").stdout
    with open_house(inside.data_dir) as house:
        passed = house.providers.crossings(verdict="passed")
        [day] = house.providers.crossed("2020-01-01", "2999-12-31")
    assert [(one.provider, one.masked, one.purpose) for one in passed] == [("acme", "reversible", "research")]
    assert day.passed == 1


def test_an_egress_that_is_told_to_end_sees_answers_to_their_end(inside: Inside) -> None:
    """And when it is gone, so is the way out: nothing else is tried."""
    asked = inside.ask(" ".join(["word"] * 300), stream=True)
    assert asked.stdout is not None
    assert asked.stdout.readline().startswith("data: ")
    inside.egress.send_signal(signal.SIGTERM)
    said, _ = asked.communicate(timeout=READY_S)
    assert inside.egress.wait(READY_S) == 0
    assert said.rstrip().endswith("[DONE]")
    seen = len(inside.server.bodies)
    refused, _ = inside.ask("one two three").communicate(timeout=READY_S)

    assert json.loads(refused)["error"]["code"] in ("engine_failed", "no_route")
    assert len(inside.server.bodies) == seen
