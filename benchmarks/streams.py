"""Two thousand streams at once, as people read them, through one process: CPU, memory and punctuality.

    python -m benchmarks.streams               beside the compiled peers, in one run
    python -m benchmarks.streams --count 500 --only courtyard,smg

Each stream is 50 pieces that come 200 ms apart. Memory is what a gateway has more while all streams run than before.
"""

import argparse
import asyncio
import resource
import sys
import time
from statistics import quantiles

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.load import cpu_seconds, request, rss_mb
from benchmarks.mock import PIECES, SLOW
from benchmarks.starting import Gateway, gateways, mocked

_BEGIN_S = 5.0
"""Over how long the streams begin: a crowd does not come in one instant."""
_HALFWAY_S = _BEGIN_S + 2.0
"""When all of them run."""
_WARM_UP = 20
"""Streams that run before anything is measured."""
_STREAM_S_MAX = 120.0
"""A stream that takes longer has failed."""
_OURS_AND_COMPILED = {"courtyard", "smg", "ferrogw"}
"""What is measured unless `--only` says otherwise."""


class Streamed(msgspec.Struct, kw_only=True):
    """What a crowd of streams cost a gateway, and how it was served."""

    gateway: str
    streams: int
    failed: int
    cpu_ms: float
    """CPU a stream."""
    first_ms_p50: float
    first_ms_p99: float
    rss_before_mb: float
    rss_mb: float
    stream_kb: float
    """Memory a stream."""


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.add_argument("--only", default="", help="comma-separated names of gateways to measure")
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = []
    with mocked() as upstream:
        for start in gateways(upstream, set(filter(None, options.only.split(","))) or _OURS_AND_COMPILED):
            with start as gateway:
                rows.append(asyncio.run(_crowd(gateway, options.count)))
    if options.json:
        sys.stdout.write(msgspec.json.encode(rows).decode())
    else:
        _show(rows)


async def _crowd(gateway: Gateway, count: int) -> Streamed:
    asked = request(gateway.port, model=gateway.model, key=gateway.key, stream=True, user=SLOW, headers=gateway.headers)
    await asyncio.gather(*(_stream(gateway.port, asked, 0) for _ in range(_WARM_UP)))
    before_mb, cpu_s = rss_mb(gateway.pid), cpu_seconds(gateway.pid)
    waits = (_BEGIN_S * number / count for number in range(count))
    streams = asyncio.gather(*(_stream(gateway.port, asked, wait_s) for wait_s in waits))
    await asyncio.sleep(_HALFWAY_S)
    halfway_mb = rss_mb(gateway.pid)
    firsts = [first_ms for first_ms in await streams if first_ms is not None]
    spent_s = cpu_seconds(gateway.pid) - cpu_s
    centiles = quantiles(firsts, n=100) if len(firsts) > 1 else [float("nan")] * 99
    return Streamed(
        gateway=gateway.name,
        streams=count,
        failed=count - len(firsts),
        cpu_ms=spent_s * 1000 / count,
        first_ms_p50=centiles[49],
        first_ms_p99=centiles[98],
        rss_before_mb=before_mb,
        rss_mb=halfway_mb,
        stream_kb=(halfway_mb - before_mb) * 1000 / count,
    )


async def _stream(port: int, asked: bytes, wait_s: float) -> float | None:
    """Read one stream to its end; return when its first piece came, or nothing where it did not come whole."""
    await asyncio.sleep(wait_s)
    began = time.perf_counter()
    first_ms = None
    answer = b""
    try:
        async with asyncio.timeout(_STREAM_S_MAX):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(asked)
            while not answer.endswith(b"0\r\n\r\n"):
                piece = await reader.read(65536)
                if not piece:
                    return None
                answer += piece
                if first_ms is None and b"word" in answer:
                    first_ms = (time.perf_counter() - began) * 1000
            writer.close()
    except (OSError, TimeoutError):
        return None
    return first_ms if answer.count(b"word") == PIECES else None


def _show(rows: list[Streamed]) -> None:
    table = Table(title=f"{rows[0].streams:,} streams at once" if rows else "nothing to measure")
    table.add_column("gateway")
    for heading in ("failed", "CPU ms a stream", "first ms p50", "p99", "RSS before MB", "RSS MB", "kB a stream"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.gateway,
            str(row.failed),
            f"{row.cpu_ms:.2f}",
            f"{row.first_ms_p50:.0f}",
            f"{row.first_ms_p99:.0f}",
            f"{row.rss_before_mb:.0f}",
            f"{row.rss_mb:.0f}",
            f"{row.stream_kb:.0f}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
