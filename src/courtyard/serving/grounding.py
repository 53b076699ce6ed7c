"""Answers from documents: checked as they stream, or written without a model."""

from collections.abc import AsyncGenerator

from msgspec.structs import replace

from courtyard.core.chat import Delta, Finish
from courtyard.core.usage import Usage
from courtyard.knowledge import Citing, Grounded


class _Choice:
    """One of the answers, and what was thought before it: streams of text that are checked apart."""

    def __init__(self, count: int) -> None:
        self._text = Citing(count)
        self._reasoning = Citing(count)
        self._over = False

    def take(self, delta: Delta) -> Delta:
        """Check a piece; with its finish comes all that was held back."""
        text, reasoning = self._text.feed(delta.text), self._reasoning.feed(delta.reasoning)
        if delta.finish is not None:
            self._over = True
            text += self._text.end()
            reasoning += self._reasoning.end()
        if (text, reasoning) == (delta.text, delta.reasoning):
            return delta
        return replace(delta, text=text, reasoning=reasoning)

    def rest(self) -> str:
        """Return what is held back where an answer ended without saying so."""
        return "" if self._over else self._text.end()


async def cited(deltas: AsyncGenerator[Delta, None], count: int) -> AsyncGenerator[Delta, None]:
    """Yield an answer whose text cites only the `count` sources that there are, however it was cut into pieces."""
    choices: dict[int, _Choice] = {}
    try:
        async for delta in deltas:
            yield choices.setdefault(delta.choice, _Choice(count)).take(delta)
        for number, choice in choices.items():
            if text := choice.rest():
                yield Delta(choice=number, text=text)
    finally:
        await deltas.aclose()


async def written(grounded: Grounded, choices: int) -> AsyncGenerator[Delta, None]:
    """Yield the answer that no model gives: of every choice the same, and nothing that anybody pays for."""
    for piece in grounded.pieces:
        for choice in range(choices):
            yield Delta(choice=choice, text=piece)
    for choice in range(choices):
        last = choice == choices - 1
        yield Delta(choice=choice, finish=Finish.STOP, usage=Usage() if last else None)
