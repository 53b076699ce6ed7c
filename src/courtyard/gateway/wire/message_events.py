"""Anthropic's message: the object, and the events of a streamed one, from `message_start` to `message_stop`."""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import encode

from courtyard.core.chat import Delta, Finish
from courtyard.core.errors import CourtyardError
from courtyard.core.usage import Usage
from courtyard.gateway.model import Bill, Head
from courtyard.gateway.wire.sources import search_results
from courtyard.gateway.wire.tools import Call, Calls
from courtyard.gateway.wire.whole import Choice
from courtyard.http import anthropic_error, event

_STOP_REASONS = {
    Finish.STOP: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.CONTENT_FILTER: "refusal",
}


def message(head: Head, choice: Choice, bill: Bill) -> dict[str, Any]:
    """Make the whole message: what was thought, said, and asked of tools."""
    content: list[dict[str, Any]] = []
    if choice.reasoning:
        content.append({"type": "thinking", "thinking": choice.reasoning, "signature": ""})
    if choice.text or not choice.calls:
        content.append({"type": "text", "text": choice.text} | _citations(head, choice.text))
    content += [_tool_use(call, _arguments(call)) for call in choice.calls]
    return _message(head, content=content, usage=bill.usage) | {
        "stop_reason": _stop_reason(choice.finish or bill.finish, called=bool(choice.calls)),
        "courtyard": bill.told,
    }


class MessageWriter:
    """Writes one content block after another: whatever comes next ends the block before it."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._index = -1
        self._open: str | Call | None = None
        self._delta_head = self._delta_tail = b""
        self._calls = Calls()
        self._finish: Finish | None = None
        self._texts: list[str] = []

    def begin(self) -> bytes:
        """Tell that the message has begun. How long its prompt was is not known before its end."""
        return _event("message_start", message=_message(self._head, content=[], usage=Usage()))

    def piece(self, delta: Delta) -> bytes:
        """Write the events of a delta."""
        if delta.choice:
            return b""
        frames: list[bytes] = []
        if delta.reasoning:
            frames.append(self._text("thinking", delta.reasoning))
        if delta.text:
            frames.append(self._text("text", delta.text))
            if self._head.sources:
                self._texts.append(delta.text)
        if delta.tool_calls is not None:
            frames += [self._call(index, part.function.arguments) for index, part in self._calls.add(delta.tool_calls)]
        if delta.finish is not None:
            self._finish = delta.finish
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def end(self, bill: Bill) -> bytes:
        """End what is open; tell why the message ended, what it used, and what it cost."""
        opening = self._begin("text", {"type": "text", "text": ""}) if self._index < 0 else b""
        reason = _stop_reason(self._finish or bill.finish, called=bool(self._calls))
        ended = _event(
            "message_delta",
            delta={"stop_reason": reason, "stop_sequence": None},
            usage=_usage(bill.usage),
            courtyard=bill.told,
        )
        return opening + self._close() + ended + _event("message_stop")

    def failed(self, error: CourtyardError) -> bytes:
        """Write an error; the message has no stop."""
        return event(b"error", anthropic_error(error, self._head.id))

    def _text(self, kind: str, text: str) -> bytes:
        opening = b""
        if self._open != kind:
            block = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
            opening = self._close() + self._begin(kind, block)
        return b"".join((opening, self._delta_head, encode(text), self._delta_tail))

    def _call(self, index: int, arguments: str | None) -> bytes:
        call = self._calls[index]
        opening = b""
        if self._open is not call:
            self._calls.begin(index)
            opening = self._close() + self._begin(call, _tool_use(call, Raw(b"{}")))
        return b"".join((opening, self._delta_head, encode(arguments), self._delta_tail)) if arguments else opening

    def _begin(self, kind: str | Call, block: dict[str, Any]) -> bytes:
        self._index += 1
        self._open = kind
        delta = ("input_json_delta", "partial_json") if isinstance(kind, Call) else (f"{kind}_delta", kind)
        self._delta_head = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
            % (self._index, delta[0].encode(), delta[1].encode())
        )
        self._delta_tail = b"}}\n\n"
        return _event("content_block_start", index=self._index, content_block=block)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        cited = search_results("".join(self._texts), self._head.sources) if self._open == "text" else []
        self._open = None
        self._texts.clear()
        deltas = [{"type": "citations_delta", "citation": citation} for citation in cited]
        events = [_event("content_block_delta", index=self._index, delta=delta) for delta in deltas]
        return b"".join((*events, _event("content_block_stop", index=self._index)))


def _citations(head: Head, text: str) -> dict[str, Any]:
    """Say what a whole text block cites; nothing where nothing was given to cite."""
    return {"citations": search_results(text, head.sources)} if head.sources else {}


def _event(name: str, **facts: Any) -> bytes:
    return event(name.encode(), encode({"type": name, **facts}))


def _message(head: Head, *, content: list[dict[str, Any]], usage: Usage) -> dict[str, Any]:
    return {
        "id": head.name("msg_"),
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(usage),
    }


def _stop_reason(finish: Finish, *, called: bool) -> str:
    """Some engines end a tool call with a plain stop; Anthropic's clients go by `tool_use`."""
    return "tool_use" if called and finish == Finish.STOP else _STOP_REASONS[finish]


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached_input,
        "output_tokens": usage.completion,
    }


def _tool_use(call: Call, arguments: Raw) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.function.name, "input": arguments}


def _arguments(call: Call) -> Raw:
    """Read a call's arguments, which the model wrote. What is no JSON object is given as text: it was paid for."""
    text = call.function.arguments or "{}"
    try:
        msgspec.json.decode(text, type=dict[str, Raw])
    except msgspec.DecodeError:
        return Raw(encode({"arguments": text}))
    return Raw(text.encode())
