"""Anthropic's Messages, read as a chat."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Kind, Request
from courtyard.core.errors import InvalidRequest
from courtyard.gateway.model import Bill, Head
from courtyard.gateway.wire.asked import Incoming
from courtyard.gateway.wire.chat import SAMPLING, check_messages
from courtyard.gateway.wire.fields import COUNT, FLAG, NAME, Fields, decode, raw
from courtyard.gateway.wire.message_events import MessageWriter, message
from courtyard.gateway.wire.sources import KNOWLEDGE, take_knowledge
from courtyard.gateway.wire.whole import Whole


class Source(msgspec.Struct):
    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""


class Block(msgspec.Struct):
    type: str
    text: str = ""
    source: Source | None = None
    id: str = ""
    name: str = ""
    input: dict[str, Raw] = {}
    tool_use_id: str = ""
    content: "str | list[Block] | None" = None
    is_error: bool = False


class MessageParam(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class MessageTool(msgspec.Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Raw] | None = None


class MessageToolChoice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool = False


class Metadata(msgspec.Struct):
    user_id: str | None = None


class OutputFormat(msgspec.Struct):
    type: str
    schema: dict[str, Raw] | None = None


class OutputConfig(msgspec.Struct):
    format: OutputFormat | None = None
    effort: str | None = None


_SYSTEM = Decoder(str | list[Block] | None)
_MESSAGES = Decoder(Annotated[list[MessageParam], Meta(min_length=1)])
_TOOLS = Decoder(list[MessageTool] | None)
_TOOL_CHOICE = Decoder(MessageToolChoice | None)
_STOP = Decoder(list[str] | None)
_METADATA = Decoder(Metadata | None)
_OUTPUT_CONFIG = Decoder(OutputConfig | None)

_PASSING = {name: SAMPLING[name] for name in ("temperature", "top_p")} | {"top_k": COUNT}

FIELDS: dict[str, Decoder[Any]] = _PASSING | {
    "model": NAME,
    "messages": _MESSAGES,
    "system": _SYSTEM,
    "max_tokens": COUNT,
    "stream": FLAG,
    "stop_sequences": _STOP,
    "tools": _TOOLS,
    "tool_choice": _TOOL_CHOICE,
    "metadata": _METADATA,
    "output_config": _OUTPUT_CONFIG,
    "knowledge": KNOWLEDGE,
}

_WITHOUT_EFFECT = (
    "thinking",
    "cache_control",
    "context_management",
    "diagnostics",
    "inference_geo",
    "service_tier",
    "speed",
    "user_profile_id",
    "workspace_id",
)
"""Fields that only concern how Anthropic runs its service; a model here thinks, or does not, as it was made."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message asked for, and the fields that had no effect."""

    request: Request
    ignored: tuple[str, ...] = ()

    def whole(self, head: Head, whole: Whole, bill: Bill) -> bytes:
        """Write the message in one piece."""
        return encode(message(head, whole.first, bill))

    def writer(self, head: Head) -> MessageWriter:
        return MessageWriter(head)


def read_message(incoming: Incoming) -> Message:
    """Read a Messages request."""
    fields = incoming.fields
    for name in ("container", "mcp_servers"):
        if fields.given(name):
            raise InvalidRequest(f"{name} runs at Anthropic and is not served; leave it out", param=name)
    content = _messages(fields)
    check_messages(content, messages_max=incoming.limits.messages_max)
    model = incoming.model
    tokens_max = fields.need("max_tokens", COUNT)
    stream = fields.take("stream", FLAG) or False
    knowledge = take_knowledge(fields)
    _translate(fields)
    ignored = tuple(name for name in _WITHOUT_EFFECT if fields.given(name))
    fields.drop(*_WITHOUT_EFFECT)
    fields.check(_PASSING)
    return Message(
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
            subject=incoming.subject,
            knowledge=knowledge,
        ),
        ignored=ignored,
    )


# --- Messages ---------------------------------------------------------------------------------------------------------


def _messages(fields: Fields) -> Raw:
    messages: list[dict[str, Any]] = []
    system = fields.take("system", _SYSTEM)
    if system:
        messages.append({"role": "system", "content": _text(system, "system")})
    for number, given in enumerate(decode(fields.need_raw("messages"), _MESSAGES, param="messages")):
        where = f"messages[{number}]"
        if isinstance(given.content, str):
            messages.append({"role": given.role, "content": given.content})
        elif given.role == "assistant":
            messages.append(_assistant(given.content, where))
        else:
            messages += _user(given.role, given.content, where)
    return raw(messages)


