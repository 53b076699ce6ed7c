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
import os
import platform
import sys
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.load import Result, measure
from benchmarks.mock import PACED
from benchmarks.peers import PEERS
from benchmarks.starting import Gateway, gateways, mocked

_REQUESTS = {1: 1000, 32: 4000, 256: 4096}
"""How many whole answers are asked for, by the number of connections."""
_USUAL = 32
"""How many connections streams come over."""
_STREAMS = {"stream": "somebody", "paced": PACED}
"""Streams that come in one write, and streams that come piece by piece."""
_STREAMS_COUNT = 800
_SLOW = ("litellm",)
"""Asked a tenth as often: they take tens of milliseconds a request."""


class Measured(NamedTuple):
    """One gateway: whole answers by the number of connections, and both kinds of streams."""

    name: str
    requests: dict[int, Result]
    streams: dict[str, Result]


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.add_argument("--only", default="", help="comma-separated names of gateways to measure")
    options = parser.parse_args()
    only = set(filter(None, options.only.split(",")))
    rows = []
    with mocked() as upstream:
        for start in gateways(upstream, only):
            with start as gateway:
                rows.append(_measured(gateway))
    if options.json:
        sys.stdout.write(msgspec.json.encode([row._asdict() for row in rows]).decode())
    else:
        _show(rows, [peer.name for peer in PEERS if not peer.installed])


def _measured(gateway: Gateway) -> Measured:
    requests = {
        connections: _measure(gateway, connections=connections, count=count) for connections, count in _REQUESTS.items()
    }
    streams = {
        kind: _measure(gateway, connections=_USUAL, count=_STREAMS_COUNT, stream=True, user=user)
        for kind, user in _STREAMS.items()
    }
    return Measured(gateway.name, requests, streams)


def _measure(gateway: Gateway, *, connections: int, count: int, stream: bool = False, user: str = "somebody") -> Result:
    return asyncio.run(
        measure(
            gateway.port,
            gateway.pid,
            model=gateway.model,
            key=gateway.key,
            stream=stream,
            user=user,
            connections=connections,
            requests=max(connections, count // 10) if gateway.name in _SLOW else count,
            headers=gateway.headers,
        )
    )


def _show(rows: list[Measured], missing: list[str]) -> None:
    ours = next((row for row in rows if row.name == "courtyard"), None)
    table = Table(title=f"CPU in ms; streams over {_USUAL} connections; {platform.machine()}, {os.cpu_count()} cores")
    headings = (
        *(f"a request at {connections}" for connections in _REQUESTS),
        "× ours",
        "p50 ms",
        "requests/s",
        "a stream",
        "× ours",
        "a paced stream",
        "× ours",
        "RSS MB",
    )
    table.add_column("gateway")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        usual = row.requests[_USUAL]
        if row.name == "direct":  # There is no gateway to cost anything.
            table.add_row(row.name, *("",) * 4, f"{usual.p50_ms:.2f}", f"{usual.rate:,.0f}", *("",) * 5)
            continue
        table.add_row(
            row.name,
            *(f"{row.requests[connections].cpu_ms:.3f}" for connections in _REQUESTS),
            _ratio(usual, ours.requests[_USUAL] if ours else None),
            f"{usual.p50_ms:.2f}",
            f"{usual.rate:,.0f}",
            *(
                cell
                for kind, result in row.streams.items()
                for cell in (f"{result.cpu_ms:.3f}", _ratio(result, ours.streams[kind] if ours else None))
            ),
            f"{row.streams[PACED].rss_mb:.0f}",
        )
    console = Console(width=150)
    console.print(table)
    if missing:
        console.print(f"not installed here: {', '.join(missing)} (python -m benchmarks.peers)")


def _ratio(result: Result, ours: Result | None) -> str:
    return f"{result.cpu_ms / ours.cpu_ms:.1f}" if ours else ""


if __name__ == "__main__":
    main()
