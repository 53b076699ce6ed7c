"""The chunks of one answer, read into deltas and counted."""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from courtyard.core.chat import Delta, Finish
from courtyard.core.errors import EngineFailed
from courtyard.core.usage import Usage
from courtyard.engines.totals import Totals


class Timings(msgspec.Struct, gc=False):
    """What llama.cpp counts beside the text."""

    predicted_n: int | None = None
    prompt_n: int | None = None
    """Prompt tokens that were read, without those that the cache had."""
    cache_n: int | None = None


class Piece(msgspec.Struct, gc=False):
    """A choice's delta or, in an answer that came whole, its message."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: Raw = Raw()


class Choice(msgspec.Struct, gc=False):
    """A choice of a chat or of a completion."""

    index: int = 0
    delta: Piece | None = None
    message: Piece | None = None
    text: str | None = None
    logprobs: Raw = Raw()
    finish_reason: str | None = None


class Chunk(msgspec.Struct, gc=False):
    """A chunk of a stream, or an answer that came whole."""

    choices: list[Choice] | None = None
    usage: Totals | None = None
    timings: Timings | None = None
    error: Raw = Raw()


class Logprobs(msgspec.Struct):
    """Log probabilities of a chat (`content`) or of a completion (`tokens`): one entry a token."""

    content: list[Raw] | None = None
    tokens: list[Raw] | None = None


_FINISHES = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "content_filter": Finish.CONTENT_FILTER,
    "max_tokens": Finish.LENGTH,
    "function_call": Finish.TOOL_CALLS,
    "tool_use": Finish.TOOL_CALLS,
    "safety": Finish.CONTENT_FILTER,
}
"""OpenAI's words, and those of others; a word that nobody knows is `stop`."""

_BROKEN = frozenset(("abort", "error"))
"""What engines say of an answer that they gave up."""

_NO_BOUND = 2**63

_NULL = Raw(b"null")
_EMPTY = Piece()

_decode = Decoder(Chunk).decode
_decode_logprobs = Decoder(Logprobs).decode


