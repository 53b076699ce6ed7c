"""Knows what a model costs at a moment: dated price books whose every version has a digest that receipts name."""

from courtyard.pricing.comparing import Change, Compared, Margin, Used
from courtyard.pricing.model import (
    ANY,
    DEFAULT_KIND,
    RATE_MAX,
    STANDARD,
    TOKENS_MAX,
    Basis,
    Document,
    Listing,
    Offer,
    Price,
    Priced,
    Rate,
    SeatPrice,
    Version,
    is_of_periods,
)
from courtyard.pricing.rules import decimal, nano
from courtyard.pricing.service import ROOM, Pricing
from courtyard.pricing.sheets import Sheet

__all__ = [
    "ANY",
    "DEFAULT_KIND",
    "RATE_MAX",
    "ROOM",
    "STANDARD",
    "TOKENS_MAX",
    "Basis",
    "Change",
    "Compared",
    "Document",
    "Listing",
    "Margin",
    "Offer",
    "Price",
    "Priced",
    "Pricing",
    "Rate",
    "SeatPrice",
    "Sheet",
    "Used",
    "Version",
    "decimal",
    "is_of_periods",
    "nano",
]
