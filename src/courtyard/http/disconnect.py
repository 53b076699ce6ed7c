"""Notices that a client has left, reads nothing, or has been served for too long."""

import asyncio
from types import TracebackType
from typing import Self

from courtyard.http.asgi import Message, Receive, Send


class ClientGone(Exception):
    """Nobody is there to tell: the client hung up, or has read nothing for too long."""


class TookTooLong(Exception):
    """The block had all the time it may have."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it took longer than {seconds:g} seconds")
        self.seconds = seconds


class Watch:
    """Runs a block for as long as its client is there and its time lasts.

        async with Watch(receive, send, seconds=600, stall_s=60) as watch:
            await watch.send(message)

    What ends the block early cancels the task at its current await and leaves the block as `ClientGone` or
    `TookTooLong`. One task and one timer serve a whole exchange, so a chunk costs no timer of its own; a client that
    reads nothing is noticed after `stall_s` and before one and a half times as long.
    """

    def __init__(self, receive: Receive, send: Send, *, seconds: float, stall_s: float) -> None:
        self._receive = receive
        self._send = send
        self._seconds = seconds
        self._tick_s = stall_s / 2
        self._sending = False
        self._ticks_in_send = 0
        self._ended: Exception | None = None

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + self._seconds
        self._timer = self._loop.call_later(min(self._tick_s, self._seconds), self._tick)
        self._listener = self._loop.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._listener.cancel()
        if self._ended is not None and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self._ended from None

    @property
    def ended(self) -> Exception | None:
        """What ends the block early, once it is known."""
        return self._ended

    async def send(self, message: Message) -> None:
        """Send, and return once the server has room for more."""
        self._ticks_in_send = 0
        self._sending = True
        await self._send(message)
        self._sending = False

    def stop(self, why: Exception) -> None:
        """End the block, which leaves it as `why`. Once it is ending, a second reason changes nothing."""
        if self._ended is None:
            self._ended = why
            self._task.cancel()

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.stop(ClientGone())

    def _tick(self) -> None:
        now = self._loop.time()
        if self._sending:
            self._ticks_in_send += 1
        if now >= self._deadline:
            self.stop(TookTooLong(self._seconds))
        elif self._ticks_in_send > 2:
            self.stop(ClientGone())
        else:
            self._timer = self._loop.call_later(min(self._tick_s, self._deadline - now), self._tick)
