"""Draws up invoices that can be checked from receipts, seats and fees, and books what was paid of them."""

from courtyard.billing import verifier
from courtyard.billing.clerk import Clerk
from courtyard.billing.documents import FORMATS, Exported, Format, exported, exported_costs, exported_use
from courtyard.billing.model import (
    BillingSettings,
    Customer,
    DocumentKind,
    Invoice,
    Line,
    LineKind,
    Party,
    Proof,
    TaxLine,
    TaxRule,
)
from courtyard.billing.payments import Entry, Intent, PaymentDoor, Payments, PaymentsSettings, Receivable
from courtyard.billing.proof import pem
from courtyard.billing.reconciliation import Reconciled, Reconciliation
from courtyard.billing.rules import minor_digits, money_words, nano_per_minor, read_minor, read_month
from courtyard.billing.service import Billing
from courtyard.billing.warnings import Warnings

__all__ = [
    "FORMATS",
    "Billing",
    "BillingSettings",
    "Clerk",
    "Customer",
    "DocumentKind",
    "Entry",
    "Exported",
    "Format",
    "Intent",
    "Invoice",
    "Line",
    "LineKind",
    "Party",
    "PaymentDoor",
    "Payments",
    "PaymentsSettings",
    "Proof",
    "Receivable",
    "Reconciled",
    "Reconciliation",
    "TaxLine",
    "TaxRule",
    "Warnings",
    "exported",
    "exported_costs",
    "exported_use",
    "minor_digits",
    "money_words",
    "nano_per_minor",
    "pem",
    "read_minor",
    "read_month",
    "verifier",
]
