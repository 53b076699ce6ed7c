"""OpenAI's chat completions."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Delta, Finish, Kind, Request
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.gateway.model import Bill, Head, Source, Told
from courtyard.gateway.wire.asked import Incoming
from courtyard.gateway.wire.fields import COUNT, FLAG, NAME, Fields, decode
from courtyard.gateway.wire.sources import KNOWLEDGE, take_knowledge, url_citations
from courtyard.gateway.wire.tools import Call, parts_of
from courtyard.gateway.wire.usage import OpenAIUsage, openai_usage
from courtyard.gateway.wire.whole import Choice, Whole
from courtyard.http import DONE, data, openai_error

# --- In ---------------------------------------------------------------------------------------------------------------


class ContentPart(msgspec.Struct):
    type: str


class ChatMessage(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[ContentPart] | None = None


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_MESSAGES = Decoder(Annotated[list[ChatMessage], Meta(min_length=1)])
STREAM_OPTIONS = Decoder(StreamOptions | None)

SAMPLING: dict[str, Decoder[Any]] = {
    "temperature": Decoder(Annotated[float, Meta(ge=0, le=2)] | None),
    "top_p": Decoder(Annotated[float, Meta(ge=0, le=1)] | None),
    "presence_penalty": Decoder(Annotated[float, Meta(ge=-2, le=2)] | None),
    "frequency_penalty": Decoder(Annotated[float, Meta(ge=-2, le=2)] | None),
    "seed": Decoder(int | None),
    "stop": Decoder(str | list[str] | None),
    "user": Decoder(str | None),
    "safety_identifier": Decoder(str | None),
    "logit_bias": Decoder(dict[str, float] | None),
}
"""Options that pass through, with the types that every engine agrees on."""

FIELDS: dict[str, Decoder[Any]] = SAMPLING | {
    "model": NAME,
    "messages": _MESSAGES,
    "stream": FLAG,
    "stream_options": STREAM_OPTIONS,
    "n": COUNT,
    "max_tokens": COUNT,
    "max_completion_tokens": COUNT,
    "logprobs": Decoder(bool | None),
    "top_logprobs": Decoder(Annotated[int, Meta(ge=0, le=20)] | None),
    "response_format": Decoder(ContentPart | None),
    "tools": Decoder(list[ContentPart] | None),
    "tool_choice": Decoder(str | ContentPart | None),
    "parallel_tool_calls": FLAG,
    "reasoning_effort": Decoder(str | None),
    "knowledge": KNOWLEDGE,
}


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat understood, and whether its stream ends with usage."""

    request: Request
    include_usage: bool = False
    ignored: tuple[str, ...] = ()

    def whole(self, head: Head, whole: Whole, bill: Bill) -> bytes:
        """Write the answer in one piece."""
        choices = [_choice(index, choice, bill, head.sources) for index, choice in enumerate(whole.choices)]
        return encode(
            ChatCompletion(
                id=head.name("chatcmpl-"),
                created=head.created_s,
                model=head.model,
                choices=choices,
                usage=openai_usage(bill.usage),
                courtyard=bill.told,
            )
        )

    def writer(self, head: Head) -> "ChatWriter":
        choices = self.request.choices
        if self.request.knowledge:
            return GroundedChatWriter(head, choices=choices, include_usage=self.include_usage)
        return ChatWriter(head, choices=choices, include_usage=self.include_usage)


def read_chat(incoming: Incoming) -> Chat:
    """Read a chat request."""
    fields = incoming.fields
    messages = fields.need_raw("messages")
    check_messages(messages, messages_max=incoming.limits.messages_max)
    model = incoming.model
    stream, include_usage = take_stream(fields)
    choices = take_choices(fields, incoming.limits.choices_max)
    tokens_max, completion_tokens_max = fields.take("max_tokens", COUNT), fields.take("max_completion_tokens", COUNT)
    knowledge = take_knowledge(fields)
    fields.check(FIELDS)
    return Chat(
        request=Request(
            id=incoming.id,
            kind=Kind.CHAT,
            model=model,
            content=messages,
            stream=stream,
            tokens_max=completion_tokens_max or tokens_max,
            choices=choices,
            options=fields.rest,
            idempotency_key=incoming.idempotency_key,
            digest=incoming.digest,
            purpose=incoming.purpose,
            subject=incoming.subject,
            knowledge=knowledge,
        ),
        include_usage=include_usage,
    )


