"""How large a request may be."""

from typing import ClassVar

import msgspec

from courtyard.core.chat import Kind, Request
from courtyard.core.principal import Principal
from courtyard.policy.model import PASS, Deny, Verdict

_MESSAGE_BYTES_MIN = len(b"{},")

_count = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Size(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request has at most so many bytes, messages and choices."""

    name: ClassVar[str] = "size"

    bytes_max: int = 32 * 1024 * 1024
    """Bytes of content and options together."""
    messages_max: int = 2048
    choices_max: int = 128

    def __call__(self, principal: Principal, request: Request) -> Verdict:
        if request.choices > self.choices_max:
            return Deny(f"it asks for {request.choices} choices and may ask for {self.choices_max}")
        content_bytes = memoryview(request.content).nbytes
        total_bytes = content_bytes
        for value in request.options.values():
            total_bytes += memoryview(value).nbytes
        if total_bytes > self.bytes_max:
            return Deny(f"it has {total_bytes} bytes and may have {self.bytes_max}; send less")
        # Most are too short to hold too many messages: nothing to count.
        if request.kind is Kind.CHAT and content_bytes > self.messages_max * _MESSAGE_BYTES_MIN:
            messages = len(_count(request.content))
            if messages > self.messages_max:
                return Deny(f"it has {messages} messages and may have {self.messages_max}; leave out the oldest")
        return PASS
