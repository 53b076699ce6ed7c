"""A document as it stands on paper: every word and number written for the buyer, in the order they are read."""

from collections.abc import Iterator, Mapping

from courtyard.billing.documents import words
from courtyard.billing.documents.wording import Writing, writing
from courtyard.billing.model import DocumentKind, Invoice, Line, Party, TaxLine
from courtyard.core.clock import date_time
from courtyard.typesetting import fonts

Sheet = dict[str, object]

_LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "PH", "CL", "CO"})
"""Where paper is cut to letter's size, not to A4."""

_FORGIVEN = ("included", "credit")
"""Fundings that make a line cost less than its price."""


def sheet(document: Invoice) -> Sheet:
    """Write the document for its buyer.

    Raises:
        Unavailable: the fonts are not installed.
    """
    hand = writing(document.buyer.language)
    at = date_time(document.issued_at_ms)
    title = hand.text(f"title_{document.kind}")
    named = f"{title} {hand.own(document.number)}".strip()
    return {
        "language": hand.code,
        "direction": hand.direction,
        "digits": list(hand.digits),
        "fonts": fonts.families(hand.code),
        "paper": "us-letter" if document.buyer.country in _LETTER_COUNTRIES else "a4",
        "name": f"{title} {document.number}".strip(),
        "author": fonts.legible(document.seller.name),
        "title": title,
        "named": named,
        "draft": "" if document.number else hand.text("draft"),
        "date": (at.year, at.month, at.day),
        "seller": {"name": hand.own(document.seller.name), "lines": tuple(_address(hand, document.seller))},
        "buyer": {
            "heading": hand.text("bill_to"),
            "name": hand.own(document.buyer.name or document.organisation),
            "lines": tuple(_address(hand, document.buyer)),
        },
        "facts": tuple(_facts(hand, document)),
        "columns": _columns(hand, document),
        "lines": [_line(hand, document, line) for line in document.lines],
        "totals": tuple(_totals(hand, document)),
        "notes": tuple(_notes(hand, document)),
        "payment": {"heading": hand.text("payment"), "rows": tuple(_payment(hand, document))},
        "proof": _proof(hand, document),
        "page": hand.text("page", page="{page}", pages="{pages}"),
    }


def _address(hand: Writing, party: Party) -> Iterator[str]:
    town = f"{party.postcode} {party.city}".strip()
    yield from (hand.own(part) for part in (*party.address, town, party.country, party.email) if part)
    if party.tax_id:
        yield f"{hand.text('tax_id')} {hand.own(party.tax_id)}"
    if party.registration:
        yield f"{hand.text('registration')} {hand.own(party.registration)}"


def _facts(hand: Writing, document: Invoice) -> Iterator[tuple[str, str]]:
    if document.number:
        yield hand.text("number"), hand.own(document.number)
    yield hand.text("issued"), hand.day(document.issued_at_ms)
    if document.period_until_ms > document.period_from_ms:
        yield hand.text("period"), _period(hand, document)
    if document.kind is DocumentKind.INVOICE and document.due_minor > 0:
        yield hand.text("due_day"), hand.day(document.due_at_ms)
    if document.corrects:
        yield hand.text("corrects"), hand.own(document.corrects)
    if document.reason:
        yield hand.text("reason"), hand.own(document.reason)
    if document.reference:
        yield hand.text("reference"), hand.own(document.reference)


def _period(hand: Writing, document: Invoice) -> str:
    """Name the month where it is one, and the first day and the last one otherwise."""
    first, last = date_time(document.period_from_ms), date_time(document.period_until_ms - 1)
    after = date_time(document.period_until_ms)
    if first.day == after.day == 1 and (first.year, first.month) == (last.year, last.month):
        return hand.month(f"{first:%Y-%m}")
    begins, ends = hand.day(document.period_from_ms), hand.day(document.period_until_ms - 1)
    return begins if begins == ends else f"{begins} – {ends}"


def _columns(hand: Writing, document: Invoice) -> dict[str, str]:
    inclusive = bool(document.taxes) and all(tax.inclusive for tax in document.taxes)
    amount = "column_amount_inclusive" if inclusive else "column_amount"
    return {
        "line": hand.text("column_line"),
        "what": hand.text("column_what"),
        "quantity": hand.text("column_quantity"),
        "amount": hand.text(amount, currency=document.currency),
    }


