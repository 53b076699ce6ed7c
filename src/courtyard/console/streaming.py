"""Answers that are sent as they are made."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import msgspec
from litestar.response.base import ASGIResponse

from courtyard.console.rooms import ConsoleSettings
from courtyard.http import ClientGone, TookTooLong, Watch

OnClose: TypeAlias = Callable[[], Awaitable[object]]

LINES = "application/x-ndjson"
_PIECE_BYTES = 64 * 1024


async def _nothing() -> None: ...


class Streamed(ASGIResponse):
    """Sends pieces one by one, and closes their maker whatever ends it.

    A piece counts as delivered when the maker is asked for the next one. When the reader leaves, the maker is cancelled
    or closed at once, so that it settles for what was delivered. Then `on_close` ends what the maker draws from:
    a maker that was never asked for a piece has not begun, and cleans nothing up by itself.
    """

    _should_set_content_length = False

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        settings: ConsoleSettings,
        *,
        media_type: str = LINES,
        file_name: str | None = None,
        on_close: OnClose = _nothing,
    ) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        if file_name is not None:
            headers["content-disposition"] = f'attachment; filename="{file_name}"'
        super().__init__(media_type=media_type, headers=headers)
        self._pieces = pieces
        self._settings = settings
        self._on_close = on_close

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        seconds, stall_s = self._settings.stream_s_max, self._settings.send_stall_s_max
        try:
            with contextlib.suppress(ClientGone, TookTooLong):
                async with Watch(receive, send, seconds=seconds, stall_s=stall_s) as watch:
                    await watch.send(self._start())
                    async for piece in self._pieces:
                        await watch.send({"type": "http.response.body", "body": piece, "more_body": True})
                        await asyncio.sleep(0)  # Lets the news of a hang-up in before the piece counts as delivered.
                    await watch.send({"type": "http.response.body", "body": b""})
        finally:
            try:
                await self._pieces.aclose()
            finally:
                await self._on_close()

    def _start(self) -> dict[str, Any]:
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        return {"type": "http.response.start", "status": 200, "headers": headers}


async def from_thread(content: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Take pieces from what waits for the database, all of them in one thread, so that other requests go on."""
    loop, thread, pieces = asyncio.get_running_loop(), ThreadPoolExecutor(max_workers=1), iter(content)
    try:
        while piece := await loop.run_in_executor(thread, _gathered, pieces):
            yield piece
    finally:
        if isinstance(pieces, Generator):
            await loop.run_in_executor(thread, pieces.close)
        thread.shutdown(wait=False)


def _gathered(pieces: Iterator[bytes]) -> bytes:
    """Join pieces to one that is worth sending; nothing at the end."""
    found, size = [], 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= _PIECE_BYTES:
            break
    return b"".join(found)


def line(value: Any) -> bytes:
    """Write one line of a stream: JSON and a newline."""
    return msgspec.json.encode(value) + b"\n"
