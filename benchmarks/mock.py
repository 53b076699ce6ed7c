"""An upstream that costs nearly nothing: OpenAI's chat completions, whole or in 50 pieces, from prepared bytes.

A stream comes in one write, as from an engine that is faster than its reader; a request of the user `paced` has it a
piece at a time, as from one that thinks, and one of the user `slow` as people read.

python -m benchmarks.mock   # prints its port
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import cast

import uvloop

PIECES = 50
PACED = "paced"
SLOW = "slow"
_PACES_S = {PACED.encode(): 0.004, SLOW.encode(): 0.2}


def _response(kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body)


def _chunk(delta: dict[str, object], **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None} | more
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mock", "choices": [choice]}
    return b"data: " + json.dumps(frame).encode() + b"\n\n"


_USAGE = {"prompt_tokens": 20, "completion_tokens": PIECES, "total_tokens": 20 + PIECES}
_WHOLE = _response(
    b"application/json",
    json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "mock",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "word " * PIECES}, "finish_reason": "stop"}
            ],
            "usage": _USAGE,
        }
    ).encode(),
)
_END = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mock", "choices": []}
_FRAMES = [
    _chunk({"role": "assistant", "content": ""}),
    *(_chunk({"content": "word "}) for _ in range(PIECES)),
    _chunk({}, finish_reason="stop"),
    b"data: " + json.dumps(_END | {"usage": _USAGE}).encode() + b"\n\n",
    b"data: [DONE]\n\n",
]
_PARTS = [
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    *(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in _FRAMES),
    b"0\r\n\r\n",
]
_STREAM = b"".join(_PARTS)
_MODELS = _response(b"application/json", b'{"object":"list","data":[{"id":"mock","object":"model","created":1}]}')


class _Upstream(asyncio.Protocol):
    """Reads requests by their length, and answers from memory."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type.
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while True:
            head, found, rest = self._waiting.partition(b"\r\n\r\n")
            if not found:
                return
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
            )
            if len(rest) < length:
                return
            body, self._waiting = rest[:length], rest[length:]
            if head.startswith(b"GET"):
                self._transport.write(_MODELS)
            elif b'"stream":true' not in body.replace(b" ", b""):
                self._transport.write(_WHOLE)
            elif pace_s := next((pace_s for user, pace_s in _PACES_S.items() if b'"%b"' % user in body), None):
                self._pace(iter(_PARTS), pace_s)
            else:
                self._transport.write(_STREAM)

    def _pace(self, parts: Iterator[bytes], pace_s: float) -> None:
        part = next(parts, None)
        if part is not None and not self._transport.is_closing():
            self._transport.write(part)
            asyncio.get_running_loop().call_later(pace_s, self._pace, parts, pace_s)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
