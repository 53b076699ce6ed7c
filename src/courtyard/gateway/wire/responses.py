"""OpenAI's Responses, without state: read as a chat, since engines speak chat."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Kind, Request
from courtyard.core.errors import InvalidRequest
from courtyard.gateway.model import Bill, Head
from courtyard.gateway.wire.asked import Incoming
from courtyard.gateway.wire.chat import SAMPLING, check_messages
from courtyard.gateway.wire.fields import COUNT, FLAG, NAME, STRING, Fields, decode, is_null, raw
from courtyard.gateway.wire.response_events import ResponseWriter
from courtyard.gateway.wire.response_items import Echo, items_of, response
from courtyard.gateway.wire.sources import KNOWLEDGE, take_knowledge
from courtyard.gateway.wire.whole import Whole


class InputPart(msgspec.Struct):
    type: str
    text: str = ""
    refusal: str = ""
    image_url: str | None = None
    detail: str | None = None


class InputItem(msgspec.Struct):
    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] = "user"
    content: str | list[InputPart] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str | list[InputPart] = ""


class ResponseTool(msgspec.Struct):
    type: str
    name: str = ""
    description: str | None = None
    parameters: dict[str, Raw] | None = None
    strict: bool | None = None
    vector_store_ids: list[str] = []
    filters: Raw | None = None


class ResponseToolChoice(msgspec.Struct):
    type: str
    name: str = ""


class TextFormat(msgspec.Struct):
    type: str
    name: str = ""
    description: str | None = None
    schema: dict[str, Raw] | None = None
    strict: bool | None = None


class TextSettings(msgspec.Struct):
    format: TextFormat | None = None


class ReasoningSettings(msgspec.Struct):
    effort: str | None = None


_FILE_SEARCH = "file_search"

_INPUT = Decoder(str | Annotated[list[InputItem], Meta(min_length=1)])
_TOOLS = Decoder(list[ResponseTool] | None)
_TOOL_CHOICE = Decoder(str | ResponseToolChoice | None)
_METADATA = Decoder(dict[str, str] | None)
_TEXT = Decoder(TextSettings | None)
_REASONING = Decoder(ReasoningSettings | None)

_PASSING = SAMPLING | {"parallel_tool_calls": FLAG}

FIELDS: dict[str, Decoder[Any]] = _PASSING | {
    "model": NAME,
    "input": _INPUT,
    "instructions": STRING,
    "stream": FLAG,
    "max_output_tokens": COUNT,
    "tools": _TOOLS,
    "tool_choice": _TOOL_CHOICE,
    "text": _TEXT,
    "reasoning": _REASONING,
    "metadata": _METADATA,
    "store": FLAG,
    "knowledge": KNOWLEDGE,
}

_STATE = {
    "previous_response_id": "send the whole conversation as input",
    "conversation": "send the whole conversation as input",
    "prompt": "send the instructions and the input themselves",
}
"""Fields that lean on what a server keeps, and what to do instead: nothing is kept here."""

_WITHOUT_EFFECT = (
    "context_management",
    "include",
    "max_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "stream_options",
    "top_logprobs",
)
"""Fields that only concern how OpenAI runs its service, or pieces that are not written here."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A response asked for, and the settings that it repeats."""

    request: Request
    echo: Echo
    ignored: tuple[str, ...] = ()

    def whole(self, head: Head, whole: Whole, bill: Bill) -> bytes:
        """Write the response in one piece."""
        choice = whole.first
        return encode(
            response(head, self.echo, output=items_of(head, choice), finish=choice.finish or bill.finish, bill=bill)
        )

    def writer(self, head: Head) -> ResponseWriter:
        return ResponseWriter(head, self.echo)


def read_response(incoming: Incoming) -> Response:
    """Read a response request; what would need state is refused, and says what to do instead."""
    fields = incoming.fields
    _refuse_state(fields)
    echo = Echo.of(fields)
    instructions = fields.take("instructions", STRING)
    content = _messages(instructions, fields)
    check_messages(content, messages_max=incoming.limits.messages_max)
    model = incoming.model
    stream = fields.take("stream", FLAG) or False
    tokens_max = fields.take("max_output_tokens", COUNT)
    knowledge = (*take_knowledge(fields), *_translate(fields))
    subject = incoming.subject
    ignored = tuple(name for name in _WITHOUT_EFFECT if fields.given(name))
    fields.take("metadata", _METADATA)
    fields.drop(*_WITHOUT_EFFECT)
    fields.check(_PASSING)
    return Response(
        request=Request(
            id=incoming.id,
            kind=Kind.CHAT,
            model=model,
            content=content,
            stream=stream,
            tokens_max=tokens_max,
            options=fields.rest,
            idempotency_key=incoming.idempotency_key,
            digest=incoming.digest,
            purpose=incoming.purpose,
            subject=subject,
            knowledge=knowledge,
        ),
        echo=echo,
        ignored=ignored,
    )


