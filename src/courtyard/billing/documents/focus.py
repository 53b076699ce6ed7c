"""Costs as FOCUS 1.4 has them, the FinOps Open Cost and Usage Specification: its Cost and Usage dataset as CSV.

What is billed sums to what each document asks for; what is effective is what the use is worth, with a commitment's fee
spread over the use that it covered.
"""

from collections.abc import Iterable, Iterator

from courtyard.billing.documents import words
from courtyard.billing.documents.focus_shares import Share, shares
from courtyard.billing.documents.spreadsheet import Figure, rows_of
from courtyard.billing.documents.wording import writing
from courtyard.billing.model import Invoice, Line, LineKind, TaxLine
from courtyard.billing.rules import read_month

VERSION = "1.4"

COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "HostProviderName",
    "InvoiceDetailId",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
    "ServiceSubcategory",
    "SubAccountId",
    "SubAccountName",
    "x_DocumentKind",
    "x_LineKind",
    "x_Model",
    "x_PriceBook",
    "x_PriceKind",
)
"""FOCUS's own by their names, then ours."""

_BOUGHT = (LineKind.SEAT, LineKind.FEE, LineKind.COMMITMENT)
_UNITS = {"seat": "Seats", "month": "Months", "request": "Requests", "token": "Tokens"}

Cells = dict[str, object]


def costs_csv(documents: Iterable[Invoice]) -> Iterator[bytes]:
    """Write a row for each charge of the documents, and for each tax."""
    yield from (row.encode() for row in rows_of([COLUMNS]))
    for document in documents:
        cells = ([charge.get(column) for column in COLUMNS] for charge in _charges(document))
        yield from (row.encode() for row in rows_of(cells))


def _charges(document: Invoice) -> Iterator[Cells]:
    divided = shares(document)
    for share in divided.lines:
        if share.is_committed:
            yield _covered(document, share)
        if not share.is_committed or share.net_nano or share.line.rated_nano != share.included_nano:
            yield _charge(document, share)
    if divided.unused_nano:
        yield _unused(document, divided.unused_nano, divided.unused_worth_nano)
    for number, (tax, minor) in enumerate(zip(document.taxes, divided.taxes_minor, strict=True)):
        if tax.tax_minor:
            yield _tax(document, tax, minor, number)


def _charge(document: Invoice, share: Share) -> Cells:
    """Write what a line costs beyond what a commitment covered of it."""
    line = share.line
    list_cost = share.list_nano - share.included_list_nano if share.is_committed else share.list_nano
    quantity, unit = _consumed(line)
    cells = _line(document, line, detail="") | {
        "BilledCost": _money(share.billed_nano),
        "EffectiveCost": _money(0 if share.covers else share.net_nano),
        "ListCost": _money(list_cost),
        "ContractedCost": _money(list_cost),
        "PricingCategory": "Standard",
    }
    match cells["ChargeCategory"]:
        case "Usage" if line.kind is not LineKind.CREDIT:
            left = quantity - share.covered_quantity(quantity)
            cells |= {"ConsumedQuantity": left, "ConsumedUnit": unit, "PricingQuantity": left, "PricingUnit": unit}
        case "Purchase":
            cells |= {"PricingQuantity": line.quantity, "PricingUnit": _UNITS.get(line.unit, "Units")}
    if share.covers:
        cells |= _commitment(document, share.worth_nano, None)
    return cells


def _covered(document: Invoice, share: Share) -> Cells:
    """Write what a commitment covered of a line: billed with the commitment, and worth its part of the fee."""
    quantity, unit = _consumed(share.line)
    part = share.covered_quantity(quantity)
    return (
        _line(document, share.line, detail="-committed")
        | _commitment(document, share.included_nano, "Used")
        | {
            "BilledCost": _money(0),
            "EffectiveCost": _money(share.amortised_nano),
            "ListCost": _money(share.included_list_nano),
            "ContractedCost": _money(share.included_list_nano),
            "PricingCategory": "Committed",
            "ConsumedQuantity": part,
            "ConsumedUnit": unit,
            "PricingQuantity": part,
            "PricingUnit": unit,
        }
    )


