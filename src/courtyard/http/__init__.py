"""HTTP as doors need it: bounded bodies, watched clients, event streams, errors in their words, calls to others."""

from courtyard.http.addresses import Address, addresses_of, ip_of, is_for_machines, is_public
from courtyard.http.asgi import Headers, Message, Receive, Scope, Send, headers_of
from courtyard.http.body import declared_length, read_body
from courtyard.http.calling import Called, CallFailed, CallRefused, call, check_url
from courtyard.http.disconnect import ClientGone, TookTooLong, Watch
from courtyard.http.errors import AnthropicError, Dialect, OpenAIError, anthropic_error, error_headers, openai_error
from courtyard.http.ids import caller_id, caller_trace
from courtyard.http.rates import rate_headers
from courtyard.http.sse import DONE, EVENT_STREAM, data, event

__all__ = [
    "DONE",
    "EVENT_STREAM",
    "Address",
    "AnthropicError",
    "CallFailed",
    "CallRefused",
    "Called",
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
    "addresses_of",
    "anthropic_error",
    "call",
    "caller_id",
    "caller_trace",
    "check_url",
    "data",
    "declared_length",
    "error_headers",
    "event",
    "headers_of",
    "ip_of",
    "is_for_machines",
    "is_public",
    "openai_error",
    "rate_headers",
    "read_body",
]
