"""An answer on its way to a person: pieces as they come, then the message as it is kept, whatever ended it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import structlog
from msgspec.structs import replace

from courtyard.assistant import rules
from courtyard.assistant.model import Asked, Conversation, Grounding, Message, Piece, Speaker, State
from courtyard.core.chat import Delta, Finish, Request
from courtyard.core.clock import Clock
from courtyard.core.errors import ContextOverflow, CourtyardError
from courtyard.core.principal import Principal
from courtyard.ledger import Outcome, Receipt
from courtyard.serving import Answer, Serving

_log = structlog.get_logger("courtyard.assistant")

_RENEW_S = 5.0

Event = Piece | Message
Renew = Callable[[Asked], Awaitable[None]]
End = Callable[[Asked, Message | None], Awaitable[Message | None]]
"""Keeps the answer, frees the conversation, and returns what is kept."""


class Reply:
    """Yields pieces, and last the answer as it was kept. Refusals are such answers too: failed, with the reason.

    A piece counts as delivered when the consumer asks for the next one. Whoever stops reading calls `aclose`: the
    model is hung up, and what was delivered is paid for and kept. `attempts` are the same question with ever less of
    what was said before it, for a context that turns out too small.
    """

    def __init__(
        self,
        asked: Asked,
        principal: Principal,
        attempts: tuple[Request, ...],
        *,
        serving: Serving,
        clock: Clock,
        renew: Renew,
        end: End,
    ) -> None:
        self._asked = asked
        self._principal = principal
        self._attempts = attempts
        self._serving = serving
        self._clock = clock
        self._renew = renew
        self._end = end
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish: Finish | None = None
        self._answer: Answer | None = None
        self._grounding: Grounding | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._cut: CourtyardError | None = None
        self._ended = False
        self._events = self._run()

    @property
    def conversation(self) -> Conversation:
        return self._asked.conversation

    @property
    def question(self) -> Message:
        return self._asked.history[-1]

    @property
    def number(self) -> int:
        """The number that the answer has in the conversation."""
        return self._asked.number

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    def cut(self, why: CourtyardError) -> None:
        """End the answer from outside: it is kept as far as it came, failed for this reason."""
        if self._cut is None and not self._ended:
            self._cut = why
            if self._waiting is not None:
                self._waiting.cancel()

    async def aclose(self) -> None:
        """Hang up. Does nothing to an answer that has ended."""
        await self._events.aclose()
        if not self._ended:  # Nobody asked for a piece, so nothing ran.
            self._ended = True
            await self._end(self._asked, None)

    async def _run(self) -> AsyncGenerator[Event, None]:
        renewing = asyncio.create_task(self._hold_on())
        state, error = State.STOPPED, None
        try:
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    yield piece
            state = State.COMPLETE
        except CourtyardError as refusal:
            state, error = State.FAILED, refusal
        except asyncio.CancelledError:
            if self._cut is None or self._waiting is None:
                raise
            self._waiting.uncancel()
            state, error = State.FAILED, self._cut
        except Exception:
            _log.exception("bug", request_id=self._asked.holder)
            state, error = State.FAILED, CourtyardError("something went wrong here; it is in the log")
        finally:
            self._ended = True
            renewing.cancel()
            # A second cancellation may end the waiting, not the work.
            message = await asyncio.shield(asyncio.ensure_future(self._close(state, error)))
        yield message

    async def _pieces(self) -> AsyncGenerator[Piece, None]:
        for request in self._attempts:
            try:
                self._await_model()
                self._answer = None
                answer = await self._serving.answer(self._principal, request)
                assert isinstance(answer, Answer), "only a request under an idempotency key repeats another"
                self._answer = answer
                if answer.grounded is not None:
                    self._grounding = rules.grounding_of(answer.grounded)
                async for delta in answer:
                    self._waiting = None
                    yield self._shown(delta)
                    self._keep(delta)  # The next piece is asked for, so this one was delivered.
                    self._await_model()
            except ContextOverflow:
                if self._text or request is self._attempts[-1]:
                    raise
                if self._answer is not None:
                    await self._answer.settled()
            else:
                return

    def _await_model(self) -> None:
        """Note whose waiting it is that `cut` ends."""
        if self._cut is not None:
            raise self._cut
        self._waiting = asyncio.current_task()

    def _shown(self, delta: Delta) -> Piece:
        return Piece(rules.kept(delta.text), rules.kept(delta.reasoning))

    def _keep(self, delta: Delta) -> None:
        piece = self._shown(delta)
        self._text.append(piece.text)
        self._reasoning.append(piece.reasoning)
        self._finish = delta.finish or self._finish

    async def _hold_on(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            try:
                await self._renew(self._asked)
            except Exception as error:
                _log.warning("conversation_not_renewed", request_id=self._asked.holder, reason=str(error))

    async def _close(self, state: State, error: CourtyardError | None) -> Message:
        receipt: Receipt | None = None
        if self._answer is not None:
            await self._answer.aclose()
            try:
                receipt = await self._answer.settled()
            except CourtyardError as unwritten:
                state, error = State.FAILED, error or unwritten
        message = self._message(state, error)
        if receipt is not None:
            message = _receipted(message, receipt)
        try:
            return await self._end(self._asked, message) or message
        except Exception as unkept:
            _log.error("answer_not_kept", request_id=self._asked.holder, reason=str(unkept))
            reason = "this answer could not be kept; copy it, and look at the server's log"
            return replace(message, state=State.FAILED, error=CourtyardError.code, reason=reason)

    def _message(self, state: State, error: CourtyardError | None) -> Message:
        return Message(
            conversation=self._asked.conversation.id,
            number=self._asked.number,
            role=Speaker.ASSISTANT,
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            at_ms=self._clock.now_ms(),
            model=self._asked.conversation.model,
            finish=self._finish,
            grounding=self._grounding,
            state=state,
            error=error.code if error else "",
            reason=error.message if error else "",
        )


def _receipted(message: Message, receipt: Receipt) -> Message:
    return replace(
        message,
        model=receipt.model,
        engine=receipt.engine,
        region=receipt.region,
        usage=receipt.usage,
        cost=receipt.cost,
        receipt=receipt.id,
        outcome=receipt.outcome,
        finish=Finish.LENGTH if receipt.outcome is Outcome.CUT else message.finish,
    )
