"""A request as llama.cpp takes it: what passes, what is refused, and how a tool is forced."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Kind, Prompt
from courtyard.core.errors import InvalidRequest
from courtyard.engines.llama.request_options import Chosen, RequestOptions

# fmt: off
_PASSING = frozenset((
    "cache_prompt", "chat_template_kwargs", "dry_allowed_length", "dry_base", "dry_multiplier", "dry_penalty_last_n",
    "dry_sequence_breakers", "dynatemp_exponent", "dynatemp_range", "frequency_penalty", "ignore_eos",
    "logit_bias", "logprobs", "min_keep", "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "presence_penalty",
    "repeat_last_n", "repeat_penalty", "response_format", "samplers", "seed",
    "temperature", "tools", "top_k", "top_logprobs", "top_n_sigma", "top_p", "typical_p", "xtc_probability",
    "xtc_threshold",
))
# fmt: on
"""Options that llama.cpp is told. Others have no effect, or would reach past the hold or into other slots."""


class Part(msgspec.Struct):
    type: str


class CalledFunction(msgspec.Struct):
    name: str
    arguments: str = ""


class Called(msgspec.Struct):
    """A call that the model made before."""

    function: CalledFunction


class Message(msgspec.Struct):
    """A message, as far as it is looked at here."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: list[Called] | None = None


_decode_messages = Decoder(list[Message]).decode
_decode_objects = Decoder(list[dict[str, Raw]]).decode
_decode_texts = Decoder(str | list[str | int | list[int]]).decode
_decode_inputs = Decoder(str | list[str]).decode

_TOKEN_MAX = 2**31 - 1


def options_for(
    prompt: Prompt, given: RequestOptions, *, loras: tuple[str, ...], model: str, temperature: float
) -> dict[str, Raw]:
    """Return the options that llama.cpp is told.

    A tool is forced by the shape of the answer: a JSON object with its name and its arguments.
    """
    options = {name: value for name, value in prompt.request.options.items() if name in _PASSING}
    options.setdefault("temperature", Raw(encode(temperature)))
    if not given.names:
        options.pop("tools", None)
    elif given.is_forced:
        options["response_format"] = Raw(encode({"type": "json_schema", "json_schema": _call_schema(given)}))
    if stops := given.stops:
        options["stop"] = Raw(encode(stops))
    if loras or given.lora:
        options["lora"] = Raw(encode(_scales(given, loras, model)))
    options["timings_per_token"] = Raw(b"true")  # They count the tokens of each piece.
    return options


def contents_of(prompt: Prompt) -> list[Raw]:
    """Return what is to be answered: a chat, or each prompt of a completion.

    Raises:
        InvalidRequest: it holds what this engine can't read.
    """
    if prompt.request.kind is Kind.CHAT:
        return [_messages(prompt.content)]
    try:
        prompts = _decode_texts(prompt.content)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"prompt: {error}", param="prompt") from error
    if isinstance(prompts, str) or all(isinstance(one, int) for one in prompts):
        prompts = [prompts]
    for one in prompts:
        tokens = [one] if isinstance(one, int) else one
        if isinstance(tokens, list) and not all(
            isinstance(token, int) and 0 <= token <= _TOKEN_MAX for token in tokens
        ):
            raise InvalidRequest("prompt: a token is a number of the vocabulary", param="prompt")
    return [Raw(encode(one)) for one in prompts]


def texts_of(prompt: Prompt) -> list[str]:
    """Return the inputs of an embeddings request.

    Raises:
        InvalidRequest: they are no texts.
    """
    try:
        texts = _decode_inputs(prompt.content)
    except msgspec.DecodeError as error:
        raise InvalidRequest("input is a text or a list of texts; this model takes no tokens", param="input") from error
    return [texts] if isinstance(texts, str) else texts


def _messages(content: Raw) -> Raw:
    """Check that messages are text, and call developers what templates know them as."""
    try:
        messages = _decode_messages(content)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"messages: {error}", param="messages") from error
    for message in messages:
        if isinstance(message.content, list):
            for part in message.content:
                if part.type not in ("text", "refusal"):
                    raise InvalidRequest(
                        f"this model reads text; a content part of type {part.type[:40]!r} is none", param="messages"
                    )
    if all(message.role != "developer" for message in messages):
        return content
    return Raw(encode([_from_developer(message) for message in _decode_objects(content)]))


def _from_developer(message: Mapping[str, Raw]) -> dict[str, Raw]:
    is_developer = msgspec.json.decode(message["role"]) == "developer"
    return {**message, "role": Raw(b'"system"')} if is_developer else dict(message)


def _call_schema(given: RequestOptions) -> dict[str, Any]:
    """Describe a call of one of the tools that may be called."""
    assert given.tools is not None
    wanted = given.tool_choice.function.name if isinstance(given.tool_choice, Chosen) else None
    functions = [tool.function for tool in given.tools if wanted in (None, tool.function.name)]
    definitions = {
        str(number): _moved(function.parameters or {"type": "object"}, to=f"#/$defs/{number}")
        for number, function in enumerate(functions)
    }
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": function.name}, "arguments": {"$ref": f"#/$defs/{number}"}},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for number, function in enumerate(functions)
    ]
    schema = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {"name": "call", "schema": {**schema, "$defs": definitions}}


def _moved(schema: Any, *, to: str) -> Any:
    """Let references within a schema follow it to where it now stands."""
    if isinstance(schema, list):
        return [_moved(one, to=to) for one in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {name: _moved(value, to=to) for name, value in schema.items()}
    reference = moved.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = to + reference[1:]
    return moved


def _scales(given: RequestOptions, loras: tuple[str, ...], model: str) -> list[dict[str, Any]]:
    """Say how much each adapter counts; llama.cpp takes no notice of one that it doesn't know."""
    asked = model if given.lora is None and model in loras else given.lora
    if asked is None:
        return []
    if isinstance(asked, str):
        if asked not in loras:
            known = ", ".join(loras) or "none"
            raise InvalidRequest(f"lora: there is no {asked[:80]!r}; adapters here: {known}", param="lora")
        return [{"id": loras.index(asked), "scale": 1.0}]
    for one in asked:
        if not 0 <= one.id < len(loras):
            raise InvalidRequest(f"lora: there is no adapter {one.id}; there are {len(loras)}", param="lora")
    return [{"id": one.id, "scale": one.scale} for one in asked]
