"""The door that payment providers knock at: `POST /payments/PROVIDER/webhook`."""

import asyncio

import structlog

from courtyard.billing.payments.model import State
from courtyard.billing.payments.service import Payments
from courtyard.core.errors import Busy, CourtyardError, InvalidRequest, MethodNotAllowed, NotFound
from courtyard.http import ClientGone, Receive, Scope, Send, error_headers, headers_of, openai_error, read_body
from courtyard.storage import database_trouble

_log = structlog.get_logger("courtyard.payments")

_BODY_BYTES_MAX = 1 << 20
_BODY_S_MAX = 20.0
_AT_ONCE = 8
_INSIDE_MAX = 64
"""Exchanges at the door at once: their bodies are in memory before anybody knows who sent them."""
_JSON = (b"content-type", b"application/json")


class PaymentDoor:
    """Takes in providers' messages. Whoever is not the provider learns nothing but that."""

    PREFIX = "/payments/"

    def __init__(self, payments: Payments) -> None:
        self._payments = payments
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 200 once what it tells is booked, or is known to be none of ours."""
        self._inside += 1
        try:
            status, body, headers = 200, await self._take_in(scope, receive), []
        except ClientGone:
            return
        except CourtyardError as error:
            status, body, headers = error.status, openai_error(error, ""), error_headers(error)
        finally:
            self._inside -= 1
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
        await send({"type": "http.response.body", "body": body})

    async def _take_in(self, scope: Scope, receive: Receive) -> bytes:
        provider, _, rest = scope["path"].removeprefix(self.PREFIX).partition("/")
        if rest != "webhook" or provider not in self._payments.providers:
            raise NotFound("there is nothing here")
        if scope["method"] != "POST":
            raise MethodNotAllowed("payment providers POST here", allow="POST")
        if self._inside > _INSIDE_MAX:
            raise Busy("too many messages at once; send it again", retry_after_s=5)
        raw = headers_of(scope)
        body = await read_body(raw, receive, bytes_max=_BODY_BYTES_MAX, seconds=_BODY_S_MAX)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw.items()}
        async with self._places:
            try:
                with database_trouble():
                    received = await asyncio.to_thread(self._payments.receive, provider, headers, body)
            except InvalidRequest as error:
                _log.warning("payment_message_unread", provider=provider, reason=error.message)
                raise
        return b'{"received":true,"booked":true}' if received.state is State.BOOKED else b'{"received":true}'
