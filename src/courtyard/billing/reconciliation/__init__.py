"""Compares an upstream provider's bill with our own receipts, and says what each difference comes from."""

from courtyard.billing.reconciliation.model import Cell, Finding, Reason, Reconciled
from courtyard.billing.reconciliation.service import Reconciliation

__all__ = ["Cell", "Finding", "Reason", "Reconciled", "Reconciliation"]
