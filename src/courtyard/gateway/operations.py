"""What machines that run machines ask: is it up, may it take work, what does it count, what does it speak."""

from collections.abc import Awaitable, Callable

import msgspec

from courtyard.core.errors import CourtyardError, MethodNotAllowed, NotAllowed
from courtyard.gateway.credentials import credential
from courtyard.gateway.openapi import openapi
from courtyard.http import Receive, Scope, Send, error_headers, headers_of, openai_error
from courtyard.identity import Action, Identity, permits
from courtyard.telemetry import CONTENT_TYPE, Telemetry

_JSON = "application/json"
_LOOPBACK = ("127.0.0.1", "::1")

PATHS = ("/healthz", "/readyz", "/metrics", "/api/openapi.json")


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether new work may come, and each reason why not."""

    ready: bool
    engines: dict[str, bool]
    problems: tuple[str, ...] = ()


class Operations:
    """Answers `/healthz`, `/readyz`, `/metrics` and `/api/openapi.json`.

    Metrics tell models and volumes: from this machine anybody may read them, from elsewhere an operator's
    API key.
    """

    def __init__(self, identity: Identity, telemetry: Telemetry, readiness: Callable[[], Awaitable[Readiness]]) -> None:
        self._identity = identity
        self._telemetry = telemetry
        self._readiness = readiness
        self._openapi = msgspec.json.encode(openapi())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            if scope["method"] not in ("GET", "HEAD"):
                raise MethodNotAllowed(f"{scope['path']} takes GET, not {scope['method']}", allow="GET")
            status, kind, body = await self._answer(scope)
        except CourtyardError as error:
            status, kind, body = error.status, _JSON, openai_error(error, "")
            await _send(send, status, kind, body, error_headers(error))
            return
        await _send(send, status, kind, b"" if scope["method"] == "HEAD" else body)

    async def _answer(self, scope: Scope) -> tuple[int, str, bytes]:
        match scope["path"]:
            case "/healthz":
                return 200, _JSON, b'{"status":"ok"}'
            case "/readyz":
                readiness = await self._readiness()
                return 200 if readiness.ready else 503, _JSON, msgspec.json.encode(readiness)
            case "/metrics":
                self._check_reader(scope)
                return 200, CONTENT_TYPE, await self._telemetry.metrics_of_all()
            case _:
                return 200, _JSON, self._openapi

    def _check_reader(self, scope: Scope) -> None:
        client = scope.get("client")
        headers = headers_of(scope)
        # What a proxy passes on comes from elsewhere, whatever address the proxy has; so does what a rebound name asks.
        is_passed_on = b"x-forwarded-for" in headers or b"forwarded" in headers
        if client and client[0] in _LOOPBACK and not is_passed_on and _is_local(headers.get(b"host", b"")):
            return
        principal = self._identity.authenticate(credential(headers))
        if not permits(principal, Action.MANAGE_MODELS, organisation=principal.organisation):
            raise NotAllowed("metrics tell of everybody; read them on this machine, or with an operator's key")


def _is_local(host: bytes) -> bool:
    """Whether a request was sent to this machine under a name of its own: `localhost:8420`, `[::1]:8420`."""
    text = host.decode("latin-1").lower()
    name = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    return name in ("localhost", *_LOOPBACK)


async def _send(
    send: Send, status: int, kind: str, body: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    length = (b"content-length", str(len(body)).encode())
    given = [(b"content-type", kind.encode()), length, *(headers or ())]
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": body})
