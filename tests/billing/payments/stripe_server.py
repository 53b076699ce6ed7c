"""A stand-in for Stripe: its sessions over a real socket, and webhooks signed as it signs them."""

import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from tests.notices.sinks import Answer, Heard, Sink, http_sink

SECRET_KEY = "sk_test_local"
WEBHOOK_SECRET = "whsec_local"


@dataclass
class StripeServer:
    """Makes a checkout session for each idempotency key once."""

    sink: Sink
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse: str = ""
    asks_for: int | None = None
    """Another amount than it was told."""

    @property
    def options(self) -> dict[str, str]:
        return {"secret_key": SECRET_KEY, "webhook_secret": WEBHOOK_SECRET, "api_url": self.sink.url}

    def answer(self, heard: Heard) -> Answer:
        form = dict(parse_qsl(heard.body.decode()))
        if heard.headers.get("authorization") != f"Bearer {SECRET_KEY}":
            return 401, {}, b'{"error": {"message": "Invalid API Key provided"}}'
        if self.refuse or heard.path != "/v1/checkout/sessions" or form["mode"] != "payment":
            return 400, {}, json.dumps({"error": {"message": self.refuse or "no such address"}}).encode()
        key = heard.headers["idempotency-key"]
        session = self.sessions.setdefault(
            key,
            {
                "id": f"cs_{len(self.sessions) + 1}",
                "object": "checkout.session",
                "url": f"{self.sink.url}/pay/{key}",
                "amount_total": self.asks_for or int(form["line_items[0][price_data][unit_amount]"]),
                "currency": form["line_items[0][price_data][currency]"],
                "client_reference_id": form["client_reference_id"],
                "metadata": {"intent": form["metadata[intent]"]},
                "payment_status": "unpaid",
                "payment_intent": None,
                "title": form["line_items[0][price_data][product_data][name]"],
            },
        )
        return 200, {}, json.dumps(session).encode()

    def paid(
        self, intent: str, *, payment: str = "pi_1", id: str = "evt_paid", session: str = "", **changed: Any
    ) -> bytes:
        """The event of a session that was paid."""
        about = {**self.sessions[intent], "payment_status": "paid", "payment_intent": payment, **changed}
        return event("checkout.session.completed", {**about, "id": session or about["id"]}, id=id)


def event(kind: str, about: dict[str, Any], *, id: str, created: int = 1_767_225_600) -> bytes:
    return json.dumps(
        {"id": id, "object": "event", "type": kind, "created": created, "livemode": False, "data": {"object": about}}
    ).encode()


def refund(minor: int, *, id: str = "re_1", payment: str = "pi_1", status: str = "succeeded") -> dict[str, Any]:
    return {
        "id": id,
        "object": "refund",
        "amount": minor,
        "currency": "usd",
        "payment_intent": payment,
        "status": status,
        "metadata": {},
    }


def dispute(minor: int, *, id: str = "dp_1", payment: str = "pi_1", status: str = "needs_response") -> dict[str, Any]:
    return refund(minor, id=id, payment=payment, status=status) | {"object": "dispute"}


def signed(body: bytes, at_ms: int, *, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """The header that Stripe sends with a body."""
    at_s = at_ms // 1000
    signature = hmac.new(secret.encode(), f"{at_s}.".encode() + body, sha256).hexdigest()
    return {"stripe-signature": f"t={at_s},v1={signature},v0=ignored"}


@contextmanager
def stripe_server() -> Iterator[StripeServer]:
    with http_sink() as sink:
        server = StripeServer(sink)
        sink.answer = server.answer
        yield server
