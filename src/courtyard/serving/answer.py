"""An answer under way: pieces as they come, and in the end a receipt, whatever ended it."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from courtyard.core.chat import Delta
from courtyard.core.errors import CourtyardError
from courtyard.core.rates import Rate
from courtyard.knowledge import Grounded
from courtyard.labels import Stated
from courtyard.ledger import Receipt
from courtyard.serving.meter import Meter
from courtyard.serving.walk import Ending, Walk
from courtyard.serving.wall import Wall

Finish = Callable[[Walk, Ending], Awaitable[object]]
"""Settles a walk at once, and returns what to wait for until that is durable."""

Rates = Callable[[Walk], tuple[Rate, ...]]
"""Says what the limits on a walk have left."""

Reason = Callable[[], CourtyardError | None]
"""Says why an answer is ended from outside; nothing means that its client hung up."""


class Answer:
    """Yields deltas; then `settled()` gives the receipt once it is durable.

    A delta counts as delivered when the consumer asks for the next one, so a client that hangs up pays for what it
    got. Until the first delta is asked for nothing has run, and closing costs nothing.
    """

    def __init__(
        self, walk: Walk, deltas: AsyncGenerator[Delta, None], *, finish: Finish, rates: Rates, wall: Wall
    ) -> None:
        assert walk.prompt is not None, "an answer needs a prompt"
        self.walk = walk
        self.label: Stated | None = None
        """What says that it was generated; known with the first piece."""
        self._wall = wall
        self._texts: dict[int, list[str]] = {}
        self._engine = deltas
        self._finish = finish
        self._rates = rates
        self._committed: Awaitable[object] | None = None
        self._meter = Meter(
            prompt_bytes=walk.request.input_tokens_max,
            prompt_tokens_max=walk.usage_max.input,
            tokens_max=walk.usage_max.output,
            stream=walk.request.stream,
        )
        self._deltas = self._deliver()
        self._reason: Reason = _hung_up

    def __aiter__(self) -> AsyncIterator[Delta]:
        return self._deltas

    @property
    def model(self) -> str:
        """The catalogue's name of the model that answers."""
        return self.walk.request.model

    @property
    def grounded(self) -> Grounded | None:
        """What was found in documents, where it was to be answered from them; known before the first piece."""
        return self.walk.grounded

    @property
    def rates(self) -> tuple[Rate, ...]:
        """What the caller's limits have left now."""
        return self._rates(self.walk)

    @property
    def receipt(self) -> Receipt | None:
        """What it cost; known once the answer has ended."""
        return self.walk.receipt

    def ended_by(self, reason: Reason) -> None:
        """Ask `reason` when the answer is ended from outside, so that the records don't say that somebody hung up."""
        self._reason = reason

    async def settled(self) -> Receipt:
        """Wait until the receipt is durable, and return it.

        Raises:
            JournalUnavailable: it could not be written.
        """
        assert self._committed is not None, "an answer is settled after its last delta, or after aclose"
        await self._committed
        assert self.walk.receipt is not None
        return self.walk.receipt

    async def aclose(self) -> None:
        """Hang up: settle for what was delivered. Does nothing to an answer that has ended."""
        await self._deltas.aclose()
        if self._committed is None:
            self._end(None)
            await self._engine.aclose()

    async def _deliver(self) -> AsyncGenerator[Delta, None]:
        meter, begun, registers = self._meter, False, False
        failure: CourtyardError | None = None
        try:
            async for delta in self._engine:
                taken = meter.take(delta)
                if not begun:
                    begun, self.label = True, self._wall.label(self.walk)
                    registers = self._wall.registers(self.walk)
                yield taken
                meter.delivered(taken)
                if registers and taken.text:
                    self._texts.setdefault(taken.choice, []).append(taken.text)
                if meter.cut:
                    break
            meter.end()
        except CourtyardError as error:
            failure = error
            raise
        finally:
            self._end(failure)  # Before anything that awaits: a cancelled task settles too.
            await self._engine.aclose()

    def _end(self, failure: CourtyardError | None) -> None:
        self._committed = self._finish(self.walk, self._meter.ending(failure or self._reason()))
        if self._texts:
            self._wall.register(self.walk, ["".join(pieces) for pieces in self._texts.values()])


def _hung_up() -> None:
    return None
