"""What lines say, in words of the reader's and in plain figures of a program's."""

from collections.abc import Callable

from courtyard.billing.documents.wording import Writing
from courtyard.billing.model import DocumentKind, Invoice, Line, LineKind
from courtyard.core.clock import date_time
from courtyard.core.usage import DIMENSIONS


def sign(document: Invoice) -> int:
    """Tell which way amounts are counted: a credit note gives, and says how much without a minus."""
    return -1 if document.kind is DocumentKind.CREDIT_NOTE else 1


def plain_decimal(count: int, *, digits: int) -> str:
    """Write a number that is counted in units of its `digits`th decimal as programs read it: `-1234.50`."""
    whole, part = divmod(abs(count), 10**digits)
    decimals = f".{part:0{digits}}" if digits else ""
    return f"{'-' if count < 0 else ''}{whole}{decimals}"


def exact_decimal(nano: int, *, digits_min: int = 0) -> str:
    """Write nano-units as units, to the last decimal that is not nothing."""
    whole, _, decimals = plain_decimal(nano, digits=9).partition(".")
    kept = decimals.rstrip("0").ljust(digits_min, "0")
    return f"{whole}.{kept}" if kept else whole


def description(hand: Writing, line: Line, own: Callable[[str], str] = str) -> str:
    """Say in a few words what a line is for; `own` makes ready what somebody wrote."""
    model, text = own(line.model or ""), own(line.text)
    match line.kind:
        case LineKind.USAGE:
            return hand.text("usage", model=model) if model else hand.text("usage_any")
        case LineKind.CORRECTION:
            return hand.text("correction", model=model)
        case LineKind.ADJUSTMENT | LineKind.CREDIT if text:
            return text
        case LineKind.ADJUSTMENT if model:
            return hand.text("adjustment_model", model=model)
        case kind:
            return " · ".join(part for part in (hand.text(str(kind)), text) if part)


def counted(hand: Writing, line: Line) -> str:
    """Say how much of it there was, or nothing where nothing is counted."""
    if not line.unit or not line.quantity:
        return ""
    key = f"unit_{line.unit}"
    return hand.text(key, count=line.quantity) if hand.has(key) else f"{hand.number(line.quantity)} {line.unit}"


def dimensions(hand: Writing, line: Line) -> str:
    """Say what was used, by dimension."""
    used = ((dimension, getattr(line.usage, dimension)) for dimension in DIMENSIONS)
    return " · ".join(f"{hand.text(dimension)} {hand.number(count)}" for dimension, count in used if count)


def moment(ms: int) -> str:
    """Write a moment as programs read it, in UTC: `2026-11-01T00:00:00Z`, with milliseconds where there are any."""
    at = date_time(ms)
    part = f".{ms % 1000:03}" if ms % 1000 else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{part}Z"
