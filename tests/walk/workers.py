"""Several workers, seen from outside: who they are, and where a client reaches one of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import urlopen

from tests.walk.server import Running, serving


@contextmanager
def workers(data_dir: Path, count: int, *, environ: dict[str, str] | None = None) -> Iterator[Running]:
    """A server with several workers for the length of a block, stopped in order at its end."""
    with serving(data_dir, environ={"COURTYARD_SERVER__WORKERS": str(count), **(environ or {})}) as running:
        yield running


def processes(server: Running) -> dict[str, int]:
    """The processes under a server's own, by what they do."""
    return {_name(pid): pid for pid in children(server.process.pid) if _name(pid)}


def children(pid: int) -> list[int]:
    """The processes that a process has started, and that run."""
    try:
        started = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [child for child in started if _runs(child)]


def metrics(server: Running, name: str) -> dict[str, float]:
    """One metric without labels of its own, by worker."""
    found = {}
    for line in urlopen(f"{server.url}/metrics", timeout=10).read().decode().splitlines():
        if line.startswith(f'{name}{{worker="'):
            labels, _, value = line.rpartition(" ")
            worker = labels.partition('worker="')[2].partition('"')[0]
            found[worker] = found.get(worker, 0) + float(value)
    return found


def embed(server: Running) -> int:
    """Ask for a vector, and return the status."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/v1/embeddings", json.dumps({"model": "embed", "input": "one"}), headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
