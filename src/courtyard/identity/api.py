"""The door at which directories provision people: `/scim/v2/` (RFC 7644)."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec
import structlog

from courtyard.core.errors import Busy, CourtyardError, InvalidRequest, NotAuthenticated
from courtyard.core.ids import PersonId
from courtyard.http import ClientGone, Headers, Receive, Scope, Send, error_headers, headers_of, read_body
from courtyard.identity.service import Identity
from courtyard.storage import database_trouble

if TYPE_CHECKING:
    from scim2_server.requests import ScimRequest
    from scim2_server.responses import ScimResponse

_log = structlog.get_logger("courtyard.identity")

_BODY_BYTES_MAX = 1 << 20
_BODY_S_MAX = 20.0
_AT_ONCE = 4
_INSIDE_MAX = 64
_JSON = (b"content-type", b"application/scim+json")
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimDoor:
    """Takes what directories say of an organisation's people. Who has no token learns nothing but that."""

    PREFIX = "/scim/v2"

    def __init__(self, identity: Identity, *, left: Callable[[PersonId], object], url: str | None = None) -> None:
        """Answer at `url`, or at the address asked for; `left` is told of people who were removed."""
        self._identity = identity
        self._left = left
        self._url = url
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._inside += 1
        try:
            status, body, headers = await self._answer(scope, receive)
        except ClientGone:
            return
        except CourtyardError as error:
            told = {"schemas": [_ERROR], "status": str(error.status), "detail": error.message}
            status, body, headers = error.status, msgspec.json.encode(told), [_JSON, *error_headers(error)]
        finally:
            self._inside -= 1
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        if self._inside > _INSIDE_MAX:
            raise Busy("too many requests at once; send it again", retry_after_s=5)
        headers = headers_of(scope)
        token = _token(headers)
        body = await read_body(headers, receive, bytes_max=_BODY_BYTES_MAX, seconds=_BODY_S_MAX)
        async with self._places:
            with database_trouble():
                response = await asyncio.to_thread(self._serve, scope, headers, token, body)
        told = b"" if response.body is None else msgspec.json.encode(response.body)
        named = [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
        return int(response.status), told, named

    def _serve(self, scope: Scope, headers: Headers, token: str, body: bytes) -> "ScimResponse":
        """Serve a request of a directory that is known; what goes wrong is said in SCIM's words."""
        organisation = self._identity.organisation_of_directory(token)
        from courtyard.identity import scim  # noqa: PLC0415 - Half a second that only directories need.

        handler = scim.handler_of(self._identity, organisation, self._left)
        request = self._request(scope, headers, body)
        try:
            return handler.handle(request)
        except Exception as error:
            if not hasattr(error, "to_error"):
                _log.error("scim_failed", reason=type(error).__name__)
            return handler.service.error_response(error)

    def _request(self, scope: Scope, headers: Headers, body: bytes) -> "ScimRequest":
        from scim2_server.requests import ScimRequest  # noqa: PLC0415

        host = headers.get(b"host", b"").decode("latin-1")
        base = self._url or f"{scope.get('scheme', 'http')}://{host}"
        query = scope["query_string"].decode("latin-1")
        try:
            asked = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=50))
        except ValueError as error:
            raise InvalidRequest("there are too many fields in the address") from error
        return ScimRequest(
            method=scope["method"],
            base_url=base.rstrip("/") + self.PREFIX,
            path=scope["path"].removeprefix(self.PREFIX) or "/",
            query=asked,
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()},
            body=body,
        )


def _token(headers: Headers) -> str:
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("directories send `Authorization: Bearer TOKEN`; `courtyard directories add` makes one")
    return token.strip()
