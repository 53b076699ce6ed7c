"""Credit notes: what is taken back of an invoice, as a document of its own. Values in, values out."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from courtyard.billing import rules, tax
from courtyard.billing.model import DocumentKind, Invoice, Line, LineKind, Proof
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.storage import tree


def credit(
    invoice: Invoice,
    amounts: Mapping[int, int | None],
    *,
    reason: str,
    credited: Sequence[Invoice],
    now_ms: int,
) -> Invoice:
    """Draw up a credit note on some lines of an invoice, each with an amount above zero or, with `None`, all of it.

    Raises:
        InvalidRequest: the invoice has no such line, or the reason is missing.
        Conflict: more would be taken back than the line asked for, or nothing is left to take back.
    """
    if invoice.kind != DocumentKind.INVOICE:
        raise InvalidRequest(f"{invoice.number} is no invoice, so there is nothing to take back of it")
    if not rules.check_line(reason.strip(), "the reason of a credit note"):
        raise InvalidRequest("a credit note says why")
    left = _left(invoice, credited)
    lines: list[Line] = []
    for number, amount in sorted(amounts.items()):
        if number not in left:
            raise InvalidRequest(f"invoice {invoice.number} has no line {number}")
        line = invoice.lines[number - 1]
        taken = _taken(line, left[number], amount, currency=invoice.currency)
        if taken:
            lines.append(_credit_line(line, taken, invoice=invoice, number=len(lines) + 1))
    if not lines:
        raise Conflict(f"all of invoice {invoice.number} that is asked for was taken back before")
    bearing = sorted({line.tax for line in lines})
    lines = [replace(line, tax=bearing.index(line.tax)) for line in lines]
    assessed = tax.summed(lines, [invoice.taxes[place] for place in bearing])
    return replace(
        invoice,
        kind=DocumentKind.CREDIT_NOTE,
        number="",
        corrects=invoice.number,
        reason=reason.strip(),
        issued_at_ms=now_ms,
        due_at_ms=now_ms,
        lines=assessed.lines,
        taxes=assessed.taxes,
        net_minor=assessed.net_minor,
        tax_minor=assessed.tax_minor,
        total_minor=assessed.total_minor,
        paid_minor=0,
        due_minor=assessed.total_minor,
        carry_nano=0,
        paid_carried_nano=0,
        paid_carry_nano=0,
        accounts={},
        prices={},
        plans={},
        proof=Proof(root=tree.EMPTY.hex(), size=0, public_key=""),
    )


def _left(invoice: Invoice, credited: Sequence[Invoice]) -> dict[int, int]:
    """Say what is left of each line; credit lines are below zero."""
    left = {line.number: line.minor for line in invoice.lines}
    for note in credited:
        for line in note.lines:
            left[line.facts["line"]] += line.minor
    return left


def _taken(line: Line, left: int, amount: int | None, *, currency: str) -> int:
    if amount is None:
        return left
    if amount <= 0 or amount > left:
        raise Conflict(
            f"line {line.number} has {rules.money_words(left, currency)} left to take back, "
            f"so {rules.money_words(amount, currency)} can't be"
        )
    return amount


def _credit_line(line: Line, taken: int, *, invoice: Invoice, number: int) -> Line:
    nano = -taken * rules.nano_per_minor(invoice.currency)
    return replace(
        line,
        number=number,
        kind=LineKind.CREDIT,
        facts={"line": line.number},
        quantity=1,
        unit="",
        price_book="",
        rated_nano=nano,
        covered={},
        nano=nano,
        minor=-taken,
        first_leaf=0,
        leaf_count=0,
        root="",
    )
