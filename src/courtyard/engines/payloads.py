"""The JSON payloads of an answer, streamed or whole, as they come."""

from courtyard.core.errors import EngineFailed
from courtyard.engines.frames import Frames
from courtyard.engines.transport import Reply

_DONE = b"[DONE]"
_WHOLE_BYTES_MAX = 64 * 1024 * 1024


class Payloads:
    """Reads a reply's payloads. A server that was asked to stream and answers with plain JSON gives one."""

    __slots__ = ("_ended", "_frames", "_reply", "_stall_s", "_wait_s", "complete")

    def __init__(self, reply: Reply, *, first_s: float, stall_s: float) -> None:
        self._reply = reply
        self._frames = Frames()
        self._wait_s = first_s
        self._stall_s = stall_s
        self._ended = False
        self.complete = False
        """Whether the server said that this is all."""

    async def next(self) -> list[bytes] | None:
        """Return what came since the last call, perhaps nothing yet; `None` when no more will come.

        Raises:
            EngineTimeout: nothing came for too long.
            EngineFailed: the reply is neither a stream nor JSON, or breaks off.
        """
        if self._frames.failure is not None:
            raise self._frames.failure
        if self._ended or self.complete:
            return None
        if self._reply.content_type != "text/event-stream":
            return [await self._whole()]
        piece = await self._reply.read(self._wait_s)
        self._wait_s = self._stall_s
        self._ended = piece is None
        payloads = self._frames.end() if piece is None else self._frames.feed(piece)
        if _DONE in payloads:
            self.complete = True
            return payloads[: payloads.index(_DONE)]
        return payloads

    async def _whole(self) -> bytes:
        if self._reply.content_type != "application/json":
            raise EngineFailed("the engine answered with neither an event stream nor JSON; ask the operator")
        self.complete = True
        return await self._reply.body(bytes_max=_WHOLE_BYTES_MAX, wait_s=self._wait_s)
