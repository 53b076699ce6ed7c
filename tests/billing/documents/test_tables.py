"""Tables of a document's lines and costs agree with the document, follow FOCUS, and hold no formula."""

import csv
import io
from decimal import Decimal

import msgspec
import pytest
from focus_data_toolkit.model import validator

from courtyard.billing import DocumentKind, Invoice, LineKind, exported, exported_costs
from courtyard.billing.documents.focus import COLUMNS
from courtyard.billing.documents.words import exact_decimal, moment, plain_decimal
from tests.billing.documents import made
from tests.billing.sample import VAT

_FORMULA = '=HYPERLINK("http://x","y")'

DOCUMENTS = {
    "standard": made.document(),
    "committed": made.committed(),
    "in the prices": made.document(taxes=(msgspec.structs.replace(VAT, inclusive=True),)),
    "without taxes": made.document(taxes=()),
    "credit note": made.document(kind=DocumentKind.CREDIT_NOTE, corrects="2026-000007"),
    "draft": made.document(number=""),
    "yen": made.document(currency="JPY"),
    "dinar": made.document(currency="KWD"),
}


def _rows(document: Invoice, form: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported(document, form).whole().decode("utf-8-sig"), newline="")))


def _sum(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_lines_sum_to_the_document(name: str) -> None:
    """Nothing is lost between the document and its table."""
    document = DOCUMENTS[name]
    rows = _rows(document, "csv")

    assert _sum(rows, "net") == Decimal(document.net_minor).scaleb(-document.minor_digits)
    assert _sum(rows, "exact") == Decimal(sum(line.nano for line in document.lines)).scaleb(-9)
    assert [int(row["line"]) for row in rows] == [line.number for line in document.lines]
    assert sum(int(row["input"]) for row in rows) == sum(line.usage.input for line in document.lines)


@pytest.mark.parametrize("form", ["csv", "focus"])
@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_no_name_becomes_a_formula(form: str, first: str) -> None:
    """What a spreadsheet would compute is text, and amounts below zero stay numbers."""
    name = first + _FORMULA
    document = made.with_lines(made.document(), project="prj_1", project_name=name, text=name)
    document = made.changed(document, buyer=made.buyer("zh", name=name))
    cells = [cell for row in _rows(document, form) for cell in row.values()]

    assert not [cell for cell in cells if cell.startswith(first) and not _is_number(cell)]
    assert f"'{name}" in cells
    assert "-3.50" in cells


def _is_number(cell: str) -> bool:
    return Decimal(cell).is_finite()


def test_excel_reads_chinese() -> None:
    """The table for people begins with a byte order mark; datasets for programs don't."""
    document = made.with_lines(made.document("zh"), project="prj_1", project_name="研究所")

    assert exported(document, "csv").whole().startswith(b"\xef\xbb\xbf")
    assert exported(document, "focus").whole().startswith(b"BilledCost,")
    assert "研究所" in exported(document, "csv").whole().decode()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_focus_rules_hold(name: str) -> None:
    """Every column is FOCUS 1.4's or begins with `x_`, and each row keeps the specification's rules for columns."""
    rows = _rows(DOCUMENTS[name], "focus")
    report = validator.lint_focus_1_4_structure(
        "Cost and Usage", rows, supported_conditions=[validator.COND_MULTIPLE_PRICING_CATEGORIES]
    )

    assert report.messages() == []
    assert tuple(rows[0]) == COLUMNS


def test_the_check_of_focus_finds_mistakes() -> None:
    """A row with another category, an unknown column and a tax that is priced does not pass."""
    rows = _rows(DOCUMENTS["standard"], "focus")
    rows[0] |= {"ChargeCategory": "Gift", "Surprise": "1"}
    rows[-1] |= {"PricingCategory": "Standard"}
    report = validator.lint_focus_1_4_structure("Cost and Usage", rows)

    assert len(report.messages()) >= 3


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_billed_sums_to_what_the_document_asks_for(name: str) -> None:
    """FOCUS wants the payable amount, so what was prepaid is not billed again."""
    document = DOCUMENTS[name]
    rows = _rows(document, "focus")

    assert _sum(rows, "BilledCost") == Decimal(document.due_minor).scaleb(-document.minor_digits)
    assert {row["InvoiceId"] for row in rows} == {document.number}
    assert {row["BillingCurrency"] for row in rows} == {document.currency}


def test_a_commitments_fee_is_spread_over_what_it_covered() -> None:
    """The purchase is billed and worth nothing; used and unused parts are worth the fee, to the last nano-unit."""
    document = DOCUMENTS["committed"]
    rows = _rows(document, "focus")
    committed = [row for row in rows if row["CommitmentDiscountId"]]
    bought = [row for row in committed if row["ChargeCategory"] == "Purchase"]
    used = [row for row in committed if row["CommitmentDiscountStatus"] == "Used"]
    unused = [row for row in committed if row["CommitmentDiscountStatus"] == "Unused"]

    assert [(row["BilledCost"], row["EffectiveCost"]) for row in bought] == [("49.00", "0.00")]
    assert _sum(used, "EffectiveCost") == Decimal("16.0736172") * 49 / 40
    assert _sum(used, "EffectiveCost") + _sum(unused, "EffectiveCost") == 49
    assert _sum(used, "BilledCost") == 0
    assert _sum(rows, "EffectiveCost") - _sum(rows, "BilledCost") == _rounding(document)
    tokens = [int(row["ConsumedQuantity"]) for row in rows if row["ConsumedUnit"] == "Tokens"]
    assert sum(tokens) == sum(line.usage.total for line in document.lines)


def _rounding(document: Invoice) -> Decimal:
    """What was prepaid is worth something and no longer billed; of this document nothing was."""
    return Decimal(document.paid_minor).scaleb(-document.minor_digits)


def test_late_use_is_a_correction_of_its_own_month() -> None:
    """Its charge period is the month of the use, and its class says why it is here."""
    document = made.changed(
        made.document(),
        lines=tuple(
            msgspec.structs.replace(line, month="2026-09") if line.kind is LineKind.CORRECTION else line
            for line in made.document().lines
        ),
    )
    late = [row for row in _rows(document, "focus") if row["ChargeClass"] == "Correction"]

    assert [(row["ChargeCategory"], row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in late] == [
        ("Usage", "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z")
    ]


def test_a_customers_documents_make_one_dataset() -> None:
    """One head, then the rows of every document, a draft among them."""
    made_ = exported_costs([DOCUMENTS["standard"], DOCUMENTS["draft"]], stem="org-sample-2026-11")
    rows = list(csv.DictReader(io.StringIO(made_.whole().decode(), newline="")))

    assert made_.file_name == "org-sample-2026-11.focus.csv"
    assert {row["InvoiceId"] for row in rows} == {"2026-000042", ""}
    assert len(rows) == 2 * len(_rows(DOCUMENTS["standard"], "focus"))


def test_figures_are_exact() -> None:
    """Integers become decimals by their digits alone."""
    assert [plain_decimal(count, digits=2) for count in (0, 5, -5, 123_456)] == ["0.00", "0.05", "-0.05", "1234.56"]
    assert plain_decimal(-7, digits=0) == "-7"
    assert [exact_decimal(nano) for nano in (0, 1, -1_500_000_000, 2 * 10**9)] == ["0", "0.000000001", "-1.5", "2"]
    assert exact_decimal(10**28 + 1, digits_min=2) == "10000000000000000000.000000001"
    assert moment(1_793_491_200_000) == "2026-11-01T00:00:00Z"
    assert moment(1_793_491_200_007) == "2026-11-01T00:00:00.007Z"
