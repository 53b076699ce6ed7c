"""What the house takes from its engine: tokens a second and time to first token, through Courtyard and past it.

    python -m benchmarks.engine                     the small model
    python -m benchmarks.engine --model default     the default model
    python -m benchmarks.engine --json

Two children of the same kind run the same file with the same settings: one behind `courtyard serve`, one alone. They
are asked in turns, so that whatever else the machine does falls on both.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
from rich.console import Console
from rich.table import Table

from courtyard.catalogue import bring_to
from courtyard.engines.builtin.llama_cpp import LlamaCppOptions
from courtyard.engines.llama.settings import LlamaSettings

_MODELS = Path(__file__).parents[1] / ".cache" / "models"
_STREAMS = (1, 4, 8)
_TOKENS = 64
_ROUNDS = 5
_KEY = "benchmark"
_COURTYARD = (sys.executable, "-m", "courtyard")


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """So many streams at once, asked once."""

    tokens_per_s: float
    first_token_ms: float


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="small")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    options = parser.parse_args()
    path = bring_to(_MODELS, options.model)
    with _bare(path) as bare, _courtyard(options.model) as house:
        found = {streams: asyncio.run(_compare(bare, house, streams, options.rounds)) for streams in _STREAMS}
    if options.json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        _show(options.model, found)


async def _compare(bare: tuple[str, str], house: tuple[str, str], streams: int, rounds: int) -> dict[str, Round]:
    taken: dict[str, list[Round]] = {"bare": [], "courtyard": []}
    await _ask(*bare, streams)
    await _ask(*house, streams)
    for number in range(rounds):
        turns = [("bare", bare), ("courtyard", house)]
        for name, (url, key) in turns if number % 2 else reversed(turns):
            taken[name].append(await _ask(url, key, streams))
    return {
        name: Round(
            tokens_per_s=median(one.tokens_per_s for one in rounds_taken),
            first_token_ms=median(one.first_token_ms for one in rounds_taken),
        )
        for name, rounds_taken in taken.items()
    }


async def _ask(url: str, key: str, streams: int) -> Round:
    began = time.perf_counter()
    firsts = await asyncio.gather(*(_stream(url, key, number) for number in range(streams)))
    seconds = time.perf_counter() - began
    return Round(
        tokens_per_s=streams * _TOKENS / seconds,
        first_token_ms=median((first - began) * 1000 for first in firsts),
    )


async def _stream(url: str, key: str, number: int) -> float:
    """Stream an answer of exactly `_TOKENS` tokens, and say when its first piece came."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    question = f"{number}{time.perf_counter_ns()}: write down everything that you know of the sea and its weather."
    asked = {
        "model": "default",
        "messages": [{"role": "user", "content": question}],
        "max_tokens": _TOKENS,
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
    }
    body = json.dumps(asked).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    first = 0.0
    async for line in reader:
        if not first and line.startswith(b"data: {") and b'"content":"' in line and b'"content":""' not in line:
            first = time.perf_counter()
        if line.startswith(b"data: [DONE]"):
            break
    writer.close()
    if not first:
        raise RuntimeError("the stream brought no text")
    return first


@contextmanager
def _bare(path: Path) -> Iterator[tuple[str, str]]:
    options = LlamaCppOptions(path=str(path))
    cores = len(os.sched_getaffinity(0))
    settings = LlamaSettings(
        path=str(path),
        key=_KEY,
        name="bare",
        slots=options.slots,
        context_tokens=options.context_tokens,
        threads=cores,
        threads_batch=cores,
        batch_tokens=options.batch_tokens,
        connections=options.slots + options.waiting,
        cache_mib=options.cache_mib,
        gpu_layers=0,
        embedding=False,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "courtyard.engines.llama.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GOMP_SPINCOUNT": "1000"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(settings) + b"\n")
    process.stdin.flush()
    try:
        yield json.loads(process.stdout.readline())["url"], _KEY
    finally:
        process.stdin.close()
        process.wait(30)


@contextmanager
def _courtyard(model: str) -> Iterator[tuple[str, str]]:
    with TemporaryDirectory() as directory, (Path(directory) / "log").open("w") as log:
        process = subprocess.Popen(
            [*_COURTYARD, "serve", "--model", model, "--port", "0", "--json", "--data-dir", directory],
            env={**os.environ, "COURTYARD_MODELS__DIRECTORY": str(_MODELS)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            yield told["url"], told["api_key"]
        finally:
            process.terminate()
            process.wait(30)


def _show(model: str, found: dict[int, dict[str, Round]]) -> None:
    table = Table(title=f"{model}: {_TOKENS} tokens a stream, {os.cpu_count()} cores")
    for heading in ("streams", "bare tokens/s", "Courtyard tokens/s", "%", "bare first ms", "Courtyard first ms", "%"):
        table.add_column(heading, justify="right")
    for streams, pair in found.items():
        bare, house = pair["bare"], pair["courtyard"]
        table.add_row(
            str(streams),
            f"{bare.tokens_per_s:.1f}",
            f"{house.tokens_per_s:.1f}",
            f"{100 * house.tokens_per_s / bare.tokens_per_s:.0f}",
            f"{bare.first_token_ms:.0f}",
            f"{house.first_token_ms:.0f}",
            f"{100 * house.first_token_ms / bare.first_token_ms:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
