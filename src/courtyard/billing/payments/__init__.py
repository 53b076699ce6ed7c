"""Books what customers paid and what went back, once each, and knows who owes what."""

from courtyard.billing.payments.api import PaymentDoor
from courtyard.billing.payments.model import (
    BANK,
    Allocation,
    Asked,
    Asking,
    Entry,
    EntryKind,
    Forged,
    Grant,
    Happened,
    Intent,
    PaymentProvider,
    PaymentsSettings,
    ProviderUnavailable,
    Receivable,
    Received,
    State,
    What,
)
from courtyard.billing.payments.service import NOBODY, Payments

__all__ = [
    "BANK",
    "NOBODY",
    "Allocation",
    "Asked",
    "Asking",
    "Entry",
    "EntryKind",
    "Forged",
    "Grant",
    "Happened",
    "Intent",
    "PaymentDoor",
    "PaymentProvider",
    "Payments",
    "PaymentsSettings",
    "ProviderUnavailable",
    "Receivable",
    "Received",
    "State",
    "What",
]
