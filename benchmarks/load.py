"""Asks a gateway over kept connections, and counts what it costs: time here, CPU seconds of its processes there."""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from types import MappingProxyType

_TICKS = os.sysconf("SC_CLK_TCK")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Result:
    """One measurement of one gateway."""

    requests: int
    seconds: float
    cpu_ms: float
    """CPU of the gateway's processes a request."""
    p50_ms: float
    p99_ms: float
    rss_mb: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def body(model: str, *, stream: bool, user: str = "somebody") -> bytes:
    """A question of usual size."""
    asked = {
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant. Answer briefly and name your sources."},
            {"role": "user", "content": "What does a ledger record, and why are its entries never edited?"},
        ],
        "max_tokens": 64,
        "temperature": 0.2,
        "stream": stream,
        "user": user,
    }
    return json.dumps(asked).encode()


def request(
    port: int, *, model: str, key: str, stream: bool, user: str = "somebody", headers: Mapping[str, str] = _NO_HEADERS
) -> bytes:
    """Write the question as it goes over a connection."""
    data = body(model, stream=stream, user=user)
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\n{more}Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def measure(
    port: int,
    pid: int,
    *,
    model: str,
    key: str,
    stream: bool,
    connections: int,
    requests: int,
    user: str = "somebody",
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Result:
    """Ask `requests` times over `connections` connections, after a tenth as many to warm up."""
    asked = request(port, model=model, key=key, stream=stream, user=user, headers=headers)
    await _run(port, asked, connections=connections, requests=max(connections, requests // 10))
    cpu, began = cpu_seconds(pid), time.perf_counter()
    times = await _run(port, asked, connections=connections, requests=requests)
    seconds, cpu = time.perf_counter() - began, cpu_seconds(pid) - cpu
    centiles = quantiles(times, n=100)
    return Result(
        requests=len(times),
        seconds=seconds,
        cpu_ms=cpu * 1000 / len(times),
        p50_ms=centiles[49] * 1000,
        p99_ms=centiles[98] * 1000,
        rss_mb=rss_mb(pid),
    )


async def _run(port: int, request: bytes, *, connections: int, requests: int) -> list[float]:
    share = requests // connections
    done = await asyncio.gather(*(_connection(port, request, share) for _ in range(connections)))
    return [seconds for one in done for seconds in one]


async def _connection(port: int, request: bytes, count: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    times = []
    for _ in range(count):
        began = time.perf_counter()
        writer.write(request)
        await _answer(reader)
        times.append(time.perf_counter() - began)
    writer.close()
    return times


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head.split(b" ", 2)[1]
    if b"content-length:" in head:
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
    else:
        answer = await reader.readuntil(b"0\r\n\r\n")
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += await reader.readuntil(b"0\r\n\r\n")
    if status != b"200":
        raise RuntimeError(f"the gateway answered {status.decode()}: {answer[:300]!r}")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all that it started."""
    return sum(_cpu(one) for one in _family(pid))


def rss_mb(pid: int) -> float:
    """Resident memory of a process and all that it started."""
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in _family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += _family(int(child))
    return found
