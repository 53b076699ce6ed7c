"""A client of one OpenAI-compatible server, remote or in a child process of ours."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import structlog
from msgspec import Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Delta, Embeddings, Kind, Prompt
from courtyard.core.errors import Busy, CourtyardError, EngineFailed
from courtyard.core.usage import Usage, from_totals
from courtyard.engines.chunks import Chunks
from courtyard.engines.engine import Health, Way
from courtyard.engines.payloads import Payloads
from courtyard.engines.refusals import REFUSAL_BYTES_MAX, refusal, report
from courtyard.engines.totals import Totals
from courtyard.engines.transport import Reply, Transport, Unreached, by_socket

_log = structlog.get_logger("courtyard.engines")

PATHS = {Kind.CHAT: "/chat/completions", Kind.COMPLETION: "/completions", Kind.EMBEDDING: "/embeddings"}
_CONTENTS = {Kind.CHAT: "messages", Kind.COMPLETION: "prompt", Kind.EMBEDDING: "input"}

_VECTORS_BYTES_MAX = 256 * 1024 * 1024

_RETRY_S = (0.05, 0.25)
"""Pauses before a request is sent again, at most so often."""

_RETRY_AFTER_S_MAX = 2
"""A server that asks for a longer pause than this is left to the next route."""

_BYTES_PER_TOKEN = 4
"""What inputs are guessed by where a server does not say how many tokens they had."""

_HEALTH_S = 5.0
_HEALTH_BYTES_MAX = 4 * 1024 * 1024

_VERSIONED = re.compile(r"/v\d[^/]*(/|$)")


_WITH_USAGE = {"include_usage": True}


class EmbeddingList(msgspec.Struct):
    """An answer to an embeddings request."""

    data: Raw
    usage: Totals | None = None


_decode_embeddings = Decoder(EmbeddingList).decode
_decode_list = Decoder(list[Raw]).decode


class Upstream:
    """Asks one server, at most so many requests at once, and reads its answers as they come.

    `drain_s` is for servers that bill a whole answer whether it is read or not: after a hang-up the rest of a stream is
    read for so long, apart from the caller, and its usage logged. At zero, the connection is closed at once, which
    stops the work of a server that watches for it. With a `way`, the server is another's: the egress knows where it is
    and holds its key, and is told which `engine` is meant.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        connect_s: float = 5.0,
        first_s: float = 120.0,
        stall_s: float = 60.0,
        drain_s: float = 0.0,
        concurrency_max: int = 256,
        tokens_field: str = "max_tokens",
        health_path: str = "/models",
        way: Way | None = None,
        engine: str = "",
    ) -> None:
        self._key = _checked_key(key if way is None else way.key)
        self._first_s = first_s
        self._stall_s = stall_s
        self._drain_s = drain_s
        self._places = concurrency_max
        self._tokens_field = tokens_field
        self._health_path = health_path
        self._is_outside = way is not None
        self._transport = Transport(
            base_of(url),
            key=self._key,
            connect_s=connect_s,
            dial=None if way is None else by_socket(way.path),
            headers=None if way is None else {"x-courtyard-engine": engine},
        )
        self._drains: set[asyncio.Task[None]] = set()

    async def generate(
        self, model: str, prompt: Prompt, *, extra: Mapping[str, Raw] | None = None
    ) -> AsyncGenerator[Delta, None]:
        """Yield the answer as it comes. `extra` fields are sent beside the request's own, and win.

        Raises:
            InvalidRequest: the server refused the request (`ContextOverflow`: because it is too long).
            Busy: every place is taken.
            EngineTimeout: nothing came for `first_s`, or for `stall_s` once something had.
            EngineFailed: anything else.
        """
        self._enter()
        reply: Reply | None = None
        chunks = Chunks(choices=prompt.request.choices, tokens_max=prompt.tokens_max)
        try:
            reply = await self._ask(prompt, self._body(model, prompt, extra or {}))
            payloads = Payloads(reply, first_s=self._first_s, stall_s=self._stall_s)
            try:
                while (some := await _next(payloads, chunks)) is not None:
                    for delta in chunks.read(some):
                        yield delta
                for delta in chunks.end():
                    yield delta
            except (GeneratorExit, asyncio.CancelledError):
                if self._drain_s > 0:
                    self._drain(reply, payloads, chunks)
                    reply = None
                raise
            await reply.finish()
        except EngineFailed:
            if chunks.reported is not None:
                report(chunks.reported)
            raise
        finally:
            if reply is not None:
                await reply.close()
            self._leave()

    async def embed(self, model: str, prompt: Prompt) -> Embeddings:
        """Return a vector an input, or raise as `generate` does."""
        self._enter()
        try:
            fields = {**prompt.request.options, "model": model, "input": prompt.content}
            reply = await self._ask(prompt, encode(fields))
            try:
                body = await reply.body(bytes_max=_VECTORS_BYTES_MAX, wait_s=self._first_s)
            finally:
                await reply.close()
        finally:
            self._leave()
        try:
            read = _decode_embeddings(body)
            _decode_list(read.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EngineFailed("the engine's vectors can't be read; try again") from error
        return Embeddings(data=read.data, usage=_input_usage(read.usage, prompt))

    async def health(self) -> Health:
        """Ask the server whether it is there, and takes the key."""
        try:
            reply = await self._transport.send("GET", self._health_path, b"", request_id="health", wait_s=_HEALTH_S)
            try:
                await reply.body(bytes_max=_HEALTH_BYTES_MAX, wait_s=_HEALTH_S)
            finally:
                await reply.close()
        except (EngineFailed, Unreached) as error:
            return Health(ready=False, detail=error.message)
        if reply.status // 100 == 2:
            return Health(ready=True)
        return Health(ready=False, detail=f"it answers with HTTP {reply.status}")

    async def close(self) -> None:
        """End everything under way; safe to call twice."""
        await self._transport.close()
        if self._drains:
            await asyncio.wait(set(self._drains))

    def _body(self, model: str, prompt: Prompt, extra: Mapping[str, Raw]) -> bytes:
        request = prompt.request
        fields: dict[str, Any] = {
            **request.options,
            "model": model,
            _CONTENTS[request.kind]: prompt.content,
            "stream": True,
            "stream_options": _WITH_USAGE,
        }
        if prompt.tokens_max is not None:
            fields[self._tokens_field] = prompt.tokens_max
        if request.choices > 1:
            fields["n"] = request.choices // _prompts(prompt)
        fields.update(extra)
        return encode(fields)

    async def _ask(self, prompt: Prompt, body: bytes) -> Reply:
        """Send the request until something answers it, and return the reply. Nothing is sent again once one began."""
        path, request_id = PATHS[prompt.request.kind], prompt.request.id
        for pause_s in (*_RETRY_S, None):
            pause_needed_s = pause_s
            try:
                reply = await self._transport.send(
                    "POST",
                    path,
                    body,
                    request_id=request_id,
                    wait_s=self._first_s,
                    headers=_told_egress(prompt) if self._is_outside else None,
                )
            except Unreached as error:
                if pause_s is None:
                    raise EngineFailed(error.message) from error
            else:
                if reply.status == 200:
                    return reply
                refused = await self._refusal(reply)
                if pause_s is None or not _passes(reply.status, refused):
                    raise refused
                pause_needed_s = refused.retry_after_s or pause_s
            assert pause_needed_s is not None
            await asyncio.sleep(pause_needed_s)
        raise AssertionError("the last try returns or raises")

    async def _refusal(self, reply: Reply) -> CourtyardError:
        try:
            body = await reply.body(bytes_max=REFUSAL_BYTES_MAX, wait_s=self._stall_s)
        except EngineFailed:
            body = b""  # The status alone says enough.
        finally:
            await reply.close()
        return refusal(reply.status, body, key=self._key, retry_after_s=_seconds(reply.retry_after))

    def _drain(self, reply: Reply, payloads: Payloads, chunks: Chunks) -> None:
        self._enter(force=True)
        task = asyncio.get_running_loop().create_task(self._read_on(reply, payloads, chunks))
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)

    async def _read_on(self, reply: Reply, payloads: Payloads, chunks: Chunks) -> None:
        """Read what the caller left, for what it says of usage."""
        try:
            async with asyncio.timeout(self._drain_s):
                while (some := await payloads.next()) is not None:
                    for _ in chunks.read(some):
                        pass  # Only what they say of usage is wanted.
                await reply.finish()
        except (EngineFailed, TimeoutError):
            pass  # It is logged without usage.
        finally:
            await reply.close()
            self._leave()
            usage = chunks.usage or Usage()
            _log.info("engine_drained", complete=payloads.complete, input=usage.prompt, output=usage.completion)

    def _enter(self, *, force: bool = False) -> None:
        if self._places <= 0 and not force:
            raise Busy("the engine answers as many requests as it may; try again", retry_after_s=1)
        self._places -= 1

    def _leave(self) -> None:
        self._places += 1


