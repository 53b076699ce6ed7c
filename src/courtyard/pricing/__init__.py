"""Knows what a model costs at a moment: a dated price book whose every version has a digest that receipts name."""

from courtyard.pricing.model import ANY, DEFAULT_KIND, TOKENS_MAX, Price, Priced, Terms, Version
from courtyard.pricing.rules import nano
from courtyard.pricing.service import ROOM, Pricing

__all__ = ["ANY", "DEFAULT_KIND", "ROOM", "TOKENS_MAX", "Price", "Priced", "Pricing", "Terms", "Version", "nano"]
