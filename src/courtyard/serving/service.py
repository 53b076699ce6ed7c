"""The walk: each step takes the proof that the last one gave, and whatever ends it, it is settled and recorded."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Generator, Iterable
from hashlib import sha256
from typing import Any

import msgspec

from courtyard.catalogue import Catalogue, Model
from courtyard.core.admission import Admission
from courtyard.core.chat import Delta, Embeddings, Kind, Request
from courtyard.core.clock import Clock
from courtyard.core.errors import (
    BudgetExhausted,
    CourtyardError,
    InvalidRequest,
    JournalUnavailable,
    RateLimited,
    Unavailable,
)
from courtyard.core.principal import Principal
from courtyard.core.rates import Rate
from courtyard.core.usage import Usage
from courtyard.evidence import Evidence
from courtyard.knowledge import Grounding, ground
from courtyard.ledger import Claim, Hold, Ledger, Outcome, Receipt
from courtyard.licensing import Entitlement, Licensing
from courtyard.policy import Policy, Seen
from courtyard.routing import EngineCard, routes
from courtyard.serving import caps
from courtyard.serving.answer import Answer
from courtyard.serving.candidates import candidates
from courtyard.serving.grounding import cited, written
from courtyard.serving.pool import Pool
from courtyard.serving.recording import record_of, use_of
from courtyard.serving.walk import Ending, Walk
from courtyard.serving.wall import Wall

_DAY_MS = 24 * 3600 * 1000
_LARGE_BYTES = 256 * 1024
"""A larger request is looked through in a thread."""
_ANSWER_TOKENS_MIN = 16
"""An account that can't cover this many tokens of an answer refuses it, rather than buy a useless piece."""


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """Vectors and what they cost; the receipt is durable."""

    embeddings: Embeddings
    receipt: Receipt
    model: str
    rates: tuple[Rate, ...] = ()
    """What the caller's limits have left."""