def _unused(document: Invoice, nano: int, worth_nano: int) -> Cells:
    zero = _money(0)
    return (
        _document(document, detail="unused")
        | _commitment(document, worth_nano, "Unused")
        | {
            "BilledCost": zero,
            "EffectiveCost": _money(nano),
            "ListCost": zero,
            "ContractedCost": zero,
            "ChargeCategory": "Usage",
            "ChargeFrequency": "Usage-Based",
            "ChargeDescription": "Unused part of the commitment",
            "PricingCategory": "Committed",
            "PricingQuantity": 0,
            "PricingUnit": document.currency,
        }
    )


def _tax(document: Invoice, tax: TaxLine, billed_minor: int, number: int) -> Cells:
    """Write a tax; what is effective of it is what is billed, as FOCUS asks."""
    cost = Figure(words.plain_decimal(billed_minor, digits=document.minor_digits))
    return _document(document, detail=f"tax-{number}") | {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": cost,
        "ContractedCost": cost,
        "ChargeCategory": "Tax",
        "ChargeFrequency": "Recurring",
        "ChargeDescription": f"{tax.name} {words.plain_decimal(tax.rate_bp, digits=2)}%".strip(),
    }


def _line(document: Invoice, line: Line, *, detail: str) -> Cells:
    month = read_month(line.month) if line.month else None
    corrects = line.kind in (LineKind.CORRECTION, LineKind.CREDIT)
    return _document(document, detail=f"{line.number}{detail}") | {
        "ChargeCategory": _category(line),
        "ChargeClass": "Correction" if corrects else None,
        "ChargeDescription": words.description(writing("en"), line),
        "ChargeFrequency": _frequency(line),
        "ChargePeriodStart": words.moment(month.begins_ms if month else document.period_from_ms),
        "ChargePeriodEnd": words.moment(month.ends_ms if month else document.period_until_ms),
        "SubAccountId": line.project,
        "SubAccountName": line.project_name or None,
        "x_LineKind": str(line.kind),
        "x_Model": line.model,
        "x_PriceBook": line.price_book or None,
        "x_PriceKind": line.price_kind or None,
    }


def _document(document: Invoice, *, detail: str) -> Cells:
    seller = document.seller.name or "Courtyard"
    return {
        "BillingAccountId": document.organisation,
        "BillingAccountName": document.buyer.name or None,
        "BillingCurrency": document.currency,
        "BillingPeriodStart": words.moment(document.period_from_ms),
        "BillingPeriodEnd": words.moment(document.period_until_ms),
        "ChargePeriodStart": words.moment(document.period_from_ms),
        "ChargePeriodEnd": words.moment(document.period_until_ms),
        "HostProviderName": seller,
        "InvoiceDetailId": f"{document.number}/{detail}" if document.number else None,
        "InvoiceId": document.number or None,
        "InvoiceIssuerName": seller,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Courtyard",
        "ServiceProviderName": seller,
        "ServiceSubcategory": "Generative AI",
        "x_DocumentKind": str(document.kind),
    }


def _commitment(document: Invoice, worth_nano: int, status: str | None) -> Cells:
    return {
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountId": f"{document.organisation}/{document.number or 'draft'}",
        "CommitmentDiscountName": "Allowance",
        "CommitmentDiscountQuantity": _money(worth_nano),
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountType": "Plan",
        "CommitmentDiscountUnit": document.currency,
    }


def _category(line: Line) -> str:
    if line.kind in _BOUGHT:
        return "Purchase"
    is_use = line.kind in (LineKind.USAGE, LineKind.CORRECTION) or (line.kind is LineKind.CREDIT and line.model)
    return "Usage" if is_use else "Adjustment"


def _frequency(line: Line) -> str:
    if line.kind in _BOUGHT:
        return "Recurring"
    return "Usage-Based" if _category(line) == "Usage" else "One-Time"


def _consumed(line: Line) -> tuple[int, str]:
    """Count use in tokens where there were any, and in requests otherwise."""
    return (line.usage.total, "Tokens") if line.usage.total else (line.quantity, "Requests")


def _money(nano: int) -> Figure:
    return Figure(words.exact_decimal(nano, digits_min=2))
