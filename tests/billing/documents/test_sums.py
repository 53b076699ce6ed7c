"""Whatever the lines and taxes are, every form of a document sums to the document."""

import json
from decimal import Decimal
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from courtyard.billing import Invoice, Line, LineKind, TaxRule, exported
from courtyard.billing.documents.focus_shares import shares
from courtyard.billing.rules import carried, minor_digits, nano_per_minor
from courtyard.billing.tax import assess
from tests.billing.documents import made
from tests.billing.documents.en16931 import broken
from tests.billing.sample import BUYER, SELLER

_ALLOWANCE = 25 * 10**9
_PLAN = json.dumps({"allowance_nano": _ALLOWANCE, "name": "team"})
_DIGEST = sha256(_PLAN.encode()).hexdigest()

_NANO = st.integers(0, 10**13)
_RULES = st.lists(
    st.builds(
        TaxRule,
        name=st.sampled_from(["VAT", "GST"]),
        rate_bp=st.integers(1, 2700),
        inclusive=st.booleans(),
        lines=st.sampled_from([(), (LineKind.USAGE,), (LineKind.COMMITMENT,)]),
    ),
    max_size=3,
).map(lambda rules: (*rules, TaxRule(name="VAT", rate_bp=1900)))


@st.composite
def _documents(draw: st.DrawFn) -> Invoice:
    currency = draw(st.sampled_from(["EUR", "JPY"]))
    lines = [
        Line(number=0, kind=LineKind.COMMITMENT, month="2026-11", price_book=_DIGEST, nano=fee, rated_nano=fee)
        for fee in draw(st.lists(_NANO, max_size=2))
    ]
    for rated in draw(st.lists(_NANO, min_size=1, max_size=6)):
        included = draw(st.integers(0, min(rated, _ALLOWANCE // 6)))
        prepaid = draw(st.integers(0, rated - included))
        covered = {"included": included, "prepaid": prepaid}
        lines.append(
            Line(
                number=0, kind=LineKind.USAGE, month="2026-11", rated_nano=rated, covered=covered, nano=rated - included
            )
        )
    less = -draw(_NANO)
    lines.append(Line(number=0, kind=LineKind.ADJUSTMENT, month="2026-10", nano=less, rated_nano=less))
    minors, _ = carried([line.nano for line in lines], nano_per_minor(currency), draw(st.integers(-(10**6), 10**6)))
    rounded = [_placed(line, number, minor) for number, (line, minor) in enumerate(zip(lines, minors, strict=True), 1)]
    assessed = assess(rounded, draw(_RULES), seller=SELLER, buyer=BUYER)
    before = draw(st.integers(-(10**6), 10**6))
    prepaid = sum(line.covered.get("prepaid", 0) for line in lines)
    (paid,), _ = carried([prepaid], nano_per_minor(currency), before)
    return made.changed(
        made.document(),
        currency=currency,
        minor_digits=minor_digits(currency),
        lines=assessed.lines,
        taxes=assessed.taxes,
        net_minor=assessed.net_minor,
        tax_minor=assessed.tax_minor,
        total_minor=assessed.total_minor,
        paid_minor=paid,
        paid_carried_nano=before,
        due_minor=assessed.total_minor - paid,
        plans={_DIGEST: _PLAN},
    )


def _placed(line: Line, number: int, minor: int) -> Line:
    return Line(
        number=number,
        kind=line.kind,
        month=line.month,
        price_book=line.price_book,
        rated_nano=line.rated_nano,
        covered=line.covered,
        nano=line.nano,
        minor=minor,
    )


@settings(max_examples=80, deadline=None)
@given(_documents())
def test_every_form_sums_to_the_document(document: Invoice) -> None:
    """FOCUS bills what there is to pay, a commitment's fee is spread to the last nano, and EN 16931's sums hold."""
    divided = shares(document)
    minor_nano = nano_per_minor(document.currency)
    billed = sum(share.billed_nano for share in divided.lines) + sum(divided.taxes_minor) * minor_nano
    fees = [line.net_minor * minor_nano for line in document.lines if line.kind is LineKind.COMMITMENT]
    amortised = sum(share.amortised_nano for share in divided.lines)

    assert billed == document.due_minor * minor_nano
    assert amortised + divided.unused_nano == sum(fees)
    assert all(share.amortised_nano >= 0 for share in divided.lines)
    assert divided.unused_nano >= 0
    assert broken(exported(document, "xml").whole()) == []
    rows = exported(document, "focus").whole().decode().splitlines()[1:]
    assert sum(Decimal(row.split(",")[0]) for row in rows) == Decimal(document.due_minor).scaleb(-document.minor_digits)
