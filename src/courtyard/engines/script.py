"""What the echo says: decided before the first word, from the prompt alone."""

import hashlib
import re
from collections.abc import Iterable
from math import sqrt
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Finish, Kind, Prompt
from courtyard.core.errors import InvalidRequest
from courtyard.engines.smallest import smallest

_CJK = "\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff"
_WORD = re.compile(rf"\s*(?:[{_CJK}]|[^\s{_CJK}]+)|\s+$")
"""A word with the space before it. A Chinese, Japanese or Korean character is a word by itself."""


class Message(msgspec.Struct):
    """A message of a chat, as far as the echo looks at it."""

    role: str = ""
    content: str | list[dict[str, Any]] | None = None


class Function(msgspec.Struct):
    name: str
    parameters: Any = None


class Tool(msgspec.Struct):
    function: Function


class RequestOptions(msgspec.Struct):
    """The options of a request that the echo heeds."""

    stop: str | list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: Any = None
    response_format: Any = None
    logprobs: bool | int | None = None
    dimensions: int | None = None


class Part(msgspec.Struct, frozen=True):
    """One token: a word, or a fragment of a tool call."""

    text: str = ""
    tool_calls: Raw | None = None
    logprobs: Raw | None = None


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """All that a choice will say, and why it ends."""

    parts: list[Part]
    finish: Finish


_MESSAGES = Decoder(list[Message])
_TEXTS = Decoder(str | list[str | int | list[int]])


def read_options(prompt: Prompt) -> RequestOptions:
    """Read the options that the echo heeds.

    Raises:
        InvalidRequest: one is of another type.
    """
    options = prompt.request.options
    heeded = {name: options[name] for name in RequestOptions.__struct_fields__ if name in options}
    try:
        return msgspec.json.decode(encode(heeded), type=RequestOptions)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"options: {error}") from error


def read_texts(prompt: Prompt) -> list[str]:
    """Return the texts that are answered: of a chat the last user message, else every prompt or input.

    A list of token numbers is one text, of its numbers.
    """
    try:
        if prompt.request.kind is Kind.CHAT:
            messages = _MESSAGES.decode(prompt.content)
            said = [message for message in messages if message.role == "user"] or messages
            return [_text(said[-1])] if said else [""]
        content = _TEXTS.decode(prompt.content)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"the content can't be read: {error}") from error
    if isinstance(content, str):
        return [content]
    if content and all(isinstance(one, int) for one in content):
        return [" ".join(map(str, content))]
    return [" ".join(map(str, one)) if isinstance(one, list) else str(one) for one in content]


def prompt_tokens(prompt: Prompt) -> int:
    """Count the words of everything that was sent; at least one."""
    if prompt.request.kind is Kind.CHAT:
        texts: Iterable[str] = (_text(message) for message in _MESSAGES.decode(prompt.content))
    else:
        texts = read_texts(prompt)
    return max(sum(len(words(text)) for text in texts), 1)


def words(text: str) -> list[str]:
    """Cut a text into words that make it up again when they are joined."""
    return _WORD.findall(text)


def write_scripts(prompt: Prompt) -> list[Script]:
    """Write what each choice will say."""
    given, texts = read_options(prompt), read_texts(prompt)
    each = max(prompt.request.choices // max(len(texts), 1), 1)
    call = _forced(given)
    if call is None:
        scripts = [_script(text, given, prompt) for text in texts for _ in range(each)]
    else:
        scripts = [_called(call, choice) for choice in range(prompt.request.choices)]
    return [_within(script, prompt.tokens_max) for script in scripts]


def vector(text: str, dimensions: int) -> list[float]:
    """Hash a text's words into a vector of length one; texts that share words are near to each other."""
    counts = [0.0] * dimensions
    for word in words(text.casefold()) or [""]:
        digest = hashlib.sha256(word.strip().encode()).digest()
        counts[int.from_bytes(digest[:4], "big") % dimensions] += 1.0 if digest[4] & 1 else -1.0
    length = sqrt(sum(count * count for count in counts))
    if length == 0.0:  # Words cancelled each other out.
        return [1.0, *counts[1:]]
    return [count / length for count in counts]


def _text(message: Message) -> str:
    if isinstance(message.content, list):
        return " ".join(text for part in message.content if isinstance(text := part.get("text"), str))
    return message.content or ""


def _script(text: str, given: RequestOptions, prompt: Prompt) -> Script:
    text = _before_stop(_formatted(text, given.response_format), given.stop)
    with_logprobs = given.logprobs is True and prompt.request.kind is Kind.CHAT
    return Script(
        parts=[Part(text=word, logprobs=_logprobs(word) if with_logprobs else None) for word in words(text)],
        finish=Finish.STOP,
    )


def _called(function: Function, choice: int) -> Script:
    """Call a function: a fragment with its name, and one with its arguments."""
    head = {"id": f"call_echo_{choice}", "type": "function", "function": {"name": function.name, "arguments": ""}}
    arguments = encode(_value(function.parameters or {"type": "object"})).decode()
    fragments = [{"index": 0, **head}, {"index": 0, "function": {"arguments": arguments}}]
    return Script(parts=[Part(tool_calls=Raw(encode([one]))) for one in fragments], finish=Finish.TOOL_CALLS)


def _within(script: Script, tokens_max: int | None) -> Script:
    if tokens_max is None or len(script.parts) <= tokens_max:
        return script
    return Script(parts=script.parts[:tokens_max], finish=Finish.LENGTH)


def _forced(given: RequestOptions) -> Function | None:
    """Return the function that `tool_choice` says must be called, if it says so."""
    functions = {tool.function.name: tool.function for tool in given.tools or ()}
    match given.tool_choice:
        case "required" if functions:
            return next(iter(functions.values()))
        case {"type": "function", "function": {"name": str(name)}}:
            if name not in functions:
                raise InvalidRequest(f"tool_choice: there is no tool {name!r}", param="tool_choice")
            return functions[name]
    return None


def _formatted(text: str, response_format: Any) -> str:
    match response_format:
        case {"type": "json_object"}:
            return encode({"echo": text}).decode()
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return encode(_value(schema)).decode()
    return text


def _value(schema: Any) -> Any:
    try:
        return smallest(schema)
    except ValueError as error:
        raise InvalidRequest(f"the schema can't be followed: {error}") from error


def _before_stop(text: str, stop: str | list[str] | None) -> str:
    stops = [stop] if isinstance(stop, str) else stop or []
    ends = [text.find(one) for one in stops if one and one in text]
    return text[: min(ends)] if ends else text


def _logprobs(word: str) -> Raw:
    """Write that the word was certain."""
    entry = {"token": word, "logprob": 0.0, "bytes": list(word.encode()), "top_logprobs": []}
    return Raw(encode({"content": [entry]}))
