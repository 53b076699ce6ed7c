"""The events of a streamed response, from `response.created` to `response.completed`."""

from typing import Any, Literal

from msgspec.json import decode, encode

from courtyard.core.chat import Delta, Finish
from courtyard.core.errors import CourtyardError
from courtyard.gateway.model import Bill, Head
from courtyard.gateway.wire import response_items as items
from courtyard.gateway.wire.response_items import Echo
from courtyard.gateway.wire.tools import Call, Calls
from courtyard.http import event, openai_error

_Event = tuple[str, dict[str, Any]]


class ResponseWriter:
    """Writes one output item after another: whatever comes next ends the item before it."""

    def __init__(self, head: Head, echo: Echo) -> None:
        self._head = head
        self._echo = echo
        self._number = -1
        self._output: list[dict[str, Any]] = []
        self._open: _TextItem | _CallItem | None = None
        self._calls = Calls()
        self._finish: Finish | None = None

    def begin(self) -> bytes:
        """Tell that the response has begun."""
        began = items.response(self._head, self._echo, output=[], finish=None, bill=None)
        return self._events(("response.created", {"response": began}), ("response.in_progress", {"response": began}))

    def piece(self, delta: Delta) -> bytes:
        """Write the events of a delta."""
        if delta.choice:
            return b""
        frames: list[bytes] = []
        if delta.reasoning:
            frames.append(self._text("reasoning", delta.reasoning))
        if delta.text:
            frames.append(self._text("message", delta.text))
        if delta.tool_calls is not None:
            frames += [self._call(index, part.function.arguments) for index, part in self._calls.add(delta.tool_calls)]
        if delta.finish is not None:
            self._finish = delta.finish
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def end(self, bill: Bill) -> bytes:
        """End what is open, and write the whole response."""
        last = self._close()
        if not self._output:
            last += self._begin(_TextItem(self._head, 0, "message")) + self._close()
        finish = self._finish or bill.finish
        whole = items.response(self._head, self._echo, output=self._output, finish=finish, bill=bill)
        name = "response.incomplete" if whole["status"] == "incomplete" else "response.completed"
        return last + self._events((name, {"response": whole}))

    def failed(self, error: CourtyardError) -> bytes:
        """Write an error as the API does, with the `error` that the official client raises."""
        facts = decode(openai_error(error, self._head.id))["error"]
        told = {"code": error.code, "message": error.message, "param": error.param, "error": facts}
        return self._events(("error", told))

    def _text(self, kind: Literal["message", "reasoning"], text: str) -> bytes:
        if isinstance(self._open, _TextItem) and self._open.kind == kind:
            return self._open.delta(text, self._next())
        item = _TextItem(self._head, self._index_next, kind)
        return self._close() + self._begin(item) + item.delta(text, self._next())

    def _call(self, index: int, arguments: str | None) -> bytes:
        call = self._calls[index]
        begun = b""
        if not (isinstance(self._open, _CallItem) and self._open.call is call):
            self._calls.begin(index)
            item = _CallItem(self._head, self._index_next, call)
            begun = self._close() + self._begin(item)
        assert isinstance(self._open, _CallItem)
        return begun + (self._events(self._open.delta(arguments)) if arguments else b"")

    @property
    def _index_next(self) -> int:
        return len(self._output) + (self._open is not None)

    def _begin(self, item: "_TextItem | _CallItem") -> bytes:
        self._open = item
        return self._events(*item.begun())

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        item, self._open = self._open, None
        *events, (name, facts) = item.done()
        self._output.append(facts["item"])
        return self._events(*events, (name, facts))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _events(self, *events: _Event) -> bytes:
        return b"".join(
            event(name.encode(), encode({"type": name, **facts, "sequence_number": self._next()}))
            for name, facts in events
        )


class _TextItem:
    """A message or a piece of reasoning, while it grows."""

    def __init__(self, head: Head, index: int, kind: Literal["message", "reasoning"]) -> None:
        self.kind = kind
        self._sources = head.sources if kind == "message" else ()
        self._texts: list[str] = []
        self._prefix = "response.output_text" if kind == "message" else "response.reasoning_text"
        self._id = items.item_id(head, "msg" if kind == "message" else "rs", index)
        self._place = {"output_index": index}
        self._part_place = {"item_id": self._id, "output_index": index, "content_index": 0}
        name = f"{self._prefix}.delta"
        self._delta_head = b'event: %b\ndata: {"type":"%b",%b,"delta":' % (
            name.encode(),
            name.encode(),
            encode(self._part_place)[1:-1],
        )
        self._delta_middle = b',"logprobs":[],"sequence_number":%d}\n\n'
        if kind == "reasoning":
            self._delta_middle = b',"sequence_number":%d}\n\n'

    def begun(self) -> list[_Event]:
        part = {**self._part_place, "part": self._part("")}
        return [
            ("response.output_item.added", {**self._place, "item": self._item(None)}),
            ("response.content_part.added", part),
        ]

    def delta(self, text: str, number: int) -> bytes:
        """Write a piece of text: the frequent event, made around what all of them share."""
        self._texts.append(text)
        return b"".join((self._delta_head, encode(text), self._delta_middle % number))

    def done(self) -> list[_Event]:
        text = "".join(self._texts)
        logprobs: dict[str, Any] = {"logprobs": []} if self.kind == "message" else {}
        part = self._part(text)
        added = [
            ("response.output_text.annotation.added", {**self._part_place, "annotation_index": at, "annotation": one})
            for at, one in enumerate(part.get("annotations", ()))
        ]
        return [
            *added,
            (f"{self._prefix}.done", {**self._part_place, "text": text, **logprobs}),
            ("response.content_part.done", {**self._part_place, "part": part}),
            ("response.output_item.done", {**self._place, "item": self._item(text)}),
        ]

    def _item(self, text: str | None) -> dict[str, Any]:
        if self.kind == "message":
            return items.message_item(self._id, text, self._sources)
        return items.reasoning_item(self._id, text)

    def _part(self, text: str) -> dict[str, Any]:
        return items.text_part(text, self._sources) if self.kind == "message" else items.reasoning_part(text)


class _CallItem:
    """A function call, while its arguments grow."""

    def __init__(self, head: Head, index: int, call: Call) -> None:
        self.call = call
        self._id = items.item_id(head, "fc", index)
        self._place = {"output_index": index}

    def begun(self) -> list[_Event]:
        return [
            ("response.output_item.added", {**self._place, "item": items.call_item(self._id, self.call, done=False)})
        ]

    def delta(self, arguments: str) -> _Event:
        return ("response.function_call_arguments.delta", {"item_id": self._id, **self._place, "delta": arguments})

    def done(self) -> list[_Event]:
        function = self.call.function
        told = {"item_id": self._id, **self._place, "arguments": function.arguments, "name": function.name}
        return [
            ("response.function_call_arguments.done", told),
            ("response.output_item.done", {**self._place, "item": items.call_item(self._id, self.call)}),
        ]
