"""Documents as tests of their forms need them: in a language, with other taxes, with a commitment."""

import json
from hashlib import sha256
from typing import Any

import msgspec

from courtyard.billing import Invoice, LineKind, Party
from courtyard.billing.documents import typesetting
from courtyard.billing.documents.formats import written_pdf
from courtyard.billing.tax import summed
from tests.billing.sample import BUYER, sample

NAMES = {
    "en": "Example Press Ltd",
    "zh": "上海示例科技有限公司",
    "ar": "شركة المثال المحدودة",
    "ru": "ООО «Пример»",
}


def buyer(language: str, **changes: Any) -> Party:
    return msgspec.structs.replace(BUYER, **{"language": language, "name": NAMES[language]} | changes)


def document(language: str = "en", **options: Any) -> Invoice:
    return sample(buyer=buyer(language), **options)


def with_lines(document: Invoice, **changes: Any) -> Invoice:
    """The document, with every line changed, and its sums as they were."""
    return changed(document, lines=tuple(msgspec.structs.replace(line, **changes) for line in document.lines))


def changed(document: Invoice, **changes: Any) -> Invoice:
    return msgspec.structs.replace(document, **changes)


def pdf(document: Invoice) -> bytes:
    """The document on paper, set in this process: a test sets many, and the typesetter's own begins with each."""
    return written_pdf(document, typesetting.pdf_here)


def long(count: int) -> Invoice:
    """An invoice of so many lines of use."""
    made = document()
    use = next(line for line in made.lines if line.kind is LineKind.USAGE)
    lines = (msgspec.structs.replace(use, number=at, project_name=f"Project {at}") for at in range(1, count + 1))
    return changed(made, lines=tuple(lines))


def committed() -> Invoice:
    """An invoice with a commitment of 49 for an allowance of 40, of which two lines used 16.0736172."""
    made = document()
    plan = json.dumps({"allowance_nano": 40 * 10**9, "fee_nano": 49 * 10**9, "name": "team"})
    digest = sha256(plan.encode()).hexdigest()
    lines = list(made.lines)
    fee = next(at for at, line in enumerate(lines) if line.kind is LineKind.FEE)
    first, second = (at for at, line in enumerate(lines) if line.kind is LineKind.USAGE)
    lines[fee] = msgspec.structs.replace(lines[fee], kind=LineKind.COMMITMENT, price_book=digest)
    lines[first] = msgspec.structs.replace(
        lines[first],
        covered={"included": 12_000_000_000, "postpaid": 2_510_004_000},
        nano=2_510_004_000,
        minor=251,
    )
    lines[second] = msgspec.structs.replace(lines[second], covered={"included": 4_073_617_200}, nano=0, minor=0)
    assessed = summed(lines, made.taxes)
    return changed(
        made,
        lines=assessed.lines,
        taxes=assessed.taxes,
        net_minor=assessed.net_minor,
        tax_minor=assessed.tax_minor,
        total_minor=assessed.total_minor,
        paid_minor=0,
        due_minor=assessed.total_minor,
        plans={**made.plans, digest: plan},
    )
