"""Stripe: a checkout page for what is asked, and its webhooks. It speaks to Stripe's HTTP API itself."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from courtyard.billing.payments.model import Asked, Asking, Forged, Happened, ProviderUnavailable, What
from courtyard.core.errors import InvalidRequest
from courtyard.http import CallFailed, call

API_URL = "https://api.stripe.com"
API_VERSION = "2025-03-31.basil"
"""The shape of its words that is read here."""

TOLERANCE_S = 300
"""How old or how new a message may be."""

_SECONDS = 30.0
_HUNDREDTHS = frozenset({"ISK", "UGX"})
"""Currencies without decimals that Stripe writes in hundredths nevertheless."""
_THOUSANDTHS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Currencies with three decimals, of which Stripe takes whole tens."""

_REFUNDED = {"succeeded": What.REFUNDED, "failed": What.REFUND_FAILED, "canceled": What.REFUND_FAILED}
_DISPUTES = {
    "charge.dispute.funds_withdrawn": What.DISPUTED,
    "charge.dispute.funds_reinstated": What.REINSTATED,
}
_PAID = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
_REFUNDS = ("refund.created", "refund.updated", "refund.failed")
_TYPES = (*_PAID, *_REFUNDS, *_DISPUTES)
"""Events that move money; an endpoint needs no others."""


class _Object(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about: a session, a refund or a dispute."""

    id: str = ""
    amount: int = 0
    amount_total: int | None = None
    currency: str | None = None
    payment_status: str = ""
    payment_intent: str | None = None
    status: str | None = None
    metadata: dict[str, Any] | None = None


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    object: msgspec.Raw


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: str
    created: int
    data: _Data


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    url: str
    amount_total: int
    currency: str


class _Error(msgspec.Struct, frozen=True, kw_only=True):
    error: dict[str, Any]


class Stripe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Payments by Stripe."""

    secret_key: str
    webhook_secret: str
    """`whsec_…` of the endpoint; during a rotation both, with a space between them."""
    api_url: str = API_URL

    def __post_init__(self) -> None:
        if not self.secret_key or not self.webhook_secret.split():
            raise ValueError("secret_key and webhook_secret must be given: without them anybody could send payments")

    def __repr__(self) -> str:
        return "Stripe()"

    def ask(self, asking: Asking) -> Asked:
        """Make a checkout page; the same id again gives the same page."""
        amount = _theirs(asking.minor, asking.currency)
        back = asking.return_url
        form = {
            "mode": "payment",
            "client_reference_id": asking.id,
            "metadata[intent]": asking.id,
            "payment_intent_data[metadata][intent]": asking.id,
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": asking.currency.lower(),
            "line_items[0][price_data][unit_amount]": str(amount),
            "line_items[0][price_data][product_data][name]": asking.title,
            "success_url": back,
        }
        session = self._post("/v1/checkout/sessions", form, key=asking.id)
        if (session.amount_total, session.currency) != (amount, asking.currency.lower()):
            raise ProviderUnavailable(
                f"Stripe asks for {session.amount_total} {session.currency}, not for what it was told"
            )
        return Asked(reference=session.id, url=session.url)

    def read(self, headers: Mapping[str, str], body: bytes, *, now_ms: int) -> Happened:
        """Check a webhook's signature and say what it tells."""
        self._check(headers.get("stripe-signature", ""), body, now_s=now_ms // 1000)
        try:
            event = msgspec.json.decode(body, type=_Event)
            known = event.type in _TYPES
            about = msgspec.json.decode(event.data.object, type=_Object) if known else _Object()
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"the event can't be read: {error}") from error
        what = _DISPUTES.get(event.type, What.NOTHING)
        if event.type in _PAID and about.payment_status == "paid":
            what = What.PAID
        elif event.type in _REFUNDS:
            what = _REFUNDED.get(about.status or "", What.NOTHING)
        code = (about.currency or "").upper()
        amount = about.amount if about.amount_total is None else about.amount_total
        paid = what is What.PAID
        return Happened(
            id=event.id,
            what=what if about.payment_intent else What.NOTHING,
            at_ms=event.created * 1000,
            payment=about.payment_intent or "",
            reference=(about.payment_intent or "") if paid else about.id,
            intent=str((about.metadata or {}).get("intent", "")) if paid else "",
            asked=about.id if paid else "",
            currency=code,
            minor=_ours(amount, code),
        )

    def _check(self, signature: str, body: bytes, *, now_s: int) -> None:
        """Refuse what was not signed with the endpoint's secret in the last minutes."""
        fields = [part.strip().partition("=") for part in signature.split(",")]
        times = [value for name, _, value in fields if name == "t"]
        given = [value for name, _, value in fields if name == "v1"]
        if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12 or not given:
            raise Forged("the message has no signature of Stripe's")
        signed = f"{times[0]}.".encode() + body
        right = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in self.webhook_secret.split()]
        if not any(
            hmac.compare_digest(one.encode(), other.encode("latin-1", "replace")) for one in right for other in given
        ):
            raise Forged("the message is not signed by Stripe")
        if abs(now_s - int(times[0])) > TOLERANCE_S:
            raise Forged(f"the message was signed more than {TOLERANCE_S} seconds from now; check this machine's clock")

    def _post(self, path: str, form: Mapping[str, str], *, key: str) -> _Session:
        try:
            answer = call(
                self.api_url.rstrip("/") + path,
                body=urlencode(form).encode(),
                headers={
                    "authorization": f"Bearer {self.secret_key}",
                    "content-type": "application/x-www-form-urlencoded",
                    "idempotency-key": key,
                    "stripe-version": API_VERSION,
                },
                seconds=_SECONDS,
                private_hosts=() if self.api_url == API_URL else (urlsplit(self.api_url).hostname or "",),
            )
        except CallFailed as error:
            raise ProviderUnavailable(f"Stripe can't be reached: {error.message}") from error
        if answer.status != 200:
            raise ProviderUnavailable(f"Stripe answered with HTTP {answer.status}: {_reason(answer.body)}")
        try:
            return msgspec.json.decode(answer.body, type=_Session)
        except msgspec.DecodeError as error:
            raise ProviderUnavailable(f"Stripe's answer can't be read: {error}") from error


def _reason(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=_Error).error.get("message", "no reason given"))[:300]
    except msgspec.DecodeError:
        return "no reason given"


def _theirs(minor: int, currency: str) -> int:
    if currency in _THOUSANDTHS and minor % 10:
        raise InvalidRequest(f"Stripe takes {currency} in hundredths; ask for a rounder amount")
    return minor * 100 if currency in _HUNDREDTHS else minor


def _ours(amount: int, currency: str) -> int:
    """Read Stripe's amount; a part of a unit that we don't have makes it none that was asked for."""
    if currency in _HUNDREDTHS:
        return amount // 100 if amount % 100 == 0 else -1
    return amount
