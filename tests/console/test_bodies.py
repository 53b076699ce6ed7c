"""Bodies of the console come in time, or not at all, and share what memory there is."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from courtyard.console import ConsoleSettings
from courtyard.console.bodies import FORM_BYTES_MAX
from courtyard.core.principal import Role
from tests.console.conftest import Build
from tests.console.house import House

FORM = "application/x-www-form-urlencoded"
SLOW = ConsoleSettings(body_s_max=0.05)
GONE: dict[str, Any] = {"type": "http.disconnect"}


class Sender:
    """Sends a request piece by piece, then nothing more."""

    def __init__(self, house: House, path: str, *pieces: dict[str, Any], length: int | None = None) -> None:
        self._house = house
        headers = [(b"host", b"127.0.0.1:8420"), (b"content-type", FORM.encode())]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "server": ("127.0.0.1", 8420),
            "client": ("192.0.2.7", 4242),
        }
        self._pieces = list(pieces)
        self.waiting = asyncio.Event()
        self.status = 0
        self.headers: dict[bytes, bytes] = {}

    async def ask(self) -> int:
        await self._house.app(self._scope, self._receive, self._send)
        return self.status

    async def _receive(self) -> dict[str, Any]:
        if self._pieces:
            return self._pieces.pop(0)
        self.waiting.set()
        await asyncio.Event().wait()
        raise AssertionError("it waits for ever")

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])


def piece(body: bytes) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": True}


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/preferences"])
def test_a_body_that_does_not_come_is_not_waited_for(build: Build, path: str) -> None:
    """A form that stops half way is refused when its time is over."""
    house = build(SLOW)

    assert house.run(asyncio.wait_for(Sender(house, path, piece(b"csrf=")).ask(), 5)) == 408


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/preferences"])
def test_a_form_that_anybody_may_send_is_small(house: House, path: str) -> None:
    """Whether it says its length or not."""
    half = piece(b"x" * (FORM_BYTES_MAX // 2 + 1))
    told = Sender(house, path, length=FORM_BYTES_MAX + 1)
    untold = Sender(house, path, half, half)

    assert house.run(asyncio.wait_for(told.ask(), 5)) == 413
    assert house.run(asyncio.wait_for(untold.ask(), 5)) == 413


def test_bodies_share_the_memory_that_there_is(build: Build) -> None:
    """One too many is told to come again; when one has gone there is room for the next."""
    house = build(ConsoleSettings(bodies_bytes_max=3 * FORM_BYTES_MAX))

    async def fill() -> tuple[int, bytes | None, int, int]:
        held = [Sender(house, "/sign-in", length=FORM_BYTES_MAX), *(Sender(house, "/sign-out") for _ in range(2))]
        tasks = [asyncio.create_task(sender.ask()) for sender in held]
        await asyncio.gather(*(sender.waiting.wait() for sender in held))
        refused = Sender(house, "/sign-in", length=1)
        full = await refused.ask()
        tasks.pop().cancel()
        await asyncio.sleep(0)
        small = {"type": "http.request", "body": b"csrf=guessed", "more_body": False}
        free = await Sender(house, "/sign-in", small, length=FORM_BYTES_MAX).ask()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        again = await Sender(house, "/sign-in", small).ask()
        return full, refused.headers.get(b"retry-after"), free, again

    assert house.run(asyncio.wait_for(fill(), 10)) == (429, b"1", 403, 403)


def test_whoever_leaves_in_the_middle_is_no_bug(house: House) -> None:
    """A client that goes before the end of its form is logged as gone, without a trace."""
    sender = Sender(house, "/sign-in", piece(b"csrf="), GONE)
    with capture_logs() as logs:
        status = house.run(asyncio.wait_for(sender.ask(), 5))

    assert status == 499
    assert logs == []


def test_forms_go_on_working(build: Build) -> None:
    """A body gives its room back when it is answered, so that any number can come one after the other."""
    house = build(ConsoleSettings(bodies_bytes_max=FORM_BYTES_MAX))
    visitor = house.visitor()
    person = house.person("ada@example.org", Role.MEMBER)
    fields = {"csrf": visitor.token(), "email": person.email, "password": "wrong"}
    answers = [visitor.send("/sign-in", fields).status_code for _ in range(3)]

    assert answers == [401] * 3
    assert len(urlencode(fields)) < FORM_BYTES_MAX