class Serving:
    """Serves models to principals. Every refusal is a `CourtyardError`, raised before anything is sent."""

    def __init__(
        self,
        *,
        policy: Policy,
        licensing: Licensing,
        ledger: Ledger,
        catalogue: Catalogue,
        pool: Pool,
        evidence: Evidence,
        clock: Clock,
        wall: Wall = Wall(),
        grounding: Grounding | None = None,
    ) -> None:
        self._policy = policy
        self._licensing = licensing
        self._ledger = ledger
        self._catalogue = catalogue
        self._pool = pool
        self._evidence = evidence
        self._clock = clock
        self._wall = wall
        self._grounding = grounding

    async def answer(self, principal: Principal, request: Request) -> Answer | Receipt:
        """Admit, hold and route a chat or a completion; the answer then runs as it is read.

        A request that repeats one under its idempotency key runs no more: the receipt of the first is returned.
        """
        walk = Walk(principal=principal, request=request, begun_ms=self._clock.now_ms())
        first = await self._claim(walk)
        if first is not None:
            return first
        await self._begin(walk)
        return Answer(walk, self._deltas(walk), finish=self._finish, rates=self._rates, wall=self._wall)

    async def embed(self, principal: Principal, request: Request) -> Embedded | Receipt:
        """Return a vector an input, paid for and durable; or the receipt of the request that this one repeats."""
        walk = Walk(principal=principal, request=request, begun_ms=self._clock.now_ms())
        first = await self._claim(walk)
        if first is not None:
            return first
        await self._begin(walk)
        ending = Ending(Usage(), Outcome.HANGUP)
        try:
            embeddings = await self._pool.embed(walk, self._wall.border)
            ending = Ending(embeddings.usage, Outcome.COMPLETE)
        except CourtyardError as error:
            ending = Ending(Usage(), Outcome.FAILED, error=error)
            raise
        finally:
            committed = self._finish(walk, ending)
        await committed
        assert walk.receipt is not None
        return Embedded(embeddings=embeddings, receipt=walk.receipt, model=walk.request.model, rates=self._rates(walk))

    def models(self, principal: Principal) -> tuple[Model, ...]:
        """List the models that this principal may use."""
        return tuple(
            model for model in self._catalogue.models() if principal.models is None or model.name in principal.models
        )

    def name_of(self, model: str) -> str:
        """Return the catalogue's name of what a caller asks for; what it does not know, as it is."""
        return self._catalogue.name_of(model)

    async def _claim(self, walk: Walk) -> Receipt | None:
        """Claim the caller's idempotency key, or find the receipt of the request that had it first."""
        request = walk.request
        if request.idempotency_key is None:
            return None
        principal = walk.principal
        owner = principal.key or principal.person or principal.project  # A key names requests of its own caller alone.
        digest = sha256(f"{owner}\0{request.idempotency_key}".encode()).hexdigest()
        walk.claim = Claim(walk.principal.organisation, digest, request.digest.hex())
        return await self._ledger.claim(walk.claim, request.id)

    async def _begin(self, walk: Walk) -> None:
        request = walk.request
        try:
            await self._wall.know(walk)
            walk.model = model = self._catalogue.resolve(request.model)
            walk.request = msgspec.structs.replace(request, model=model.name)
            _check_kind(model, request)
            if request.knowledge:
                await self._ground(walk, model)
            cards = self._pool.cards_of(model.placements)
            await self._know_caps(walk, cards)
            looked = await self._look_ahead(walk)
            admission = self._admit(walk, model, cards, looked=looked)
            walk.entitlement = self._licensing.entitle(admission)
            self._check_evidence()
            prompt_tokens_max = _prompt_tokens_max(admission.request, model) if walk.asks_model else 0
            await self._ensure(walk.entitlement, admission.request, model, prompt_tokens_max)
            # No await from here until the hold: what is affordable is still so when it is held.
            tokens_max = self._tokens_max(walk, admission, model, prompt_tokens_max)
            output_max = (tokens_max or 0) * admission.request.choices
            walk.usage_max = Usage(input=prompt_tokens_max, output=output_max)
            if walk.caps:
                admission = self._within_caps(walk, admission)
            walk.hold = self._reserve(walk, walk.entitlement)
            sources = walk.grounded.sources if walk.grounded else ()
            walk.prompt = ground(admission, tokens_max=tokens_max, sources=sources)
            if walk.asks_model:
                draw = random.random()  # noqa: S311
                walk.routes = routes(admission, model.placements, cards, draw=draw)
        except CourtyardError as error:
            if isinstance(error, RateLimited):
                error.rates = self._rates(walk)
            self._refuse(walk, error)
            raise
        except BaseException:
            self._refuse(walk, Unavailable("the request ended before it was admitted"))
            raise

    async def _ground(self, walk: Walk, model: Model) -> None:
        """Put what was found into the request, so that everything after judges what is really sent."""
        if self._grounding is None:
            raise InvalidRequest("no documents are kept here, so nothing can be answered from them", param="knowledge")
        walk.grounded = await self._grounding.ground(
            walk.principal, walk.request, context_tokens=model.context_tokens, model_bytes=model.bytes
        )
        walk.request = walk.grounded.request

    def _deltas(self, walk: Walk) -> AsyncGenerator[Delta, None]:
        grounded = walk.grounded
        if grounded is None:
            return self._pool.generate(walk, self._wall.border)
        if not grounded.asks_model:
            return written(grounded, walk.request.choices)
        deltas = self._pool.generate(walk, self._wall.border)
        return deltas if grounded.is_formed else cited(deltas, len(grounded.hits))

    async def _know_caps(self, walk: Walk, cards: Iterable[EngineCard]) -> None:
        """Have leases of what the model's providers may get at hand: rules may look at what is left of it."""
        walk.caps = caps.caps_of([card.provider for card in cards], self._ledger)
        if walk.caps:
            await self._ledger.ensure([cap.account.id for cap in walk.caps])

    async def _look_ahead(self, walk: Walk) -> Request | None:
        """Look through a large request in a thread, for it would keep all the others waiting; say which one it was."""
        if walk.request.input_tokens_max < _LARGE_BYTES:
            return None
        walk.seen = await asyncio.to_thread(self._wall.look, walk.request)
        return walk.request

    def _admit(self, walk: Walk, model: Model, cards: Iterable[EngineCard], *, looked: Request | None) -> Admission:
        could = candidates(cards, walk.principal, model.name, providers=self._wall.providers, ledger=self._ledger)

        def look(request: Request) -> Seen:
            if request is not looked:
                walk.seen = self._wall.look(request)
            return walk.seen

        day = self._clock.now_ms() // _DAY_MS
        walk.admission = self._policy.admit(walk.principal, walk.request, could, look=look, day=day)
        return walk.admission

    def _within_caps(self, walk: Walk, admission: Admission) -> Admission:
        """Leave out the providers that have had all they may get, and hold nothing for those that are left out."""
        in_terms = {terms.provider for terms in admission.terms}
        walk.caps = tuple(cap for cap in walk.caps if cap.provider in in_terms)
        walk.admission = caps.within(admission, walk.caps, usage_max=walk.usage_max, available=self._ledger.available)
        left = {terms.provider for terms in walk.admission.terms}
        walk.caps = tuple(cap for cap in walk.caps if cap.provider in left)
        return walk.admission

    async def _ensure(self, entitlement: Entitlement, request: Request, model: Model, prompt_tokens_max: int) -> None:
        """Have leases of every account at hand; among other nodes, of as much as the request may want."""
        ids = [account.id for account in entitlement.accounts]
        if self._ledger.alone:
            await self._ledger.ensure(ids)
            return
        output_max = _tokens_wanted(request, model) * request.choices
        usage_max = Usage(input=prompt_tokens_max, output=output_max)
        needs = self._licensing.needs(entitlement, self._ledger.available, usage_max=usage_max)
        await self._ledger.ensure(ids, needs)

    def _reserve(self, walk: Walk, entitlement: Entitlement) -> Hold:
        """Hold what the request can cost; a refusal says what all the wallets have left, not the last one alone."""
        available = self._ledger.available
        try:
            legs = self._licensing.legs(entitlement, available, usage_max=walk.usage_max)
            if walk.caps:
                legs += caps.legs(walk.caps, walk.usage_max)
            return self._ledger.reserve(legs, key=walk.request.id)
        except BudgetExhausted as error:
            raise self._licensing.refusal(entitlement, available, usage_max=walk.usage_max) or error from error

    def _rates(self, walk: Walk) -> tuple[Rate, ...]:
        assert walk.entitlement is not None, "limits are known once a request is entitled"
        return self._ledger.rates(walk.entitlement.accounts)

    def _check_evidence(self) -> None:
        if self._evidence.failure is not None:
            raise JournalUnavailable(
                f"the evidence can't be written: {self._evidence.failure}; make room on the disk and try again",
                retry_after_s=5,
            )

    def _tokens_max(self, walk: Walk, admission: Admission, model: Model, prompt_tokens_max: int) -> int | None:
        """Bound a choice by what was asked, by the context, and by what every account can cover."""
        request, entitlement = admission.request, walk.entitlement
        assert entitlement is not None, "what is affordable is known once it is known who pays"
        if request.kind == Kind.EMBEDDING:
            return None
        if not walk.asks_model:
            return 0
        wanted = _tokens_wanted(request, model)
        affordable = self._licensing.tokens_affordable(
            entitlement, request, self._ledger.available, prompt_tokens_max=prompt_tokens_max
        )
        least = min(wanted, _ANSWER_TOKENS_MIN)
        return max(least, min(wanted, affordable))

    def _refuse(self, walk: Walk, error: CourtyardError) -> None:
        if walk.hold is not None:
            self._ledger.release(walk.hold)
        if walk.claim is not None:
            self._ledger.unclaim(walk.claim)
        self._record(walk, Ending(Usage(), Outcome.FAILED, error=error))

    def _finish(self, walk: Walk, ending: Ending) -> Awaitable[object]:
        assert walk.hold is not None
        assert walk.entitlement is not None
        charges = self._licensing.charges(walk.entitlement, ending.usage, hold=caps.without(walk.hold, walk.caps))
        if walk.caps:
            provider = walk.route.provider if walk.route else None
            charges += caps.charges(walk.caps, walk.hold, ending.usage, sent=walk.sent, served_by=provider)
        settlement = self._ledger.settle(walk.hold, charges, use_of(walk, ending))
        walk.receipt = settlement.receipt
        recorded = self._record(walk, ending)
        # The record is flushed after the receipt: who waits for it first finds the other done, and is woken once.
        return _Both(recorded, settlement.committed)

    def _record(self, walk: Walk, ending: Ending) -> Awaitable[object]:
        return self._evidence.seal(record_of(walk, ending, now_ms=self._clock.now_ms()))


def _check_kind(model: Model, request: Request) -> None:
    if request.kind not in model.kinds:
        offered = ", ".join(sorted(model.kinds))
        raise InvalidRequest(f"model {model.name!r} does {offered}, not {request.kind}", param="model")


def _tokens_wanted(request: Request, model: Model) -> int:
    """Say how many tokens each choice of an answer may have, whoever pays."""
    if request.kind == Kind.EMBEDDING:
        return 0
    return min(request.tokens_max or model.tokens_max_default, model.context_tokens)


def _prompt_tokens_max(request: Request, model: Model) -> int:
    """Bound the prompt: a chat has to fit the context, where a list of texts may be many contexts."""
    bound = request.input_tokens_max
    if request.kind != Kind.CHAT:
        return bound
    return min(bound, model.context_tokens) if request.is_text else model.context_tokens


class _Both:
    """Awaits one thing after the other. Whoever does not wait leaves nothing unfinished behind."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Awaitable[object], second: Awaitable[object]) -> None:
        self._first = first
        self._second = second

    def __await__(self) -> Generator[Any, Any, None]:
        yield from self._first.__await__()
        yield from self._second.__await__()