def _refuse_state(fields: Fields) -> None:
    for name, instead in _STATE.items():
        if fields.given(name):
            raise InvalidRequest(f"{name} is not served, because nothing is kept here; {instead}", param=name)
    if fields.take("store", FLAG):
        raise InvalidRequest("store is not served, because nothing is kept here; send store: false", param="store")
    if fields.take("background", FLAG):
        raise InvalidRequest("background is not served; use stream for long answers", param="background")
    if fields.take("truncation", STRING) == "auto":
        raise InvalidRequest("truncation is not served; send a conversation that fits the model", param="truncation")
    fields.drop(*_STATE)


# --- Input to messages ------------------------------------------------------------------------------------------------


def _messages(instructions: str | None, fields: Fields) -> Raw:
    messages: list[dict[str, Any]] = []
    if instructions:
        messages.append({"role": "system", "content": instructions})
    match decode(fields.need_raw("input"), _INPUT, param="input"):
        case str(text):
            messages.append({"role": "user", "content": text})
        case items:
            for number, item in enumerate(items):
                _add_item(messages, item, where=f"input[{number}]")
    return raw(messages)


def _add_item(messages: list[dict[str, Any]], item: InputItem, *, where: str) -> None:
    match item.type:
        case "message":
            role = "system" if item.role == "developer" else item.role  # Open models know no developer.
            messages.append({"role": role, "content": _content(item.content or "", where)})
        case "function_call":
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": None})
            function = {"name": item.name, "arguments": item.arguments}
            calls = messages[-1].setdefault("tool_calls", [])
            calls.append({"id": item.call_id, "type": "function", "function": function})
        case "function_call_output":
            content = _content(item.output, where)
            messages.append({"role": "tool", "tool_call_id": item.call_id, "content": content})
        case "reasoning":
            pass  # What a model thought earlier is not shown to it again.
        case other:
            raise InvalidRequest(f"{where}: items of type {other!r} are not served", param="input")


def _content(content: str | list[InputPart], where: str) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    parts = [_part(part, where) for part in content]
    return parts[0]["text"] if len(parts) == 1 and "text" in parts[0] else parts


def _part(part: InputPart, where: str) -> dict[str, Any]:
    match part.type:
        case "input_text" | "output_text" | "text" | "refusal":
            return {"type": "text", "text": part.text or part.refusal}
        case "input_image" if part.image_url:
            detail = {"detail": part.detail} if part.detail else {}
            return {"type": "image_url", "image_url": {"url": part.image_url} | detail}
    raise InvalidRequest(
        f"{where}: content of type {part.type!r} is not served; send text, or images by image_url", param="input"
    )


# --- Options ----------------------------------------------------------------------------------------------------------


def _translate(fields: Fields) -> tuple[str, ...]:
    """Write the options as chats have them, and return the collections that the tool `file_search` names."""
    tools = list(enumerate(fields.take("tools", _TOOLS) or ()))
    functions = [_tool(tool, number) for number, tool in tools if tool.type != _FILE_SEARCH]
    searched = [name for number, tool in tools if tool.type == _FILE_SEARCH for name in _collections(tool, number)]
    if functions:
        fields.rest["tools"] = raw(functions)
    match fields.take("tool_choice", _TOOL_CHOICE):
        case str(choice) if functions or not searched:
            fields.rest["tool_choice"] = raw(choice)
        case str() | ResponseToolChoice(type="file_search") if searched:
            pass  # It is searched before the model is asked, whatever the model would choose.
        case ResponseToolChoice(type="function", name=name):
            fields.rest["tool_choice"] = raw({"type": "function", "function": {"name": name}})
        case ResponseToolChoice(type=other):
            raise InvalidRequest(f"tool_choice of type {other!r} is not served", param="tool_choice")
    text = fields.take("text", _TEXT)
    if text is not None and text.format is not None and text.format.type != "text":
        fields.rest["response_format"] = raw(_response_format(text.format))
    reasoning = fields.take("reasoning", _REASONING)
    if reasoning is not None and reasoning.effort is not None:
        fields.rest["reasoning_effort"] = raw(reasoning.effort)
    return tuple(searched)


def _collections(tool: ResponseTool, number: int) -> list[str]:
    if not tool.vector_store_ids:
        raise InvalidRequest(f"tools[{number}]: vector_store_ids names the collections to search", param="tools")
    if tool.filters is not None and not is_null(tool.filters):
        raise InvalidRequest(f"tools[{number}]: filters are not served; name a narrower collection", param="tools")
    return tool.vector_store_ids


def _tool(tool: ResponseTool, number: int) -> dict[str, Any]:
    if tool.type != "function":
        raise InvalidRequest(
            f"tools[{number}]: tools of type {tool.type!r} run at OpenAI; functions and file_search are served",
            param="tools",
        )
    return {
        "type": "function",
        "function": _named(tool.name, tool.description, tool.strict, parameters=tool.parameters),
    }


def _response_format(form: TextFormat) -> dict[str, Any]:
    match form.type:
        case "json_object":
            return {"type": "json_object"}
        case "json_schema":
            schema = _named(form.name, form.description, form.strict, schema=form.schema)
            return {"type": "json_schema", "json_schema": schema}
    raise InvalidRequest(f"text.format of type {form.type!r} is not served", param="text.format")


def _named(name: str, description: str | None, strict: bool | None, **body: dict[str, Raw] | None) -> dict[str, Any]:
    named = {"name": name, "description": description, "strict": strict} | body
    return {field: value for field, value in named.items() if value is not None}
