"""A TCP server that says exactly what a test wants, for what no HTTP server can be made to say."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"

Script = Callable[["Connection"], Awaitable[None]]


class Connection:
    """One connection: a request came, and the script answers it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        """Send a piece of a chunked body, at once."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def reset(self) -> None:
        self.writer.transport.abort()

    async def client_left(self) -> None:
        """Wait until the client closes the connection."""
        while await self.reader.read(65536):
            pass


class RawServer:
    """Where it listens, and how many requests and connections came."""

    def __init__(self) -> None:
        self.url = ""
        self.requests = 0
        self.connections = 0


@asynccontextmanager
async def talking(script: Script) -> AsyncIterator[RawServer]:
    """Run `script` for every request that comes in."""
    server = RawServer()
    tasks: list[asyncio.Task[Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line[15:]))
                server.requests += 1
                await script(Connection(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()  # Nobody reads what is still to be sent.

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.get_running_loop().create_task(serve(reader, writer)))

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await listening.wait_closed()
        await asyncio.sleep(0)


def saying(*pieces: bytes) -> Script:
    """A script that streams these pieces, each in a chunk of its own, and ends the answer well."""

    async def script(connection: Connection) -> None:
        await connection.send(SSE_HEAD)
        for piece in pieces:
            await connection.chunk(piece)
        await connection.send(END)

    return script


def replying(status: int, body: Any, *headers: str) -> Script:
    """A script that answers every request with this status and JSON."""
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    lines = ("content-type: application/json", f"content-length: {len(encoded)}", *headers)
    head = "HTTP/1.1 {} Whatever\r\n{}\r\n\r\n".format(status, "\r\n".join(lines)).encode()

    async def script(connection: Connection) -> None:
        await connection.send(head + encoded)

    return script


def frame(text: str | None = None, *, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    """A chunk of a chat, framed."""
    choice = {"index": index, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return data({"object": "chat.completion.chunk", "choices": [choice], **more})


def data(value: Any) -> bytes:
    """A frame that carries this."""
    return b"data: %b\n\n" % msgspec.json.encode(value)


def usage_frame(prompt: int, completion: int, **more: Any) -> bytes:
    """The last chunk of a stream that ends with usage."""
    totals = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return data({"choices": [], "usage": totals})
