"""A request as llama.cpp takes it: what passes, what is refused, and how a tool is forced."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Kind, Prompt
from courtyard.core.errors import InvalidRequest

# fmt: off
_PASSING = frozenset((
    "cache_prompt", "chat_template_kwargs", "dry_allowed_length", "dry_base", "dry_multiplier", "dry_penalty_last_n",
    "dry_sequence_breakers", "dynatemp_exponent", "dynatemp_range", "frequency_penalty", "grammar", "ignore_eos",
    "logit_bias", "logprobs", "min_keep", "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "presence_penalty",
    "reasoning_format", "repeat_last_n", "repeat_penalty", "response_format", "samplers", "seed", "stop",
    "temperature", "tools", "top_k", "top_logprobs", "top_n_sigma", "top_p", "typical_p", "xtc_probability",
    "xtc_threshold",
))
# fmt: on
"""Options that llama.cpp is told. Others have no effect, or would reach past the hold or into other slots."""


class Function(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class Tool(msgspec.Struct):
    type: Literal["function"]
    function: Function


class Chosen(msgspec.Struct):
    """A tool that must be called, by name."""

    function: Function


class SchemaFormat(msgspec.Struct):
    schema: dict[str, Any] | bool


class Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFormat | None = None


class LoraScale(msgspec.Struct, forbid_unknown_fields=True):
    """An adapter by number, in llama.cpp's words."""

    id: int
    scale: float = 1.0


class Part(msgspec.Struct):
    type: str


class Message(msgspec.Struct):
    """A message, as far as it is looked at here."""

    role: str
    content: str | list[Part] | None = None


class Wishes(msgspec.Struct):
    """The options that are looked into here."""

    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | Chosen | None = None
    parallel_tool_calls: bool | None = None
    response_format: Format | None = None
    lora: str | list[LoraScale] | None = None
    seed: int | None = None

    @property
    def names(self) -> frozenset[str]:
        """Tools that may be called."""
        if self.tool_choice == "none":
            return frozenset()
        return frozenset(tool.function.name for tool in self.tools or ())

    @property
    def is_forced(self) -> bool:
        """Whether the answer must be a call."""
        return self.tool_choice == "required" or isinstance(self.tool_choice, Chosen)


_decode_messages = Decoder(list[Message]).decode
_decode_objects = Decoder(list[dict[str, Raw]]).decode
_decode_texts = Decoder(str | list[str | int | list[int]]).decode

_TOKEN_MAX = 2**31 - 1


def read_wishes(prompt: Prompt) -> Wishes:
    """Read the options that are looked into.

    Raises:
        InvalidRequest: one is of another type, or asks for a tool that is not there.
    """
    options = prompt.request.options
    looked_into = {name: options[name] for name in Wishes.__struct_fields__ if name in options}
    try:
        wishes = msgspec.json.decode(encode(looked_into), type=Wishes)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"options: {error}") from error
    if wishes.is_forced and not wishes.tools:
        raise InvalidRequest("tool_choice asks for a call, and there are no tools", param="tool_choice")
    if isinstance(wishes.tool_choice, Chosen) and wishes.tool_choice.function.name not in wishes.names:
        raise InvalidRequest(f"tool_choice: there is no tool {wishes.tool_choice.function.name!r}", param="tool_choice")
    shape = wishes.response_format
    if shape is not None and shape.type == "json_schema" and shape.json_schema is None:
        raise InvalidRequest("response_format: json_schema is missing", param="response_format")
    return wishes


def options_for(prompt: Prompt, wishes: Wishes, *, loras: tuple[str, ...], model: str) -> dict[str, Raw]:
    """Return the options that llama.cpp is told.

    A tool is forced by the shape of the answer: a JSON object with its name and its arguments.
    """
    options = {name: value for name, value in prompt.request.options.items() if name in _PASSING}
    if not wishes.names:
        options.pop("tools", None)
    elif wishes.is_forced:
        options["response_format"] = Raw(encode({"type": "json_schema", "json_schema": _call_schema(wishes)}))
        options.pop("grammar", None)
    if loras:
        options["lora"] = Raw(encode(_scales(wishes, loras, model)))
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


def _call_schema(wishes: Wishes) -> dict[str, Any]:
    """Describe a call of one of the tools that may be called."""
    assert wishes.tools is not None
    wanted = wishes.tool_choice.function.name if isinstance(wishes.tool_choice, Chosen) else None
    functions = [tool.function for tool in wishes.tools if wanted in (None, tool.function.name)]
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


def _scales(wishes: Wishes, loras: tuple[str, ...], model: str) -> list[dict[str, Any]]:
    """Say how much each adapter counts; llama.cpp takes no notice of one that it doesn't know."""
    asked = model if wishes.lora is None and model in loras else wishes.lora
    if asked is None:
        return []
    if isinstance(asked, str):
        if asked not in loras:
            raise InvalidRequest(f"lora: there is no {asked[:80]!r}; there are {_listed(loras)}", param="lora")
        return [{"id": loras.index(asked), "scale": 1.0}]
    for one in asked:
        if not 0 <= one.id < len(loras):
            raise InvalidRequest(f"lora: there is no adapter {one.id}; there are {len(loras)}", param="lora")
    return [{"id": one.id, "scale": one.scale} for one in asked]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