def check_messages(messages: Raw, *, messages_max: int) -> None:
    """Refuse messages that are none, too many, or of another shape."""
    read = decode(messages, _MESSAGES, param="messages")
    if len(read) > messages_max:
        raise InvalidRequest(f"messages has {len(read)} entries; this server takes {messages_max}", param="messages")


def take_stream(fields: Fields) -> tuple[bool, bool]:
    """Take out whether to stream, and whether usage is to come with the stream."""
    stream = fields.take("stream", FLAG) or False
    options = fields.take("stream_options", STREAM_OPTIONS)
    return stream, stream and options is not None and bool(options.include_usage)


def take_choices(fields: Fields, choices_max: int) -> int:
    """Take `n` out."""
    choices = fields.take("n", COUNT) or 1
    if choices > choices_max:
        raise InvalidRequest(f"n is at most {choices_max} on this server", param="n")
    return choices


# --- Out, whole -------------------------------------------------------------------------------------------------------


class AssistantMessage(msgspec.Struct, kw_only=True):
    content: str | None
    role: str = "assistant"
    refusal: None = None
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[Call] | msgspec.UnsetType = msgspec.UNSET
    annotations: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


class ChatChoice(msgspec.Struct):
    index: int
    message: AssistantMessage
    logprobs: Raw | None
    finish_reason: str


class ChatCompletion(msgspec.Struct, kw_only=True):
    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: OpenAIUsage
    courtyard: Told


def _choice(index: int, choice: Choice, bill: Bill, sources: tuple[Source, ...]) -> ChatChoice:
    text, reasoning, calls = choice.text, choice.reasoning, choice.calls
    answer = AssistantMessage(
        content=None if calls and not text else text,
        reasoning_content=reasoning or msgspec.UNSET,
        tool_calls=list(calls) if calls else msgspec.UNSET,
        annotations=url_citations(text, sources) if sources else msgspec.UNSET,
    )
    return ChatChoice(index, answer, choice.logprobs, choice.finish or bill.finish)


# --- Out, in pieces ---------------------------------------------------------------------------------------------------


