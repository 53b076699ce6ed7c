"""A real HTTP server of OpenAI's shape: an echo engine behind uvicorn that misbehaves on demand.

`async with serving() as server:` runs it in the test's own loop. What a request asks of it beyond the API stands in
`server.next_statuses`, or in the `trouble` field of its body.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn
from msgspec import Raw

from courtyard.core.chat import Delta, Kind, Prompt, Request
from courtyard.core.errors import CourtyardError
from courtyard.core.ids import EngineName, ModelName, Region, RequestId
from courtyard.core.usage import Usage
from courtyard.engines import EngineSettings
from courtyard.engines.builtin.echo import EchoEngine

KINDS = {
    "/v1/chat/completions": (Kind.CHAT, "messages"),
    "/v1/completions": (Kind.COMPLETION, "prompt"),
    "/v1/embeddings": (Kind.EMBEDDING, "input"),
}
JSON = [(b"content-type", b"application/json")]


class UpstreamServer:
    """What the tests see of the server: what it was asked, and what became of it."""

    def __init__(self, **options: Any) -> None:
        self.engine = EchoEngine(
            EngineSettings(name=EngineName("echo"), plugin="echo", region=Region("home"), options=options)
        )
        self.key: str | None = None
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[bytes, bytes]] = []
        self.next_statuses: list[tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]] = []
        self.left = asyncio.Event()
        """Set when a client leaves within an answer."""
        self.whole = asyncio.Event()
        """Set when an answer was sent to its end."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = dict(scope["headers"])
        self.headers.append(headers)
        if self.key is not None and headers.get(b"authorization") != f"Bearer {self.key}".encode():
            refused = {"error": {"message": f"Incorrect API key provided: {self.key}", "code": "invalid_api_key"}}
            await _answer(send, 401, refused)
        elif scope["path"] == "/v1/models":
            await _answer(send, 200, {"object": "list", "data": [{"id": "m"}]})
        elif scope["path"] not in KINDS:
            await _answer(send, 404, {"detail": "Not Found"})
        else:
            self.bodies.append(msgspec.json.decode(body))
            if self.next_statuses:
                status, refused, more = self.next_statuses.pop(0)
                await _answer(send, status, refused, more)
            else:
                await self._serve(*KINDS[scope["path"]], receive, send)

    async def _serve(self, kind: Kind, content: str, receive: Any, send: Any) -> None:
        prompt = _prompt(kind, content, self.bodies[-1])
        try:
            if kind is Kind.EMBEDDING:
                await self._embed(prompt, send)
            elif self.bodies[-1].get("trouble") == "whole":
                await self._whole(prompt, send)
            else:
                await self._stream(prompt, receive, send)
        except CourtyardError as error:
            await _answer(send, error.status, {"error": {"message": error.message, "code": error.code}})

    async def _embed(self, prompt: Prompt, send: Any) -> None:
        embeddings = await self.engine.embed("m", prompt)
        await _answer(send, 200, {"data": embeddings.data, "usage": _totals(embeddings.usage)})

    async def _whole(self, prompt: Prompt, send: Any) -> None:
        """Answer with plain JSON, although a stream was asked for."""
        deltas = [delta async for delta in self.engine.generate("m", prompt)]
        choices = [
            {
                "index": choice,
                "message": {"content": "".join(delta.text for delta in deltas if delta.choice == choice)},
                "finish_reason": next(delta.finish for delta in deltas if delta.choice == choice and delta.finish),
            }
            for choice in range(prompt.request.choices)
        ]
        assert deltas[-1].usage is not None
        await _answer(send, 200, {"choices": choices, "usage": _totals(deltas[-1].usage)})

    async def _stream(self, prompt: Prompt, receive: Any, send: Any) -> None:
        deltas = self.engine.generate("m", prompt)
        first = await anext(deltas)  # What refuses does so before the head.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        gone = asyncio.create_task(receive())
        try:
            await _frame(send, _chunk(prompt, first))
            usage = None
            async for delta in deltas:
                if gone.done():
                    self.left.set()
                    return
                await _frame(send, _chunk(prompt, delta))
                usage = delta.usage or usage
            if usage is not None and self.bodies[-1].get("trouble") != "no usage":
                await _frame(send, {"choices": [], "usage": _totals(usage)})
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
            self.whole.set()
        finally:
            gone.cancel()
            await deltas.aclose()


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[UpstreamServer]:
    """Serve on a free port; `options` are the echo engine's."""
    app = UpstreamServer(**options)
    config = uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign] - The test's own loop keeps its handlers.
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it.
        await asyncio.sleep(0.005)
    app.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield app
    finally:
        server.should_exit = True
        await running


class _no_signals:
    def __enter__(self) -> None: ...
    def __exit__(self, *args: object) -> None: ...


def _prompt(kind: Kind, content: str, body: dict[str, Any]) -> Prompt:
    known = {content, "model", "stream", "stream_options", "n", "max_tokens", "trouble"}
    raw = Raw(msgspec.json.encode(body[content]))
    prompts = len(body["prompt"]) if isinstance(body.get("prompt"), list) else 1
    return Prompt(
        request=Request(
            id=RequestId("req_upstream"),
            kind=kind,
            model=ModelName(body["model"]),
            content=raw,
            choices=body.get("n", 1) * prompts,
            options={name: Raw(msgspec.json.encode(value)) for name, value in body.items() if name not in known},
        ),
        content=raw,
        tokens_max=body.get("max_tokens"),
    )


def _chunk(prompt: Prompt, delta: Delta) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": delta.choice, "finish_reason": delta.finish, "logprobs": delta.logprobs}
    if prompt.request.kind is Kind.COMPLETION:
        return {"object": "text_completion", "choices": [{**choice, "text": delta.text}]}
    piece: dict[str, Any] = {"content": delta.text} if delta.text else {}
    if delta.tool_calls is not None:
        piece["tool_calls"] = delta.tool_calls
    return {"object": "chat.completion.chunk", "choices": [{**choice, "delta": piece}]}


def _totals(usage: Usage) -> dict[str, int]:
    return {"prompt_tokens": usage.prompt, "completion_tokens": usage.completion, "total_tokens": usage.total}


async def _frame(send: Any, chunk: dict[str, Any]) -> None:
    frame = b"data: %b\n\n" % msgspec.json.encode(chunk)
    await send({"type": "http.response.body", "body": frame, "more_body": True})


async def _answer(send: Any, status: int, body: Any, more: list[tuple[bytes, bytes]] | None = None) -> None:
    await send({"type": "http.response.start", "status": status, "headers": JSON + (more or [])})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})
