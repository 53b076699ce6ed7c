"""Errors in the words of the API that the caller speaks."""

from collections.abc import Callable

import msgspec

from courtyard.core.errors import (
    CourtyardError,
    Draining,
    IdempotencyConflict,
    MethodNotAllowed,
    NotAuthenticated,
    RateLimited,
)
from courtyard.http.rates import rate_headers

Dialect = Callable[[CourtyardError, str], bytes]
"""Renders an error as a JSON body; the second argument is the request's id."""

_OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class OpenAIFacts(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(msgspec.Struct):
    error: OpenAIFacts


class AnthropicFacts(msgspec.Struct):
    type: str
    message: str
    code: str


class AnthropicError(msgspec.Struct):
    error: AnthropicFacts
    request_id: str
    type: str = "error"


def openai_error(error: CourtyardError, request_id: str) -> bytes:
    """Render an error as OpenAI's API does: `{"error": {"message", "type", "param", "code"}}`."""
    kind = _OPENAI_TYPES.get(error.status, "server_error")
    return msgspec.json.encode(OpenAIError(OpenAIFacts(error.message, kind, error.param, error.code)))


def anthropic_error(error: CourtyardError, request_id: str) -> bytes:
    """Render an error as Anthropic's API does, with our `code` beside its `type`."""
    kind = _ANTHROPIC_TYPES.get(error.status, "api_error")
    return msgspec.json.encode(AnthropicError(AnthropicFacts(kind, error.message, error.code), request_id))


def error_headers(error: CourtyardError) -> list[tuple[bytes, bytes]]:
    """Say when to come back, how to authenticate, and whether to try again at all."""
    headers: list[tuple[bytes, bytes]] = []
    if error.status in (429, 503):
        headers.append((b"retry-after", str(error.retry_after_s or 1).encode()))
    if isinstance(error, RateLimited):
        headers += rate_headers(error.rates)
    if isinstance(error, NotAuthenticated):
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    if isinstance(error, IdempotencyConflict):
        # The official clients try a 409 again unless they are told that it will not help.
        headers.append((b"x-should-retry", b"false"))
    if isinstance(error, Draining):
        headers.append((b"connection", b"close"))  # The next request is for another node, or the next run of this one.
    return headers