async def _next(payloads: Payloads, chunks: Chunks) -> list[bytes] | None:
    """Return what came, or nothing at the end. An answer of which every choice has ended may end anyhow."""
    try:
        some = await payloads.next()
    except EngineFailed:
        if chunks.whole:
            return None
        raise
    if some is None and not (payloads.complete or chunks.whole):
        raise EngineFailed("the engine broke off its answer; try again")
    return some


def _passes(status: int, error: CourtyardError) -> bool:
    """Whether a refusal is of the kind that passes within moments."""
    if status in (502, 503):
        return error.retry_after_s is None or error.retry_after_s <= _RETRY_AFTER_S_MAX
    return status == 429 and error.retry_after_s is not None and error.retry_after_s <= _RETRY_AFTER_S_MAX


def _told_egress(prompt: Prompt) -> dict[str, str]:
    """Say what the egress decides by once more: what the request is for, and how its prompt was masked."""
    return {"x-courtyard-purpose": quote(prompt.request.purpose), "x-courtyard-masked": prompt.masked}


def _prompts(prompt: Prompt) -> int:
    """Count the prompts of a completion: each is answered by as many choices. A list of tokens is one prompt."""
    if prompt.request.kind is not Kind.COMPLETION or bytes(memoryview(prompt.content)[:1]) != b"[":
        return 1
    first, *rest = _decode_list(prompt.content)
    return 1 if bytes(first)[:1].isdigit() else 1 + len(rest)


def _input_usage(totals: Totals | None, prompt: Prompt) -> Usage:
    """Take what was told, a zero too; guess where nothing was."""
    if totals is not None and totals.prompt_tokens is not None:
        return totals.prompt()
    return from_totals(prompt=-(-len(bytes(prompt.content)) // _BYTES_PER_TOKEN))


def _seconds(retry_after: str | None) -> int | None:
    """Read `Retry-After` where it is a number of seconds; a date is not worth waiting for."""
    return int(retry_after) if retry_after is not None and retry_after.isdecimal() else None


def base_of(url: str) -> str:
    """Return the address that paths are put behind. `/v1` may be left out where nothing else names a version.

    Raises:
        ValueError: it is no address of an HTTP server, or holds a secret.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an engine's address begins with http:// or https:// and names a host")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("an engine's address holds no user, password, query or fragment; give the key as a key")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}" + ("" if _VERSIONED.search(path) else "/v1")


def _checked_key(key: str | None) -> str | None:
    key = key.strip() if key is not None else None
    if key and not (key.isascii() and key.isprintable()):
        raise ValueError("an engine's key has only visible ASCII characters")
    return key or None
