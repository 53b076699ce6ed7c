"""The objects of OpenAI's Responses: the response itself, and the items of its output."""

from typing import Any

import msgspec
from msgspec import Raw

from courtyard.core.chat import Finish
from courtyard.core.usage import Usage
from courtyard.gateway.model import Bill, Head, Source
from courtyard.gateway.wire.fields import Fields
from courtyard.gateway.wire.sources import file_citations
from courtyard.gateway.wire.tools import Call
from courtyard.gateway.wire.whole import Choice

_NULL = Raw(b"null")

_DEFAULTS = {
    "instructions": _NULL,
    "max_output_tokens": _NULL,
    "metadata": Raw(b"{}"),
    "parallel_tool_calls": Raw(b"true"),
    "reasoning": _NULL,
    "temperature": _NULL,
    "text": Raw(b'{"format":{"type":"text"}}'),
    "tool_choice": Raw(b'"auto"'),
    "tools": Raw(b"[]"),
    "top_p": _NULL,
    "user": _NULL,
}


class Echo(msgspec.Struct, frozen=True):
    """The request's settings, as every response repeats them."""

    settings: dict[str, Raw]

    @classmethod
    def of(cls, fields: Fields) -> "Echo":
        """Copy the settings before they are taken out."""
        return cls({name: fields.rest[name] if fields.given(name) else value for name, value in _DEFAULTS.items()})


def response(
    head: Head, echo: Echo, *, output: list[dict[str, Any]], finish: Finish | None, bill: Bill | None
) -> dict[str, Any]:
    """Make the response object; without a `finish` it is still in progress."""
    reason = _incomplete(finish)
    told: dict[str, Any] = {"usage": None} if bill is None else {"usage": _usage(bill.usage), "courtyard": bill.told}
    return {
        "id": head.name("resp_"),
        "object": "response",
        "created_at": head.created_s,
        "status": "in_progress" if finish is None else "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": reason,
        "model": head.model,
        "output": output,
        "previous_response_id": None,
        "store": False,
        "truncation": "disabled",
        **echo.settings,
        **told,
    }


def items_of(head: Head, choice: Choice) -> list[dict[str, Any]]:
    """Make the output items of a whole answer: what was thought, said, and asked of tools."""
    items: list[dict[str, Any]] = []
    if choice.reasoning:
        items.append(reasoning_item(item_id(head, "rs", 0), choice.reasoning))
    if choice.text or not choice.calls:
        items.append(message_item(item_id(head, "msg", len(items)), choice.text, head.sources))
    for call in choice.calls:
        items.append(call_item(item_id(head, "fc", len(items)), call))
    return items


def item_id(head: Head, prefix: str, index: int) -> str:
    """Name an output item by its place in the answer."""
    return f"{head.name(prefix + '_')}_{index}"


def text_part(text: str, sources: tuple[Source, ...] = ()) -> dict[str, Any]:
    annotations = file_citations(text, sources) if sources else []
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def reasoning_part(text: str) -> dict[str, Any]:
    return {"type": "reasoning_text", "text": text}


def message_item(item: str, text: str | None, sources: tuple[Source, ...] = ()) -> dict[str, Any]:
    """Make a message; without a text it has only begun."""
    status, content = ("in_progress", []) if text is None else ("completed", [text_part(text, sources)])
    return {"id": item, "type": "message", "role": "assistant", "status": status, "content": content}


def reasoning_item(item: str, text: str | None) -> dict[str, Any]:
    """Make a piece of reasoning; without a text it has only begun."""
    content = [] if text is None else [reasoning_part(text)]
    status = "in_progress" if text is None else "completed"
    return {"id": item, "type": "reasoning", "summary": [], "content": content, "status": status}


def call_item(item: str, call: Call, *, done: bool = True) -> dict[str, Any]:
    """Make a function call."""
    return {
        "id": item,
        "type": "function_call",
        "status": "completed" if done else "in_progress",
        "call_id": call.id,
        "name": call.function.name,
        "arguments": call.function.arguments if done else "",
    }


def _incomplete(finish: Finish | None) -> dict[str, str] | None:
    match finish:
        case Finish.LENGTH:
            return {"reason": "max_output_tokens"}
        case Finish.CONTENT_FILTER:
            return {"reason": "content_filter"}
    return None


def _input_details(usage: Usage) -> dict[str, int]:
    details = {"cached_tokens": usage.cached_input}
    return details | {"cache_write_tokens": usage.cache_write} if usage.cache_write else details


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": _input_details(usage),
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