class Chunks:
    """Reads chunks into deltas.

    The last delta is held back until the answer ends, because usage comes after it and belongs on it.
    """

    __slots__ = ("_choices", "_counted", "_finished", "_held", "_tokens_max", "_told_prompt", "_totals", "reported")

    def __init__(self, *, choices: int, tokens_max: int | None) -> None:
        self._choices = choices
        self._tokens_max = _NO_BOUND if tokens_max is None else tokens_max
        self._counted = 0
        self._finished: set[int] = set()
        self._held: Delta | None = None
        self._totals: Totals | None = None
        self._told_prompt = False
        self.reported: Raw | None = None
        """The error that the engine sent within its answer."""

    @property
    def whole(self) -> bool:
        """Whether every choice has ended."""
        return len(self._finished) == self._choices

    @property
    def usage(self) -> Usage | None:
        """What the engine says that the request used, so far."""
        return self._totals.usage() if self._totals is not None else None

    def read(self, payloads: Iterable[bytes]) -> Iterator[Delta]:
        """Read chunks that came together, and yield what can be delivered.

        Texts that follow each other become one delta: each delta costs a turn through the whole house and a write to
        the client, and these would leave together anyhow. Those beyond `tokens_max` stay apart, so that an answer
        that is too long can be cut between them.

        Raises:
            EngineFailed: a chunk can't be read or reports an error; what stands before it was yielded.
        """
        texts: list[str] = []
        try:
            for payload in payloads:
                chunk = _read(payload)
                text = _text(chunk)
                if text is not None and self._joins:
                    texts.append(text)
                    self._counted += 1
                    continue
                if texts:
                    yield _joined(texts)
                    texts = []
                yield from self._take(chunk)
        except EngineFailed:
            if texts:
                yield _joined(texts)
            raise
        if texts:
            yield _joined(texts)

    @property
    def _joins(self) -> bool:
        """Whether a text may be joined to the one before it."""
        return self._choices == 1 and self._held is None and self._counted < self._tokens_max

    def _take(self, chunk: Chunk) -> list[Delta]:
        """Read a chunk, whatever it has."""
        if given(chunk.error):
            self.reported = chunk.error
            raise EngineFailed("the engine failed while it answered; try again")
        if chunk.usage is not None and chunk.usage.tells_all:
            self._totals = chunk.usage
        if not chunk.choices:
            return []
        return self._with_prompt(chunk, self._choices_of(chunk))

    def _choices_of(self, chunk: Chunk) -> list[Delta]:
        assert chunk.choices is not None
        new = self._new(chunk)
        if len(chunk.choices) == 1:
            return self._deliver(chunk.choices[0], new)
        shares = _shares(new, len(chunk.choices))
        return [
            delta for choice, share in zip(chunk.choices, shares, strict=True) for delta in self._deliver(choice, share)
        ]

    def _with_prompt(self, chunk: Chunk, deltas: list[Delta]) -> list[Delta]:
        """Tell what the prompt used on the first piece of an engine that counts along."""
        if self._told_prompt or not deltas:
            return deltas
        prompt = _prompt(chunk)
        if prompt is None:
            return deltas
        self._told_prompt = True
        return [msgspec.structs.replace(deltas[0], prompt=prompt), *deltas[1:]]

    def end(self) -> list[Delta]:
        """Return the last delta, with usage where the engine told it."""
        held, usage = self._held, self.usage
        self._held = None
        if held is None:
            return [Delta(usage=usage)] if usage is not None else []
        return [held if usage is None else msgspec.structs.replace(held, usage=usage)]

    def _deliver(self, choice: Choice, new: int) -> list[Delta]:
        delta = self._delta(choice, new)
        if delta is None:
            return []
        held, self._held = self._held, None
        if delta.finish is None:
            return [delta] if held is None else [held, delta]
        self._held = delta
        return [] if held is None else [held]

    def _delta(self, choice: Choice, new: int) -> Delta | None:
        if not 0 <= choice.index < self._choices:
            raise EngineFailed("the engine answered with a choice that nobody asked for; try again")
        piece = choice.delta or choice.message or _EMPTY
        text = piece.content or choice.text or piece.refusal or ""
        reasoning = piece.reasoning_content or piece.reasoning or ""
        calls = piece.tool_calls if given(piece.tool_calls) and bytes(piece.tool_calls) != b"[]" else None
        logprobs = choice.logprobs if given(choice.logprobs) else None
        finish = self._finish(choice)
        tokens = 0
        if text or reasoning or calls is not None:
            tokens = self._count(logprobs, new)
        elif finish is None and logprobs is None:
            return None
        return Delta(
            choice=choice.index,
            text=text,
            reasoning=reasoning,
            tool_calls=calls,
            logprobs=logprobs,
            finish=finish,
            tokens=tokens,
        )

    def _finish(self, choice: Choice) -> Finish | None:
        if not choice.finish_reason:
            return None
        if choice.finish_reason in _BROKEN:
            raise EngineFailed("the engine gave up its answer; try again")
        self._finished.add(choice.index)
        return _FINISHES.get(choice.finish_reason, Finish.STOP)

    def _new(self, chunk: Chunk) -> int:
        """Say how many tokens a chunk brings, where the engine counts along; nothing where it doesn't."""
        told: int | None = None
        if chunk.usage is not None:
            told = chunk.usage.completion_tokens
        elif chunk.timings is not None and self._choices == 1:
            told = chunk.timings.predicted_n
        return max((told or 0) - self._counted, 0)

    def _count(self, logprobs: Raw | None, new: int) -> int:
        """Count a piece's tokens: by the engine's own count, by log probabilities, or as one."""
        tokens = new or _entries(logprobs) or 1
        self._counted += tokens
        return tokens


def _read(payload: bytes) -> Chunk:
    try:
        return _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EngineFailed("the engine sent a chunk that can't be read; try again") from error


def _text(chunk: Chunk) -> str | None:
    """Return a chunk's text where it is a piece of a stream that has nothing else, as nearly all are."""
    choices = chunk.choices
    if not choices or chunk.usage is not None or chunk.timings is not None or chunk.error:
        return None
    choice = choices[0]
    piece = choice.delta
    if piece is None or choice.index or choice.finish_reason or len(choices) > 1:
        return None
    if given(choice.logprobs) or piece.tool_calls or piece.reasoning_content or piece.reasoning:
        return None
    return piece.content or None


def _prompt(chunk: Chunk) -> Usage | None:
    """Read what a chunk in the middle of an answer says of the prompt."""
    if chunk.usage is not None and chunk.usage.prompt_tokens:
        return chunk.usage.prompt()
    timings = chunk.timings
    if timings is None or timings.prompt_n is None:
        return None
    return Usage(input=max(timings.prompt_n, 0), cached_input=max(timings.cache_n or 0, 0))


def _joined(texts: list[str]) -> Delta:
    return Delta(text="".join(texts), tokens=len(texts))


def given(raw: Raw) -> bool:
    """Whether a field was sent, and is not `null`."""
    return bool(raw) and raw != _NULL


def _entries(logprobs: Raw | None) -> int:
    if logprobs is None:
        return 0
    try:
        read = _decode_logprobs(logprobs)
    except msgspec.DecodeError:
        return 0
    return len(read.content or read.tokens or ())


def _shares(count: int, parts: int) -> list[int]:
    """Split a count over the choices of a chunk, which says only how many tokens they have together."""
    each, rest = divmod(count, parts)
    return [each + (number < rest) for number in range(parts)]
