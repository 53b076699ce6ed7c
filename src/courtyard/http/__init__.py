"""HTTP as every door needs it: bounded bodies, watched clients, event streams, errors in the caller's words."""

from courtyard.http.asgi import Headers, Message, Receive, Scope, Send, headers_of
from courtyard.http.body import declared_length, read_body
from courtyard.http.disconnect import ClientGone, TookTooLong, Watch
from courtyard.http.errors import AnthropicError, Dialect, OpenAIError, anthropic_error, error_headers, openai_error
from courtyard.http.ids import caller_id, caller_trace
from courtyard.http.rates import rate_headers
from courtyard.http.sse import DONE, EVENT_STREAM, data, event

__all__ = [
    "DONE",
    "EVENT_STREAM",
    "AnthropicError",
    "ClientGone",
    "Dialect",
    "Headers",
    "Message",
    "OpenAIError",
    "Receive",
    "Scope",
    "Send",
    "TookTooLong",
    "Watch",
    "anthropic_error",
    "caller_id",
    "caller_trace",
    "data",
    "declared_length",
    "error_headers",
    "event",
    "headers_of",
    "openai_error",
    "rate_headers",
    "read_body",
]
