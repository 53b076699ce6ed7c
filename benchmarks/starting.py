"""Starts gateways before an upstream that costs nearly nothing, each ready to answer when it is handed over."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.load import body
from benchmarks.peers import KEY, PEERS, Peer

_READY_S = 60
_ASK_AGAIN_S = 0.2
"""How long to wait between two questions to a gateway that is starting: only an answer tells that it is ready."""

_PLACES = 4096
"""Requests that ours takes at once, so that a crowd is answered rather than refused."""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A gateway that serves."""

    name: str
    port: int
    pid: int
    model: str
    key: str
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def mocked() -> Iterator[int]:
    """Start the upstream, and give its port."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.mock"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()


@contextmanager
def direct(upstream: int) -> Iterator[Gateway]:
    """Ask the upstream itself: what the measuring costs."""
    yield Gateway(name="direct", port=upstream, pid=os.getpid(), model="mock", key=KEY)


@contextmanager
def courtyard(upstream: int) -> Iterator[Gateway]:
    """Start ours with everything on."""
    with TemporaryDirectory() as directory:
        data = ["--data-dir", directory]
        command = [sys.executable, "-m", "courtyard"]
        log = (Path(directory) / "log").open("w")
        # The first start sets the house up; then the upstream's engine is added, and priced.
        process = subprocess.Popen(
            [*command, "serve", "--model", "none", "--port", "0", "--json", *data],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "COURTYARD_SERVER__IN_FLIGHT_MAX": str(_PLACES)},
        )
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        url = f"http://127.0.0.1:{upstream}/v1"
        for arguments in (
            ["models", "add", "mock", "--url", url, "--context", "32768", "--option", f"concurrency_max={_PLACES}"],
            ["prices", "set", "mock", "--input", "0.1", "--output", "0.4"],
        ):
            subprocess.run([*command, *arguments, *data], check=True, stdout=subprocess.DEVNULL)
        port = int(told["url"].rpartition(":")[2])
        gateway = Gateway(name="courtyard", port=port, pid=process.pid, model="mock", key=told["api_key"])
        try:
            _wait(gateway, process)
            yield gateway
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def started(peer: Peer, upstream: int) -> Iterator[Gateway]:
    """Start a peer before the upstream's port."""
    port = _free_port()
    process = peer.start(upstream, port)
    try:
        headers = peer.headers(upstream)
        gateway = Gateway(name=peer.name, port=port, pid=process.pid, model=peer.model, key=KEY, headers=headers)
        _wait(gateway, process)
        yield gateway
    finally:
        process.kill()
        process.wait()


def gateways(upstream: int, only: set[str]) -> Iterator[AbstractContextManager[Gateway]]:
    """Offer what is installed, ours among it, each to be started in its turn: all, or those of some names."""
    if not only or "direct" in only:
        yield direct(upstream)
    if not only or "courtyard" in only:
        yield courtyard(upstream)
    for peer in PEERS:
        if peer.installed and (not only or peer.name in only):
            yield started(peer, upstream)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(gateway: Gateway, process: subprocess.Popen[Any]) -> None:
    """Wait until it answers a question: some listen before they serve, and ours hears of a new model after it began."""
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        if _answers(gateway):
            return
        time.sleep(_ASK_AGAIN_S)
    raise RuntimeError(f"{gateway.name} answers nothing on port {gateway.port}")


def _answers(gateway: Gateway) -> bool:
    headers = {"Authorization": f"Bearer {gateway.key}", "Content-Type": "application/json", **gateway.headers}
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    try:
        connection.request("POST", "/v1/chat/completions", body(gateway.model, stream=False), headers)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
