"""What every door's wire format gives: a request understood, and how its answer is to be written."""

from typing import Protocol

import msgspec

from courtyard.core.chat import Delta, Request
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.core.ids import ModelName, RequestId
from courtyard.gateway.model import Bill, GatewayLimits, Head
from courtyard.gateway.wire.fields import NAME, STRING, Fields, decode
from courtyard.gateway.wire.whole import Whole

_SUBJECT_LENGTH_MAX = 512


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A body as it came, opened one level."""

    id: RequestId
    fields: Fields
    limits: GatewayLimits
    digest: bytes = b""
    idempotency_key: str | None = None
    purpose: str = ""

    @property
    def subject(self) -> str:
        """The end user whom the caller names, in `safety_identifier` or `user`; the fields stay where they are."""
        for name in ("safety_identifier", "user"):
            given = self.fields.rest.get(name)
            subject: str | None = None if given is None else decode(given, STRING, param=name)
            if subject:
                if len(subject) > _SUBJECT_LENGTH_MAX:
                    raise InvalidRequest(f"{name} has at most {_SUBJECT_LENGTH_MAX} characters", param=name)
                return subject
        return ""

    @property
    def model(self) -> ModelName:
        """Take the model's name out of the fields."""
        return ModelName(self.fields.need("model", NAME))


class Writer(Protocol):
    """Writes one stream, as frames ready to send. A frame may be empty: then nothing is sent."""

    def begin(self) -> bytes: ...

    def piece(self, delta: Delta) -> bytes: ...

    def end(self, bill: Bill) -> bytes:
        """Write what follows the last delta, once the receipt is durable."""
        ...

    def failed(self, error: CourtyardError) -> bytes:
        """Write an error into a stream that has begun."""
        ...


class Asked(Protocol):
    """A request for an answer, and its answer in the caller's format."""

    @property
    def request(self) -> Request: ...

    @property
    def ignored(self) -> tuple[str, ...]:
        """Fields that had no effect."""
        ...

    def whole(self, head: Head, whole: Whole, bill: Bill) -> bytes: ...

    def writer(self, head: Head) -> Writer: ...
