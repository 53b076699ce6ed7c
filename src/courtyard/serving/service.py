"""The walk: each step takes the proof that the last one gave, and whatever ends it, it is settled and recorded."""

import random
from collections.abc import Awaitable
from hashlib import sha256

import msgspec

from courtyard.catalogue import Catalogue, Model
from courtyard.core.admission import Admission
from courtyard.core.chat import Embeddings, Kind, Request
from courtyard.core.clock import Clock
from courtyard.core.errors import (
    BudgetExhausted,
    CourtyardError,
    InvalidRequest,
    JournalUnavailable,
    PolicyDenied,
    RateLimited,
    Unavailable,
)
from courtyard.core.principal import Principal
from courtyard.core.rates import Rate
from courtyard.core.usage import Usage
from courtyard.evidence import Decision, Evidence, Record
from courtyard.knowledge import ground
from courtyard.ledger import Claim, Hold, Ledger, Outcome, Receipt, Use
from courtyard.licensing import Entitlement, Licensing
from courtyard.policy import Policy
from courtyard.routing import routes
from courtyard.serving.answer import Answer
from courtyard.serving.pool import Pool
from courtyard.serving.walk import Ending, Walk

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
    ) -> None:
        self._policy = policy
        self._licensing = licensing
        self._ledger = ledger
        self._catalogue = catalogue
        self._pool = pool
        self._evidence = evidence
        self._clock = clock

    async def answer(self, principal: Principal, request: Request) -> Answer | Receipt:
        """Admit, hold and route a chat or a completion; the answer then runs as it is read.

        A request that repeats one under its idempotency key runs no more: the receipt of the first is returned.
        """
        walk = Walk(principal=principal, request=request, begun_ms=self._clock.now_ms())
        first = await self._claim(walk)
        if first is not None:
            return first
        await self._begin(walk)
        return Answer(walk, self._pool.generate(walk), finish=self._finish, rates=self._rates)

    async def embed(self, principal: Principal, request: Request) -> Embedded | Receipt:
        """Return a vector an input, paid for and durable; or the receipt of the request that this one repeats."""
        walk = Walk(principal=principal, request=request, begun_ms=self._clock.now_ms())
        first = await self._claim(walk)
        if first is not None:
            return first
        await self._begin(walk)
        ending = Ending(Usage(), Outcome.HANGUP)
        try:
            embeddings = await self._pool.embed(walk)
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
        principal, request = walk.principal, walk.request
        try:
            walk.model = self._catalogue.resolve(request.model)
            walk.request = msgspec.structs.replace(request, model=walk.model.name)
            _check_kind(walk.model, request)
            walk.admission = self._policy.admit(principal, walk.request)
            walk.entitlement = self._licensing.entitle(walk.admission)
            self._check_evidence()
            prompt_tokens_max = _prompt_tokens_max(walk.admission.request, walk.model)
            await self._ensure(walk.entitlement, walk.admission.request, walk.model, prompt_tokens_max)
            # No await from here until the hold: what is affordable is still so when it is held.
            tokens_max = self._tokens_max(walk.admission, walk.model, walk.entitlement, prompt_tokens_max)
            output_max = (tokens_max or 0) * walk.admission.request.choices
            walk.usage_max = Usage(input=prompt_tokens_max, output=output_max)
            walk.hold = self._reserve(walk, walk.entitlement)
            walk.prompt = ground(walk.admission, tokens_max=tokens_max)
            draw = random.random()  # noqa: S311
            walk.routes = routes(walk.admission, walk.model.placements, self._pool.cards, draw=draw)
        except CourtyardError as error:
            if isinstance(error, RateLimited):
                error.rates = self._rates(walk)
            self._refuse(walk, error)
            raise
        except BaseException:
            self._refuse(walk, Unavailable("the request ended before it was admitted"))
            raise

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

    def _tokens_max(
        self, admission: Admission, model: Model, entitlement: Entitlement, prompt_tokens_max: int
    ) -> int | None:
        """Bound a choice by what was asked, by the context, and by what every account can cover."""
        request = admission.request
        if request.kind == Kind.EMBEDDING:
            return None
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
        charges = self._licensing.charges(walk.entitlement, ending.usage, hold=walk.hold)
        settlement = self._ledger.settle(walk.hold, charges, _use(walk, ending))
        walk.receipt = settlement.receipt
        recorded = self._record(walk, ending)
        # The record is flushed after the receipt: who waits for it first finds the other done, and is woken once.
        return _both(recorded, settlement.committed)

    def _record(self, walk: Walk, ending: Ending) -> Awaitable[object]:
        return self._evidence.seal(_record(walk, ending, now_ms=self._clock.now_ms()))


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


def _use(walk: Walk, ending: Ending) -> Use:
    principal, request = walk.principal, walk.request
    assert walk.entitlement is not None
    return Use(
        id=request.id,
        organisation=principal.organisation,
        project=principal.project,
        key=principal.key,
        person=principal.person,
        kind=request.kind,
        model=request.model,
        engine=walk.route.engine if walk.route else None,
        region=walk.route.region if walk.route else None,
        usage=ending.usage,
        outcome=ending.outcome,
        estimated=ending.estimated,
        price_book=walk.entitlement.priced.book,
        idempotency_key=walk.claim.key if walk.claim else None,
        request_digest=request.digest.hex(),
    )


def _record(walk: Walk, ending: Ending, *, now_ms: int) -> Record:
    principal, admission = walk.principal, walk.admission
    return Record(
        id=walk.request.id,
        at_ms=now_ms,
        organisation=principal.organisation,
        project=principal.project,
        who=principal.person or principal.key or "",
        kind=walk.request.kind,
        model=walk.request.model,
        decision=_decision(walk, ending),
        rules=admission.rules if admission else (),
        regions=tuple(sorted(admission.regions)) if admission else (),
        engine=walk.route.engine if walk.route else None,
        region=walk.route.region if walk.route else None,
        receipt=walk.receipt.digest if walk.receipt else None,
        outcome=ending.outcome if walk.hold else None,
        error=ending.error.code if ending.error else None,
        rule=ending.error.rule if isinstance(ending.error, PolicyDenied) else None,
        duration_ms=now_ms - walk.begun_ms,
    )


def _decision(walk: Walk, ending: Ending) -> Decision:
    match ending.error:
        case PolicyDenied():
            return Decision.DENIED
        case CourtyardError() if walk.receipt is None:
            return Decision.REFUSED
        case CourtyardError():
            return Decision.FAILED
        case None:
            return Decision.ADMITTED


async def _both(first: Awaitable[object], second: Awaitable[object]) -> None:
    await first
    await second
