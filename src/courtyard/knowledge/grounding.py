"""Grounds a request before anything judges it: finds the passages that its caller may read, and puts them into it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

import msgspec
import structlog
from msgspec import Raw
from msgspec.json import Decoder

from courtyard.core.chat import Kind, Request
from courtyard.core.errors import CourtyardError, InvalidRequest, NotFound, Unavailable
from courtyard.core.principal import Principal
from courtyard.knowledge.block import grounded, within
from courtyard.knowledge.model import SUPPORT_MIN, Collection, Found, Hit
from courtyard.knowledge.question import asked, standalone, turns_of
from courtyard.knowledge.quoting import quotations
from courtyard.knowledge.wording import not_found

_log = structlog.get_logger("courtyard.knowledge")

COLLECTIONS_MAX = 8
PASSAGES = 5
_SEARCH_S_MAX = 10.0
_BYTES_PER_TOKEN = 2
"""Of passages, for each token of a model's context: at least half is left for the conversation and the answer."""
_QUOTES_BELOW_BYTES = 500_000_000

_FORMAT = Decoder(dict[str, Raw])


class Searching(Protocol):
    """Finds passages in the collections that somebody may read."""

    def collections(self, principal: Principal) -> Sequence[Collection]: ...

    async def search(
        self, principal: Principal, collections: Sequence[str], question: str, limit: int = PASSAGES
    ) -> Found: ...


class How(StrEnum):
    """Who answers."""

    MODEL = "model"
    QUOTES = "quotes"
    """Nobody: the best sentences are quoted."""
    NOTHING = "nothing"
    """Nobody: nothing was found that answers the question."""


class Grounded(msgspec.Struct, frozen=True, kw_only=True):
    """A request with the passages that it is to be answered from, or the answer where no model is asked."""

    request: Request
    question: str
    """What was searched for."""
    found: Found
    """What stands in the prompt or is quoted: source `n` is `hits[n - 1]`."""
    how: How
    pieces: tuple[str, ...] = ()
    """The answer, where no model gives it."""
    is_formed: bool = False
    """Whether calls of tools or JSON are asked for: what has a form is not written anew."""

    @property
    def hits(self) -> tuple[Hit, ...]:
        return self.found.hits

    @property
    def asks_model(self) -> bool:
        return self.how is How.MODEL

    @property
    def sources(self) -> tuple[str, ...]:
        """Name the passages, in the order of their numbers."""
        return tuple(hit.id for hit in self.hits)

    @property
    def documents(self) -> dict[str, int]:
        """Say how many passages of which documents there are, by the digests of the documents."""
        return dict(sorted(Counter(_digest(hit) for hit in self.hits).items()))


class Grounding:
    """Finds what a request is to be answered from."""

    def __init__(self, knowledge: Searching, *, quotes_below_bytes: int = _QUOTES_BELOW_BYTES) -> None:
        """Have models whose file is smaller than this quote instead of answering."""
        self._knowledge = knowledge
        self._quotes_below_bytes = quotes_below_bytes

    async def ground(
        self, principal: Principal, request: Request, *, context_tokens: int, model_bytes: int = 0
    ) -> Grounded:
        """Search for what a request asks, and put what was found into it.

        A model whose file has `model_bytes` answers where it is large enough, or its size is not known here.

        Raises:
            InvalidRequest: it asks nothing that can be searched for.
            NotFound: there is no such collection, or it is not the caller's to read.
            Unavailable: the collections can't be searched now.
        """
        assert request.knowledge, "only a request that names collections is grounded"
        if request.kind is not Kind.CHAT:
            raise InvalidRequest("only chats are answered from knowledge", param="knowledge")
        turns = turns_of(request.content)
        question = standalone(turns)
        readable, found = await self._searched(principal, request.knowledge, question)
        supported = found.supported >= SUPPORT_MIN
        hits = within(found.hits, context_tokens * _BYTES_PER_TOKEN) if supported else ()
        found = msgspec.structs.replace(found, hits=hits)
        is_formed = _is_formed(request)
        how = _how(found, is_formed=is_formed, quotes=0 < model_bytes < self._quotes_below_bytes)
        if how is How.MODEL:
            request = msgspec.structs.replace(request, content=grounded(request.content, hits))
            return Grounded(request=request, question=question, found=found, how=how, is_formed=is_formed)
        pieces = quotations(question, hits) or (not_found(asked(turns), [one.title or one.name for one in readable]),)
        return Grounded(request=request, question=question, found=found, how=how, pieces=pieces)

    async def _searched(
        self, principal: Principal, names: Sequence[str], question: str
    ) -> tuple[list[Collection], Found]:
        try:
            async with asyncio.timeout(_SEARCH_S_MAX):
                readable = await self._readable(principal, names)
                wanted = [collection.name for collection in readable]
                return readable, await self._knowledge.search(principal, wanted, question, PASSAGES)
        except CourtyardError:
            raise
        except Exception as error:
            _log.error("search_failed", reason=type(error).__name__)
            raise Unavailable(
                "the documents could not be searched, so nothing was answered; try again", retry_after_s=1
            ) from error

    async def _readable(self, principal: Principal, names: Sequence[str]) -> list[Collection]:
        """Look up the collections asked for, by name or id; what the caller may not read is not there."""
        wanted = list(dict.fromkeys(names))
        if len(wanted) > COLLECTIONS_MAX:
            raise InvalidRequest(f"at most {COLLECTIONS_MAX} collections are searched at once", param="knowledge")
        readable = await asyncio.to_thread(self._knowledge.collections, principal)
        known = {str(one.id): one for one in readable} | {one.name: one for one in readable}
        for name in wanted:
            if name not in known:
                raise no_collection(name)
        return list({known[name].id: known[name] for name in wanted}.values())


def no_collection(name: str) -> NotFound:
    """Say that a collection is not there, in the same words whether it is nobody's or somebody else's."""
    return NotFound(
        f"there is no collection {name[:120]!r} that you may read; `courtyard knowledge list` shows those there are",
        param="knowledge",
    )


def _how(found: Found, *, is_formed: bool, quotes: bool) -> How:
    """Say who answers: a request that wants calls of tools, or JSON, is never answered with a sentence of ours."""
    if is_formed:
        return How.MODEL
    if not found.hits:
        return How.NOTHING
    return How.QUOTES if quotes else How.MODEL


def _is_formed(request: Request) -> bool:
    tools = request.options.get("tools")
    if tools is not None and bytes(tools) not in (b"[]", b"null"):
        return True
    form = request.options.get("response_format")
    if form is None or bytes(form) == b"null":
        return False
    return _FORMAT.decode(form).get("type") != Raw(b'"text"')


def _digest(hit: Hit) -> str:
    return hit.sha256 or sha256(hit.passage.document.encode()).hexdigest()
