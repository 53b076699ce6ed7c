"""Bodies that come in time and take no more memory than there is."""

import asyncio

from courtyard.console.headers import Application
from courtyard.console.rooms import ConsoleSettings
from courtyard.core.errors import Busy, RequestTimeout
from courtyard.http import ClientGone, Headers, Message, Receive, Scope, Send, declared_length, headers_of

FORM_BYTES_MAX = 16 * 1024
"""The most that a form takes which anybody may send, signed in or not: give it as `request_max_body_size`."""

_RETRY_AFTER_S = 1


class Room:
    """The memory that the bodies of all requests share."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._taken = 0

    @property
    def taken(self) -> int:
        """Bytes that are taken just now."""
        return self._taken

    def take(self, size: int) -> None:
        """Take memory, or refuse."""
        if self._taken + size > self._bytes_max:
            raise Busy("the server holds as many large requests as it can; ask again", retry_after_s=_RETRY_AFTER_S)
        self._taken += size

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        assert size <= self._taken, "only what was taken is given back"
        self._taken -= size


class Body:
    """The body of one request. It takes its room when somebody begins to read it, and `close` gives that back.

    One that doesn't say its length takes the most that its address takes, until it is here.
    """

    def __init__(self, scope: Scope, receive: Receive, room: Room, settings: ConsoleSettings) -> None:
        self._scope = scope
        self._receive = receive
        self._room = room
        self._settings = settings
        self._taken = 0
        self._size = 0
        self._deadline: float | None = None
        self._here = False

    async def receive(self) -> Message:
        """Pass on what comes.

        Raises:
            Busy: other bodies take the memory that there is.
            RequestTimeout: it was not here in time.
            ClientGone: the client left before its end.
        """
        if self._here:
            return await self._receive()
        if self._deadline is None:
            self._begin(headers_of(self._scope))
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            seconds = self._s_max()
            raise RequestTimeout(f"the body was not complete after {seconds:g} seconds; send it again") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        self._size += len(message.get("body", b""))
        self._here = not message.get("more_body", False)
        self._take(self._size if self._here else max(self._size, self._taken))
        return message

    def close(self) -> None:
        """Give the room back."""
        self._take(0)

    def _begin(self, headers: Headers) -> None:
        length, bytes_max = declared_length(headers), self._bytes_max()
        self._take(bytes_max if length is None else min(length, bytes_max))
        self._deadline = asyncio.get_running_loop().time() + self._s_max()

    def _take(self, size: int) -> None:
        """Take `size` in all."""
        if size > self._taken:
            self._room.take(size - self._taken)
        else:
            self._room.give_back(self._taken - size)
        self._taken = size

    def _s_max(self) -> float:
        """Return how long a body may take to come to this address: `opt={"body_s_max": 600.0}`, or as anywhere."""
        return float(self._scope["route_handler"].opt.get("body_s_max", self._settings.body_s_max))

    def _bytes_max(self) -> int:
        """Return the most that this address takes."""
        bytes_max: int | None = self._scope["route_handler"].resolve_request_max_body_size()
        return self._settings.body_bytes_max if bytes_max is None else bytes_max


class Bounded:
    """An application whose bodies are bounded in time, and in memory over all requests."""

    def __init__(self, app: Application, settings: ConsoleSettings) -> None:
        self._app = app
        self._settings = settings
        self._room = Room(settings.bodies_bytes_max)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = Body(scope, receive, self._room, self._settings)
        try:
            await self._app(scope, body.receive, send)
        finally:
            body.close()
