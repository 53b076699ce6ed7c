"""Counts what is delivered of an answer, and cuts it where the hold ends."""

from courtyard.core.chat import Delta, Finish
from courtyard.core.errors import CourtyardError
from courtyard.core.usage import Usage
from courtyard.ledger import Outcome
from courtyard.serving.walk import Ending

_BYTES_PER_TOKEN = 4
"""What a prompt's tokens are guessed by where an answer ended before the engine said how many they were."""


class Meter:
    """Between engine and client: every delta passes `take`, and `delivered` once the client has it.

    Where the whole answer was delivered, the engine's own count is paid. Where it was not, the prompt and the delivered
    pieces are; where nothing was delivered, nothing is. Of an answer that is not streamed nothing is before its end.
    """

    def __init__(self, *, prompt_bytes: int, prompt_tokens_max: int, tokens_max: int, stream: bool = True) -> None:
        self._prompt = Usage(input=min(-(-prompt_bytes // _BYTES_PER_TOKEN), prompt_tokens_max))
        self._stream = stream
        self._tokens_max = tokens_max
        self._reported: Usage | None = None
        self._tokens = 0
        self._ended = False
        self.cut = False

    def take(self, delta: Delta) -> Delta:
        """Look at a delta before it is sent; one that would pass the hold is left out, and the answer ends there."""
        if delta.prompt is not None:
            self._prompt = delta.prompt
        if delta.usage is not None:
            self._reported = self._prompt = delta.usage
        if self._tokens + delta.tokens > self._tokens_max:
            self.cut = True
            return Delta(choice=delta.choice, finish=Finish.LENGTH)
        return delta

    def delivered(self, delta: Delta) -> None:
        """Count a delta whose sending is done."""
        self._tokens += delta.tokens

    def end(self) -> None:
        """Note that the engine said all it had to say, and that every piece was delivered."""
        self._ended = True

    def ending(self, error: CourtyardError | None) -> Ending:
        """Say what is to be paid for, and how it ended."""
        if self._ended and self._reported is not None and not self.cut:
            return Ending(self._reported, Outcome.COMPLETE)
        return Ending(self._counted(), self._outcome(error), estimated=True, error=error)

    def _counted(self) -> Usage:
        if not self._ended and (self._tokens == 0 or not self._stream):
            return Usage()
        prompt = self._prompt
        return Usage(
            input=prompt.input, cached_input=prompt.cached_input, cache_write=prompt.cache_write, output=self._tokens
        )

    def _outcome(self, error: CourtyardError | None) -> Outcome:
        if error is not None:
            return Outcome.FAILED
        if self.cut:
            return Outcome.CUT
        return Outcome.COMPLETE if self._ended else Outcome.HANGUP
