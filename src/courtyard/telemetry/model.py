"""What is told of an exchange once it is over."""

import msgspec

from courtyard.core.amount import Amount
from courtyard.core.usage import Usage


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Logs, metrics and traces. Content is in none of them."""

    log_format: str = "console"
    """`console` for people, `json` for machines."""
    otlp_endpoint: str | None = None
    """Where traces go, such as `http://collector:4318`; `OTEL_EXPORTER_OTLP_ENDPOINT` says the same. Off without."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request and its answer, when both are over: counts, names and times, never content."""

    request_id: str
    door: str
    """Which door it came by: `openai`, `anthropic`, `console`."""
    method: str
    path: str
    """The route, such as `/v1/chat/completions`; for an address that is no route, anything: metrics won't list it."""
    status: int
    """The HTTP status; 499 where the client left first."""
    begun_ms: int
    duration_ms: float
    first_token_ms: float | None = None
    """From the beginning to the first piece of the answer sent."""
    kind: str | None = None
    """What was asked: `chat`, `completion`, `embedding`."""
    stream: bool = False
    model: str | None = None
    """The catalogue's name of the model, or the caller's where the catalogue has none."""
    engine: str | None = None
    region: str | None = None
    organisation: str | None = None
    project: str | None = None
    key: str | None = None
    usage: Usage | None = None
    cost: Amount | None = None
    outcome: str | None = None
    """How the receipt says it ended: `complete`, `hangup`, `cut`, `failed`."""
    error: str | None = None
    """The code of the error that ended it."""
    caller_id: str | None = None
    """The caller's own `X-Request-Id`."""
    traceparent: str | None = None
    """The caller's W3C trace context: our spans become children of theirs."""
    marks: dict[str, float] = {}
    """Steps of the walk in their order, each with the milliseconds from the beginning to its end."""