def _assistant(blocks: list[Block], where: str) -> dict[str, Any]:
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in blocks:
        match block.type:
            case "text":
                texts.append(block.text)
            case "tool_use":
                function = {"name": block.name, "arguments": encode(block.input).decode()}
                calls.append({"id": block.id, "type": "function", "function": function})
            case "thinking" | "redacted_thinking":
                pass  # What a model thought earlier is not shown to it again.
            case other:
                raise _not_served(other, where)
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    return said | {"tool_calls": calls} if calls else said


def _user(role: str, blocks: list[Block], where: str) -> list[dict[str, Any]]:
    """Tell tool results first, each in a message of its own, as OpenAI's format has it; the rest follows."""
    results = [_result(block, where) for block in blocks if block.type == "tool_result"]
    parts = [_part(block, where) for block in blocks if block.type != "tool_result"]
    if not parts:
        return results
    content = parts[0]["text"] if len(parts) == 1 and "text" in parts[0] else parts
    return [*results, {"role": role, "content": content}]


def _result(block: Block, where: str) -> dict[str, Any]:
    content = block.content or ""
    told = content if isinstance(content, str) else _parts_or_text(content, where)
    if block.is_error and isinstance(told, str):
        told = f"Error: {told}"
    return {"role": "tool", "tool_call_id": block.tool_use_id, "content": told}


def _parts_or_text(blocks: list[Block], where: str) -> str | list[dict[str, Any]]:
    parts = [_part(block, where) for block in blocks]
    return "\n".join(part["text"] for part in parts) if all("text" in part for part in parts) else parts


def _part(block: Block, where: str) -> dict[str, Any]:
    match block:
        case Block(type="text", text=text):
            return {"type": "text", "text": text}
        case Block(type="image", source=Source(type="base64", media_type=media, data=data)):
            return {"type": "image_url", "image_url": {"url": f"data:{media};base64,{data}"}}
        case Block(type="image", source=Source(type="url", url=url)):
            return {"type": "image_url", "image_url": {"url": url}}
        case Block(type="document", source=Source(type="text", data=data)):
            return {"type": "text", "text": data}
    raise _not_served(block.type, where)


def _text(system: str | list[Block], where: str) -> str:
    if isinstance(system, str):
        return system
    for block in system:
        if block.type != "text":
            raise _not_served(block.type, where)
    return "\n".join(block.text for block in system)


def _not_served(kind: str, where: str) -> InvalidRequest:
    return InvalidRequest(
        f"{where}: content of type {kind!r} is not served here; send text, images, tool uses or tool results",
        param=where.partition("[")[0],
    )


# --- Options ----------------------------------------------------------------------------------------------------------


def _translate(fields: Fields) -> None:
    tools = fields.take("tools", _TOOLS)
    if tools:
        fields.rest["tools"] = raw([_tool(tool, number) for number, tool in enumerate(tools)])
    choice = fields.take("tool_choice", _TOOL_CHOICE)
    if choice is not None:
        fields.rest["tool_choice"] = raw(_tool_choice(choice))
        if choice.disable_parallel_tool_use:
            fields.rest["parallel_tool_calls"] = raw(False)
    stop = fields.take("stop_sequences", _STOP)
    if stop:
        fields.rest["stop"] = raw(stop)
    metadata = fields.take("metadata", _METADATA)
    if metadata is not None and metadata.user_id is not None:
        fields.rest["user"] = raw(metadata.user_id)
    _translate_output(fields)


def _translate_output(fields: Fields) -> None:
    config = fields.take("output_config", _OUTPUT_CONFIG)
    if config is None:
        return
    if config.format is not None:
        if config.format.type != "json_schema" or config.format.schema is None:
            raise InvalidRequest("output_config.format is a json_schema with its schema", param="output_config.format")
        schema = {"name": "answer", "schema": config.format.schema, "strict": True}
        fields.rest["response_format"] = raw({"type": "json_schema", "json_schema": schema})
    if config.effort is not None:
        fields.rest["reasoning_effort"] = raw(config.effort)


def _tool(tool: MessageTool, number: int) -> dict[str, Any]:
    if tool.type not in (None, "custom") or tool.input_schema is None:
        raise InvalidRequest(
            f"tools[{number}]: only tools with a name and an input_schema are served, not {tool.type or 'this'!r}",
            param="tools",
        )
    described = {} if tool.description is None else {"description": tool.description}
    return {"type": "function", "function": {"name": tool.name, "parameters": tool.input_schema} | described}


def _tool_choice(choice: MessageToolChoice) -> str | dict[str, Any]:
    match choice.type:
        case "any":
            return "required"
        case "tool":
            return {"type": "function", "function": {"name": choice.name}}
        case other:
            return other
