"""What a request costs in the gateway: CPU, time and memory, beside other gateways before the same upstream.

    python -m benchmarks.peers                 once: installs the peers under .cache/peers
    python -m benchmarks.gateway               all that are installed, in one run
    python -m benchmarks.gateway --json

Everything is on in Courtyard: keys, rules, holds on every account, a receipt in the journal synced before the answer
ends, a record in the evidence, metrics and the access log. The peers run as they come, without a database. CPU time a
request is the figure to compare: it is the gateway's own, whatever else the machine is doing.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.load import Result, body, measure
from benchmarks.mock import PACED
from benchmarks.peers import KEY, PEERS

_READY_S = 60
_ASK_AGAIN_S = 0.2
"""How long to wait between two questions to a gateway that is starting: only an answer tells that it is ready."""
_KINDS = {"request": 4000, "stream": 800, "paced": 800}
"""How many of each are asked: whole answers, streams that come in one write, and streams that come piece by piece."""
_SLOW = ("litellm",)
"""Asked a tenth as often: they take tens of milliseconds a request."""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A gateway that serves."""

    name: str
    port: int
    pid: int
    model: str
    key: str
    headers: Mapping[str, str] = field(default_factory=dict)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.add_argument("--only", default="", help="comma-separated names of gateways to measure")
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    only = set(filter(None, options.only.split(",")))
    rows = []
    with _upstream() as upstream:
        for start in (_direct, _courtyard, *(_starter(peer) for peer in PEERS if peer.installed)):
            name = start.__name__.removeprefix("_")
            if only and name not in only:
                continue
            with start(upstream) as gateway:
                rows.append((gateway.name, *(_measure(gateway, options.connections, kind) for kind in _KINDS)))
    missing = [peer.name for peer in PEERS if not peer.installed]
    if options.json:
        told = [{"gateway": name, **dict(zip(_KINDS, results, strict=True))} for name, *results in rows]
        sys.stdout.write(msgspec.json.encode(told).decode())
    else:
        _show(rows, options.connections, missing)


def _measure(gateway: Gateway, connections: int, kind: str) -> Result:
    requests = _KINDS[kind]
    if gateway.name in _SLOW:
        requests //= 10
    return asyncio.run(
        measure(
            gateway.port,
            gateway.pid,
            model=gateway.model,
            key=gateway.key,
            stream=kind != "request",
            user=PACED if kind == "paced" else "somebody",
            connections=connections,
            requests=requests,
            headers=gateway.headers,
        )
    )


@contextmanager
def _upstream() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.mock"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()


@contextmanager
def _direct(upstream: int) -> Iterator[Gateway]:
    yield Gateway(name="direct", port=upstream, pid=os.getpid(), model="mock", key=KEY)


@contextmanager
def _courtyard(upstream: int) -> Iterator[Gateway]:
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
        )
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        url = f"http://127.0.0.1:{upstream}/v1"
        for arguments in (
            ["models", "add", "mock", "--url", url, "--context", "32768"],
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


def _starter(peer):
    @contextmanager
    def start(upstream: int) -> Iterator[Gateway]:
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

    start.__name__ = peer.name
    return start


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


def _show(rows: list[tuple[str, Result, Result, Result]], connections: int, missing: list[str]) -> None:
    ours = next((row for row in rows if row[0] == "courtyard"), None)
    table = Table(title=f"{connections} connections, {platform.machine()}, {os.cpu_count()} cores")
    for heading in (
        "gateway",
        "CPU ms a request",
        "× ours",
        "p50 ms",
        "requests/s",
        "CPU ms a stream",
        "× ours",
        "CPU ms a paced stream",
        "× ours",
        "RSS MB",
    ):
        table.add_column(heading, justify="left" if heading == "gateway" else "right")
    for name, *results in rows:
        costs = [f"{result.cpu_ms:.3f}" for result in results]
        ratios = (
            [f"{result.cpu_ms / base.cpu_ms:.1f}" for result, base in zip(results, ours[1:], strict=True)]
            if ours
            else [""] * 3
        )
        memory = f"{results[-1].rss_mb:.0f}"
        if name == "direct":  # There is no gateway to cost anything.
            costs, ratios, memory = [""] * 3, [""] * 3, ""
        whole = results[0]
        table.add_row(
            *(name, costs[0], ratios[0], f"{whole.p50_ms:.2f}", f"{whole.rate:,.0f}"),
            *(costs[1], ratios[1], costs[2], ratios[2], memory),
        )
    console = Console()
    console.print(table)
    if missing:
        console.print(f"not installed here: {', '.join(missing)} (python -m benchmarks.peers)")


if __name__ == "__main__":
    main()
