"""The nouns of payments: what was asked for, what came in, what went back, and what it was for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from courtyard.core.errors import NotAuthenticated, Unavailable

BANK = "bank"
"""The way of paying that needs no provider: somebody reads the bank's statement and records what it says."""


class Forged(NotAuthenticated):
    """A provider's message is not signed by it, or is too old to be believed."""

    code = "payment_message_forged"


class ProviderUnavailable(Unavailable):
    """A payment provider can't be reached, or refused what it was asked."""

    code = "payment_provider_unavailable"


class EntryKind(StrEnum):
    """What an entry is."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    REVERSAL = "reversal"
    """Takes another entry back: a payment recorded by mistake, a refund that failed, a dispute that was won."""
    APPLIED = "applied"
    """Moves what is on a balance to what is owed; no money moves."""


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an entry: for an invoice, for a wallet, or for neither and then on the organisation's balance."""

    organisation: str
    """Nobody's where nobody knows yet who paid."""
    invoice: str | None = None
    account: str | None = None
    minor: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came or went. Never edited: what is wrong is put right by another one."""

    id: str
    kind: EntryKind
    provider: str
    reference: str
    """The provider's own name for it; of one kind it is booked once."""
    currency: str
    minor: int
    """In the currency's minor units; below zero it went back."""
    at_ms: int
    booked_at_ms: int
    of: str | None = None
    """The entry that it takes back."""
    note: str = ""
    allocations: tuple[Allocation, ...] = ()
    """They sum to `minor`."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody was asked to pay: an invoice, or money for a prepaid wallet."""

    id: str
    provider: str
    organisation: str
    invoice: str | None = None
    account: str | None = None
    currency: str
    minor: int
    created_at_ms: int
    asked: str | None = None
    """What the provider calls it."""
    url: str | None = None
    """Where it is paid."""
    instructions: tuple[str, ...] = ()
    """How it is paid where there is no such place."""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider needs to know to ask for money."""

    id: str
    currency: str
    minor: int
    title: str
    """One line that tells the payer what it is for."""
    return_url: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider made of it."""

    reference: str
    url: str | None = None
    instructions: tuple[str, ...] = ()


class What(StrEnum):
    """What a provider's message tells, in everybody's words."""

    PAID = "paid"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    DISPUTED = "disputed"
    REINSTATED = "reinstated"
    NOTHING = "nothing"
    """Nothing that moves money."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's message once its signature was checked."""

    id: str
    """The message's own; a second one with it changes nothing."""
    what: What
    at_ms: int = 0
    payment: str = ""
    """The provider's name for the payment that it is about."""
    reference: str = ""
    """Its name for what happened: the payment itself, the refund, the dispute."""
    intent: str = ""
    asked: str = ""
    currency: str = ""
    minor: int = 0


class State(StrEnum):
    """What became of a message."""

    BOOKED = "booked"
    WAITING = "waiting"
    """It is about something that has not been told yet."""
    IGNORED = "ignored"
    REFUSED = "refused"
    """It is not what was asked for; an operator must look."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A message and what became of it."""

    provider: str
    happened: Happened
    state: State
    why: str = ""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry does to a wallet, and how much of that is done."""

    entry: str
    account: str
    unit: str
    nano: int
    """Below zero it is taken back."""
    done: int = 0
    why: str = ""
    """What kept it from being done."""


class Receivable(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice that is not paid, or paid too much."""

    invoice: str
    organisation: str
    currency: str
    issued_at_ms: int
    due_at_ms: int
    asked_minor: int
    credited_minor: int
    """What credit notes took off it; below zero."""
    paid_minor: int
    open_minor: int
    """What is left: asked, and credited, less paid. Below zero it is the customer's."""
    overdue_days: int


class PaymentsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How customers pay."""

    providers: tuple[str, ...] = (BANK,)
    """Names of installed payment providers."""
    options: dict[str, dict[str, str]] = {}
    """What a provider is made with, by its name: `[payments.options.stripe]`."""
    return_url: str = ""
    """Where somebody who paid comes back to; the console when not given."""


class PaymentProvider(Protocol):
    """A way of being paid: made from its options, called from threads."""

    def ask(self, asking: Asking) -> Asked:
        """Ask for money; the same id again asks for it once.

        Raises:
            ProviderUnavailable: the provider can't be reached, or refused.
        """
        ...

    def read(self, headers: Mapping[str, str], body: bytes, *, now_ms: int) -> Happened:
        """Read a message from the provider.

        Raises:
            Forged: it is not from the provider.
            InvalidRequest: it can't be read.
        """
        ...
