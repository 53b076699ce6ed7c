"""Streams end what they draw from, whatever ends them and however early."""

import asyncio
from typing import Any

import msgspec
import pytest

from courtyard.console import ConsoleSettings
from tests.console.conftest import Build
from tests.console.house import URL, House

STALLED = ConsoleSettings(send_stall_s_max=0.05)


async def read_nothing(house: House, path: str, body: dict[str, Any], *, cancel: bool) -> None:
    """Ask for a stream as the operator, and take not even its headers."""
    link = house.identity.one_time_link(house.setup.person.id)
    signed_in = await asyncio.to_thread(house.identity.sign_in_by_link, link)
    headers = {
        "host": URL.removeprefix("http://"),
        "content-type": "application/json",
        "cookie": f"courtyard={signed_in.token}",
        "x-csrf-token": signed_in.session.csrf,
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 8420),
        "client": ("192.0.2.7", 4242),
    }
    messages = [{"type": "http.request", "body": msgspec.json.encode(body), "more_body": False}]
    sending = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    async def send(message: dict[str, Any]) -> None:
        sending.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(house.app(scope, receive, send))
    await asyncio.wait_for(sending.wait(), 10)
    if cancel:
        task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.done()


@pytest.mark.parametrize("cancel", [False, True])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/console/try", {"model": "echo", "prompt": "Say hello."}),
        ("/api/assistant/conversations", {"model": "echo", "text": "Say hello."}),
    ],
)
def test_a_client_that_reads_nothing_leaves_nothing_behind(
    build: Build, path: str, body: dict[str, Any], cancel: bool
) -> None:
    """An answer that nobody took a byte of holds no money, and no conversation."""
    house = build(STALLED)
    house.run(house.rooms.ledger.ensure([house.wallet.id]))
    before = house.ledger.available(house.wallet.id)
    house.run(read_nothing(house, path, body, cancel=cancel))

    assert house.rooms.assistant.in_flight == 0
    assert house.ledger.available(house.wallet.id) == before