def _line(hand: Writing, document: Invoice, line: Line) -> dict[str, object]:
    return {
        "number": hand.number(line.number),
        "what": words.description(hand, line, hand.own),
        "details": [detail for detail in _details(hand, document, line) if detail],
        "quantity": words.counted(hand, line),
        "amount": hand.decimal(words.sign(document) * line.minor, digits=document.minor_digits),
    }


def _details(hand: Writing, document: Invoice, line: Line) -> Iterator[str]:
    when = hand.month(line.month) if line.month else ""
    project = f"{hand.text('project')} {hand.own(line.project_name or line.project)}" if line.project else ""
    yield " · ".join(part for part in (when, project, hand.own(line.price_kind)) if part)
    yield _proration(hand, line.facts)
    yield words.dimensions(hand, line)
    if "tokens" in line.facts:
        yield hand.text("covered_tokens", tokens=line.facts["tokens"])
    if document.kind is DocumentKind.CREDIT_NOTE:
        return
    forgiven = [(funding, line.covered.get(funding, 0)) for funding in _FORGIVEN]
    digits = document.minor_digits
    if any(nano for _, nano in forgiven):
        yield hand.text("price", amount=hand.exact(line.rated_nano, document.currency, digits=digits))
    for funding, nano in forgiven:
        if nano:
            yield hand.text(f"covered_{funding}", amount=hand.exact(-nano, document.currency, digits=digits))


def _proration(hand: Writing, facts: Mapping[str, int]) -> str:
    """Say how much of the month it is for, where it is not for all of it, and how long seats were held."""
    month_days = facts.get("month_days", 0)
    if "seat_days" in facts:
        return hand.text("seat_days", days=facts["seat_days"], of=month_days)
    if month_days and facts.get("days", month_days) != month_days:
        return hand.text("days", days=facts["days"], of=month_days)
    return ""


def _totals(hand: Writing, document: Invoice) -> Iterator[dict[str, object]]:
    yield _total(hand, document, hand.text("net"), document.net_minor)
    for tax in document.taxes:
        yield _total(hand, document, _tax(hand, document, tax), tax.tax_minor)
    yield _total(hand, document, hand.text("total"), document.total_minor, strong=True, ruled=True)
    if document.kind is DocumentKind.CREDIT_NOTE:
        return
    if document.paid_minor:
        yield _total(hand, document, hand.text("paid"), -document.paid_minor)
    if document.due_minor < 0:
        yield _total(hand, document, hand.text("refund"), -document.due_minor, strong=True)
    else:
        yield _total(hand, document, hand.text("due"), document.due_minor, strong=True)


def _total(
    hand: Writing, document: Invoice, label: str, minor: int, *, strong: bool = False, ruled: bool = False
) -> dict[str, object]:
    value = hand.money(words.sign(document) * minor, document.currency, digits=document.minor_digits)
    return {"label": label, "value": value, "strong": strong, "ruled": ruled}


def _tax(hand: Writing, document: Invoice, tax: TaxLine) -> str:
    base = hand.money(words.sign(document) * tax.base_minor, document.currency, digits=document.minor_digits)
    return hand.text(
        "tax_inclusive" if tax.inclusive else "tax", name=hand.own(tax.name), rate=hand.percent(tax.rate_bp), base=base
    )


def _notes(hand: Writing, document: Invoice) -> Iterator[str]:
    said = {tax.note for tax in document.taxes if tax.note}
    if any(tax.category == "AE" and not tax.note for tax in document.taxes):
        said.add(hand.text("reverse_charge"))
    yield from (hand.own(note) for note in (*sorted(said), *(note for note in document.notes if note not in said)))


def _payment(hand: Writing, document: Invoice) -> Iterator[tuple[str, str]]:
    if document.kind is not DocumentKind.INVOICE or document.due_minor <= 0 or not document.seller.iban:
        return
    seller = document.seller
    rows = (
        ("account_name", seller.name),
        ("iban", seller.iban),
        ("bic", seller.bic),
        ("bank", seller.bank),
        ("payment_reference", document.number),
    )
    yield from ((hand.text(key), hand.own(value)) for key, value in rows if value)


def _proof(hand: Writing, document: Invoice) -> dict[str, object]:
    proof = document.proof
    named = (("proof_root", proof.root), ("proof_key", proof.public_key), ("proof_signature", proof.signature))
    width = len(proof.root) or len(proof.public_key)
    return {
        "heading": hand.text("proof"),
        "text": hand.text("proof_text", count=proof.size),
        "rows": [
            (hand.text(key), [value[at : at + width] for at in range(0, len(value), width)])
            for key, value in named
            if value
        ],
    }
