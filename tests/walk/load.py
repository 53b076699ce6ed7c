"""Clients by the dozen, each on a connection of its own, who remember what they were told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.walk.server import Running

BODY: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": "one two three four five"}]}


@dataclass
class Heard:
    """What clients came to know: answers that arrived whole, and refusals."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, Any]]] = field(default_factory=list)


def post(server: Running, path: str, body: Any, *, key: str | None = None, headers: dict[str, str] | None = None):
    """Send one request on a fresh connection; return status, headers and body."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    given = {"Authorization": f"Bearer {key or server.api_key}", "Content-Type": "application/json", **(headers or {})}
    try:
        connection.request("POST", path, data, given)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def ask(server: Running, heard: Heard, *, key: str | None = None, stream: bool = False) -> None:
    """Ask once, and remember the answer where it came whole."""
    body = BODY | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})
    status, _, answer = post(server, "/v1/chat/completions", body, key=key)
    if status != 200:
        heard.refusals.append((status, json.loads(answer)["error"]))
    elif not stream:
        heard.receipts.append(json.loads(answer)["courtyard"])
    elif answer.endswith(b"data: [DONE]\n\n"):
        heard.receipts.append(json.loads(answer.split(b"\n\n")[-3].removeprefix(b"data: "))["courtyard"])


def crowd(server: Running, count: int, *, key: str | None = None) -> Heard:
    """Ask `count` times at once."""
    heard = Heard()
    ready = threading.Barrier(count)

    def one() -> None:
        ready.wait()
        ask(server, heard, key=key)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard


@contextmanager
def asking(server: Running, heard: Heard, *, clients: int) -> Iterator[None]:
    """Clients who ask again and again, whole and streamed, until the block ends or the server is gone."""
    over = threading.Event()

    def one(number: int) -> None:
        while not over.is_set():
            try:
                ask(server, heard, stream=bool(number % 2))
            except (OSError, HTTPException, ValueError):
                return

    threads = [threading.Thread(target=one, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
