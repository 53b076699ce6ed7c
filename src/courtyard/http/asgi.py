"""ASGI's three words, typed."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = dict[bytes, bytes]


def headers_of(scope: Scope) -> Headers:
    """Index the request's headers by lower-case name; of a name given twice the last one counts."""
    return dict(scope["headers"])
