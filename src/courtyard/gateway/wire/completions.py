"""OpenAI's text completions."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Delta, Kind, Request
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.gateway.model import Bill, Head, Told
from courtyard.gateway.wire.asked import Incoming
from courtyard.gateway.wire.chat import SAMPLING, STREAM_OPTIONS, take_choices, take_stream
from courtyard.gateway.wire.fields import COUNT, FLAG, NAME, Fields, decode
from courtyard.gateway.wire.usage import OpenAIUsage, openai_usage
from courtyard.gateway.wire.whole import Whole
from courtyard.http import DONE, data, openai_error

_TOKENS = Annotated[list[int], Meta(min_length=1)]
_PROMPT = Decoder(str | Annotated[list[str | int | _TOKENS], Meta(min_length=1)])

FIELDS: dict[str, Decoder[Any]] = SAMPLING | {
    "model": NAME,
    "prompt": _PROMPT,
    "stream": FLAG,
    "stream_options": STREAM_OPTIONS,
    "n": COUNT,
    "best_of": COUNT,
    "max_tokens": COUNT,
    "logprobs": Decoder(Annotated[int, Meta(ge=0, le=20)] | None),
    "echo": Decoder(bool | None),
    "suffix": Decoder(str | None),
}


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A completion understood, and whether its stream ends with usage."""

    request: Request
    include_usage: bool = False
    ignored: tuple[str, ...] = ()

    def whole(self, head: Head, whole: Whole, bill: Bill) -> bytes:
        """Write the answer in one piece."""
        choices = [
            TextChoice(index, choice.text, choice.logprobs, choice.finish or bill.finish)
            for index, choice in enumerate(whole.choices)
        ]
        return encode(
            TextCompletion(
                id=head.name("cmpl-"),
                created=head.created_s,
                model=head.model,
                choices=choices,
                usage=openai_usage(bill.usage),
                courtyard=bill.told,
            )
        )

    def writer(self, head: Head) -> "CompletionWriter":
        return CompletionWriter(head, choices=self.request.choices, include_usage=self.include_usage)


def read_completion(incoming: Incoming) -> Completion:
    """Read a completion request. Several prompts are answered by as many choices each, in their order."""
    fields = incoming.fields
    prompt, prompts = _take_prompt(fields, incoming.limits.inputs_max)
    model = incoming.model
    stream, include_usage = take_stream(fields)
    choices = take_choices(fields, incoming.limits.choices_max)
    if prompts * choices > incoming.limits.inputs_max:
        raise InvalidRequest(
            f"{prompts} prompts of {choices} choices are more answers than this server takes", param="prompt"
        )
    if fields.given("knowledge"):
        raise InvalidRequest("knowledge is for chats, responses and messages; ask one of those", param="knowledge")
    tokens_max = fields.take("max_tokens", COUNT)
    if (fields.take("best_of", COUNT) or choices) > choices:
        raise InvalidRequest("best_of is not served; ask for n choices and pick one", param="best_of")
    fields.check(FIELDS)
    return Completion(
        request=Request(
            id=incoming.id,
            kind=Kind.COMPLETION,
            model=model,
            content=prompt,
            stream=stream,
            tokens_max=tokens_max,
            choices=prompts * choices,
            options=fields.rest,
            idempotency_key=incoming.idempotency_key,
            digest=incoming.digest,
            purpose=incoming.purpose,
            subject=incoming.subject,
        ),
        include_usage=include_usage,
    )


def _take_prompt(fields: Fields, prompts_max: int) -> tuple[Raw, int]:
    """Take the prompt out, and count the prompts in it. A list of token numbers is one prompt."""
    prompt = fields.need_raw("prompt")
    match decode(prompt, _PROMPT, param="prompt"):
        case str():
            return prompt, 1
        case [int(), *_] as tokens if all(isinstance(token, int) for token in tokens):
            return prompt, 1
        case [str() as one]:
            return Raw(encode(one)), 1
        case [first, *_] as prompts if not isinstance(first, int) and all(type(one) is type(first) for one in prompts):
            if len(prompts) > prompts_max:
                raise InvalidRequest(
                    f"prompt has {len(prompts)} entries; this server takes {prompts_max}", param="prompt"
                )
            return prompt, len(prompts)
    raise InvalidRequest("prompt is a string, a list of strings, or tokens; not a mixture", param="prompt")


class TextChoice(msgspec.Struct):
    index: int
    text: str
    logprobs: Raw | None
    finish_reason: str


class TextCompletion(msgspec.Struct, kw_only=True):
    id: str
    object: str = "text_completion"
    created: int
    model: str
    choices: list[TextChoice]
    usage: OpenAIUsage
    courtyard: Told


class CompletionWriter:
    """Writes completion chunks around what they share."""

    __slots__ = ("_choices", "_common", "_finished", "_heads", "_id", "_include_usage", "_tail", "_text_tail")

    def __init__(self, head: Head, *, choices: int, include_usage: bool) -> None:
        self._id = head.id
        self._choices = choices
        self._include_usage = include_usage
        self._common = b'data: {"id":%b,"object":"text_completion","created":%d,"model":%b,"choices":[' % (
            encode(head.name("cmpl-")),
            head.created_s,
            encode(head.model),
        )
        self._tail = b"]%b}\n\n" % (b',"usage":null' if include_usage else b"")
        self._text_tail = b',"logprobs":null,"finish_reason":null}' + self._tail
        self._heads = [b'%b{"index":%d,"text":' % (self._common, index) for index in range(choices)]
        self._finished: set[int] = set()

    def begin(self) -> bytes:
        """Nothing comes before the first piece."""
        return b""

    def piece(self, delta: Delta) -> bytes:
        """Write a chunk, or nothing where a delta has nothing to show."""
        if delta.choice >= len(self._heads):
            return b""
        head = self._heads[delta.choice]
        if delta.finish is None and delta.logprobs is None:
            return b"".join((head, encode(delta.text), self._text_tail)) if delta.text else b""
        if delta.finish is not None:
            self._finished.add(delta.choice)
        return b'%b%b,"logprobs":%b,"finish_reason":%b}%b' % (
            head,
            encode(delta.text),
            b"null" if delta.logprobs is None else bytes(delta.logprobs),
            b"null" if delta.finish is None else encode(delta.finish),
            self._tail,
        )

    def end(self, bill: Bill) -> bytes:
        """Write what is left: ends of choices that had none, usage where it was asked for, and the mark of the end."""
        frames = [
            self.piece(Delta(choice=index, finish=bill.finish))
            for index in range(self._choices)
            if index not in self._finished
        ]
        if self._include_usage:
            usage = encode(openai_usage(bill.usage))
            frames.append(b'%b],"usage":%b,"courtyard":%b}\n\n' % (self._common, usage, encode(bill.told)))
        return b"".join((*frames, DONE))

    def failed(self, error: CourtyardError) -> bytes:
        """Write an error; without `[DONE]`, because the answer is not whole."""
        return data(openai_error(error, self._id))
