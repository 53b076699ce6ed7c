"""A request on its way in and an answer on its way out, whichever door it came by."""

from enum import StrEnum

import msgspec
from msgspec import Raw

from courtyard.core.ids import ModelName, RequestId
from courtyard.core.usage import Usage


class Kind(StrEnum):
    """What is asked of a model."""

    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"


class Finish(StrEnum):
    """Why an answer ended, in OpenAI's words."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


class _Part(msgspec.Struct):
    type: str = ""


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None


_read_messages = msgspec.json.Decoder(list[_Message]).decode


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks, in the OpenAI shape that doors translate to and engines understand.

    `content` is JSON as it came: `messages` of a chat, `prompt` of a completion, `input` of an embedding. `options`
    holds every other field (temperature, stop, tools, response_format, unknown ones) and passes through to engines.
    `model`, `messages`, `prompt`, `input`, `stream`, `stream_options`, `n`, `max_tokens` and `max_completion_tokens`
    never stand in `options`.
    """

    id: RequestId
    kind: Kind
    model: ModelName
    content: Raw
    stream: bool = False
    tokens_max: int | None = None
    choices: int = 1
    options: dict[str, Raw] = {}
    idempotency_key: str | None = None
    purpose: str = ""
    """What it is for, in the operator's words: said by the caller, else by the key."""
    subject: str = ""
    """The end user, as the caller names them. Kept nowhere but as a keyed digest."""
    digest: bytes = b""
    """SHA-256 of the body as it came: tells a repeat of a request from another one under the same key."""
    knowledge: tuple[str, ...] = ()
    """Names of the collections whose passages it is to be answered from."""

    @property
    def input_tokens_max(self) -> int:
        """An upper bound on prompt tokens with no tokenizer at hand.

        A byte-level tokenizer makes at most one token a byte, and JSON only ever lengthens the text it carries;
        tools and schemas stand in the prompt too.
        """
        values = sum(memoryview(value).nbytes for value in self.options.values())
        return memoryview(self.content).nbytes + values + _TEMPLATE_TOKENS

    @property
    def is_text(self) -> bool:
        """Whether the bytes bound the prompt: not where a picture is named by its address, or a template is given."""
        if not self.options.keys().isdisjoint(_LENGTHENING):
            return False
        content = bytes(self.content)
        # Parts stand in a list within the list of messages: where there is one bracket, nothing need be read.
        if self.kind is not Kind.CHAT or content.count(b"[") == 1:
            return True
        try:
            messages = _read_messages(content)
        except msgspec.DecodeError:
            return False
        parts = (part for message in messages if isinstance(message.content, list) for part in message.content)
        return all(part.type in _TEXTS for part in parts)

    @property
    def is_tokens(self) -> bool:
        """Whether the prompt is numbers of a tokenizer that nobody here may have."""
        if self.kind is Kind.CHAT:
            return False
        content = bytes(self.content).translate(None, b" \t\r\n[")
        return content[:1] != b'"'


_TEXTS = ("text", "refusal")
_LENGTHENING = frozenset(("chat_template", "chat_template_kwargs", "documents", "mm_processor_kwargs"))
"""Options by which some engines make more of a prompt than was sent."""

_TEMPLATE_TOKENS = 64
"""Room for what a chat template adds around the messages."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine is given. Only `knowledge` makes one, from an `Admission`."""

    request: Request
    content: Raw
    tokens_max: int | None
    """The most tokens a choice may have: never more than the hold covers. `None` for embeddings."""
    masked: str = ""
    """How personal data in it was masked, `reversible` or `irreversible`; nothing where it is as it came."""
    sources: tuple[str, ...] = ()
    """The passages that it quotes, in the order of their numbers, each `collection/document/number`."""


class Delta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of an answer. An engine that does not stream yields one."""

    choice: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: Raw | None = None
    """A JSON list in OpenAI's shape, whole calls or fragments with their `index`."""
    logprobs: Raw | None = None
    finish: Finish | None = None
    tokens: int = 0
    """Generated tokens in this piece, as exactly as the engine can tell."""
    prompt: Usage | None = None
    """What the prompt used, where an engine tells it before its answer is over; the output in it counts nothing."""
    usage: Usage | None = None
    """The whole request's usage, exact, on the last piece of an engine that reports it."""


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """Vectors for the inputs, in their order: `data` is the JSON list in OpenAI's shape."""

    data: Raw
    usage: Usage
