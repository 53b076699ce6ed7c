"""The nouns of notices: what happened, who is to hear of it, and how far the telling is."""

from enum import StrEnum
from typing import Any

import msgspec

EVERYBODY = ""
"""The organisation of an address that hears of all of them: the operator's own."""


class Kind(StrEnum):
    """What a notice is about."""

    BUDGET_THRESHOLD = "budget.threshold"
    WALLET_LOW = "wallet.low"
    CREDIT_EXPIRING = "credit.expiring"
    INVOICE_ISSUED = "invoice.issued"
    INVOICE_OVERDUE = "invoice.overdue"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_REVERSED = "payment.reversed"
    PAYMENT_REFUSED = "payment.refused"
    CONTRACT_ENDING = "contract.ending"
    CASE_DUE = "case.due"
    BREACH_DUE = "breach.due"
    POLICY_NOTIFY = "policy.notify"
    TEST = "test"


class Channel(StrEnum):
    """How an address is reached."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class State(StrEnum):
    """How far one delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as it is told: counts and names, never what anybody asked a model."""

    id: str
    organisation: str
    kind: Kind
    at_ms: int
    subject: str
    """One line for people."""
    data: dict[str, Any] = {}
    """The facts for machines."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Who hears of what."""

    id: str
    organisation: str
    """Whose notices it hears; `EVERYBODY` is the operator's own address, which hears of every organisation."""
    channel: Channel
    address: str
    """A URL or an e-mail address."""
    kinds: tuple[Kind, ...] = ()
    """What it hears of; nothing named is everything."""
    created_at_ms: int
    closed_at_ms: int | None = None
    reason: str = ""
    """Why it is closed."""

    def hears(self, notice: Notice) -> bool:
        """Whether a notice is for it."""
        concerned = self.organisation in (EVERYBODY, notice.organisation)
        return concerned and (not self.kinds or notice.kind in self.kinds)


class NewEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An address and the secret that its webhooks are signed with, which is shown once."""

    endpoint: Endpoint
    secret: str | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One notice on its way to one address."""

    notice: Notice
    endpoint: Endpoint
    state: State
    attempts: int
    next_at_ms: int
    reason: str = ""
    """What went wrong the last time."""
    delivered_at_ms: int | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that this process alone attempts until its lease is over, and what it needs for that."""

    delivery: Delivery
    secret: str
    claim: str

    def __repr__(self) -> str:
        return f"Claimed(notice={self.delivery.notice.id!r}, endpoint={self.delivery.endpoint.id!r})"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt did not succeed."""

    reason: str
    gone: bool = False
    """Whether the address said that it wants nothing any more."""
    retry_after_s: int = 0


class SmtpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mail server that e-mail goes out by."""

    host: str = ""
    """Its name; without one no e-mail is sent."""
    port: int = 587
    """587 for STARTTLS; 465 where it is TLS from the first byte."""
    security: str = "starttls"
    """`starttls`, `tls` from the first byte, or `none` for a server on this machine."""
    username: str = ""
    """Who signs in; nobody when empty."""
    password: str = ""
    """Better in the environment: `COURTYARD_NOTICES__SMTP__PASSWORD`."""
    sender: str = ""
    """The address that e-mail comes from, as in `billing@example.org`."""
    seconds: float = 20.0
    """How long the server may say nothing."""


class NoticesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is told, when, and by which way."""

    fractions: tuple[int, ...] = (50, 80, 100)
    """At how many percent of a limit or a wallet's window a warning is given."""
    expiring_days: int = 7
    """How many days before credit expires its owner is told."""
    private_hosts: tuple[str, ...] = ()
    """Hosts in our own network that webhooks may be sent to, over plain HTTP too."""
    webhook_s: float = 20.0
    """How long an endpoint may take to answer."""
    smtp: SmtpSettings = SmtpSettings()
