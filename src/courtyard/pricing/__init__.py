"""Knows what a model costs at a moment: a dated price book whose every version has a digest that receipts name."""

from courtyard.pricing.model import ANY, TOKENS_MAX, Price, Priced, Terms, Version
from courtyard.pricing.rules import nano
from courtyard.pricing.service import ROOM, Pricing

__all__ = ["ANY", "ROOM", "TOKENS_MAX", "Price", "Priced", "Pricing", "Terms", "Version", "nano"]