class ChatWriter:
    """Writes chunks around what they share: a piece of text costs one JSON string and one join."""

    __slots__ = ("_common", "_finished", "_heads", "_id", "_include_usage", "_tail", "_text_tail")

    def __init__(self, head: Head, *, choices: int, include_usage: bool) -> None:
        self._id = head.id
        self._include_usage = include_usage
        self._common = b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":[' % (
            encode(head.name("chatcmpl-")),
            head.created_s,
            encode(head.model),
        )
        usage = b',"usage":null' if include_usage else b""
        self._tail = b"]%b}\n\n" % usage
        self._text_tail = b'},"logprobs":null,"finish_reason":null}' + self._tail
        self._heads = [self._head(index, b'"role":"assistant",') for index in range(choices)]
        self._finished: set[int] = set()

    def begin(self) -> bytes:
        """Nothing comes before the first piece."""
        return b""

    def piece(self, delta: Delta) -> bytes:
        """Write a chunk, or nothing where a delta has nothing to show."""
        index = delta.choice
        if index >= len(self._heads):
            return b""
        head = self._heads[index]
        text = delta.text
        if text and not (delta.finish or delta.reasoning or delta.tool_calls or delta.logprobs):
            self._begun(index)
            return b"".join((head, b'"content":', encode(text), self._text_tail))
        return self._other(head, delta)

    def end(self, bill: Bill) -> bytes:
        """Write what is left: ends of choices that had none, usage where it was asked for, and the mark of the end."""
        frames = [
            self._other(head, Delta(choice=index, finish=bill.finish))
            for index, head in enumerate(self._heads)
            if index not in self._finished
        ]
        if self._include_usage:
            usage = encode(openai_usage(bill.usage))
            frames.append(b'%b],"usage":%b,"courtyard":%b}\n\n' % (self._common, usage, encode(bill.told)))
        return b"".join((*frames, DONE))

    def failed(self, error: CourtyardError) -> bytes:
        """Write an error; without `[DONE]`, because the answer is not whole."""
        return data(openai_error(error, self._id))

    def _head(self, index: int, role: bytes) -> bytes:
        return b'%b{"index":%d,"delta":{%b' % (self._common, index, role)

    def _begun(self, index: int) -> None:
        if not self._heads[index].endswith(b"{"):
            self._heads[index] = self._head(index, b"")

    def _other(self, head: bytes, delta: Delta) -> bytes:
        parts: list[bytes] = []
        if delta.reasoning:
            parts.append(b'"reasoning_content":' + encode(delta.reasoning))
        if delta.text:
            parts.append(b'"content":' + encode(delta.text))
        if delta.tool_calls is not None:
            parts.append(b'"tool_calls":' + _with_indexes(delta.tool_calls))
        if not parts and delta.finish is None and delta.logprobs is None:
            return b""
        if delta.finish is not None:
            self._finished.add(delta.choice)
        self._begun(delta.choice)
        return b'%b},"logprobs":%b,"finish_reason":%b}%b' % (
            (head + b",".join(parts)).rstrip(b","),  # The first head ends with its role and a comma.
            b"null" if delta.logprobs is None else bytes(delta.logprobs),
            b"null" if delta.finish is None else encode(delta.finish),
            self._tail,
        )


class GroundedChatWriter(ChatWriter):
    """Keeps the end of each choice back until the receipt is there: what it cites comes with its last chunk.

    Where usage was asked for, the chunk of the usage is the last one and holds the sources, else the last choice's.
    """

    __slots__ = ("_ends", "_sources", "_texts")

    def __init__(self, head: Head, *, choices: int, include_usage: bool) -> None:
        super().__init__(head, choices=choices, include_usage=include_usage)
        self._sources = head.sources
        self._texts: list[list[str]] = [[] for _ in range(choices)]
        self._ends: list[Finish | None] = [None] * choices

    def piece(self, delta: Delta) -> bytes:
        """Write a chunk, without the end of its choice."""
        if delta.choice >= len(self._texts):
            return b""
        self._texts[delta.choice].append(delta.text)
        self._ends[delta.choice] = delta.finish or self._ends[delta.choice]
        return super().piece(delta if delta.finish is None else msgspec.structs.replace(delta, finish=None))

    def end(self, bill: Bill) -> bytes:
        """Write the end of each choice with its citations, then what ends every stream."""
        told = b"" if self._include_usage else b',"courtyard":' + encode(bill.told)
        frames = []
        for index, head in enumerate(self._heads):
            annotations = url_citations("".join(self._texts[index]), self._sources)
            finish, is_last = self._ends[index] or bill.finish, index == len(self._heads) - 1
            self._finished.add(index)
            frames.append(
                b'%b"annotations":%b},"logprobs":null,"finish_reason":%b}%b%b}\n\n'
                % (head, encode(annotations), encode(finish), self._tail[:-3], told if is_last else b"")
            )
        return b"".join(frames) + super().end(bill)


def _with_indexes(tool_calls: Raw) -> bytes:
    """Number calls that came whole: clients put a stream's fragments together by `index`."""
    parts = parts_of(tool_calls)
    if all(part.index is not None for part in parts):
        return bytes(tool_calls)
    return encode([msgspec.structs.replace(part, index=index) for index, part in enumerate(parts)])
