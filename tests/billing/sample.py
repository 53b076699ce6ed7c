"""Documents for tests that need one and no house: signed, with sums that agree."""

import json
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.billing import proof, rules, tax
from courtyard.billing.model import DocumentKind, Invoice, Line, LineKind, Party, Proof, TaxRule
from courtyard.core.ids import ModelName, OrganisationId, ProjectId
from courtyard.core.usage import Usage
from courtyard.storage import tree

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

SELLER = Party(
    name="Nordwind Rechenzentrum GmbH",
    address=("Hafenstraße 7",),
    postcode="20457",
    city="Hamburg",
    country="DE",
    tax_id="DE123456789",
    registration="HRB 4711, Amtsgericht Hamburg",
    email="billing@nordwind.example",
    iban="DE02120300000000202051",
    bic="BYLADEM1001",
    bank="DKB",
)
BUYER = Party(
    name="Clinique du Lac SARL",
    address=("12 rue de l'Hôpital", "Bâtiment C"),
    postcode="74000",
    city="Annecy",
    country="FR",
    tax_id="FR40303265045",
    email="compta@clinique.example",
    language="en",
)
VAT = TaxRule(name="VAT", category="S", rate_bp=1900)
REVERSE = TaxRule(name="VAT", category="AE", buyers=("FR",), business=True)

_FROM_MS = rules.read_month("2026-11").begins_ms
_UNTIL_MS = rules.read_month("2026-11").ends_ms
_DAY_MS = 86_400_000

PRICES = json.dumps(
    {
        "book": "standard",
        "currency": "EUR",
        "from_ms": _FROM_MS,
        "prices": [
            {"kind": "per_token", "model": "qwen2.5-coder-1.5b", "rates": {"input": 100_000_000, "output": 400_000_000}}
        ],
    },
    sort_keys=True,
    separators=(",", ":"),
)
PLAN = json.dumps(
    {"currency": "EUR", "fee_nano": 49_000_000_000, "name": "team", "seats": {"included": 3, "price_nano": 12 * 10**9}},
    sort_keys=True,
    separators=(",", ":"),
)


def sample(
    *,
    currency: str = "EUR",
    buyer: Party = BUYER,
    taxes: tuple[TaxRule, ...] = (VAT,),
    kind: DocumentKind = DocumentKind.INVOICE,
    number: str = "2026-000042",
    corrects: str | None = None,
) -> Invoice:
    """An invoice with every kind of line that an organisation sees, or a credit note on it."""
    sign = -1 if kind == DocumentKind.CREDIT_NOTE else 1
    leaves = [sha256(str(place).encode()).digest() for place in range(7)]
    exact = _lines()
    minors, carry = rules.carried((line["nano"] for line in exact), rules.nano_per_minor(currency))
    lines, first = [], 0
    for place, (line, minor) in enumerate(zip(exact, minors, strict=True), start=1):
        count = line.get("leaf_count", 0)
        root = tree.root(leaves[first : first + count]).hex() if count else ""
        lines.append(Line(number=place, month="2026-11", minor=sign * minor, first_leaf=first, root=root, **line))
        first += count
    assessed = tax.assess(lines, taxes, seller=SELLER, buyer=buyer)
    paid = 0 if sign < 0 else rules.half_even(5_000_000_000, rules.nano_per_minor(currency))
    draft = Invoice(
        kind=kind,
        number=number,
        corrects=corrects,
        reason="The wrong price was in force." if sign < 0 else "",
        seller=SELLER,
        buyer=buyer,
        organisation=OrganisationId("org_sample"),
        reference="PO-2026-118",
        currency=currency,
        minor_digits=rules.minor_digits(currency),
        period_from_ms=_FROM_MS,
        period_until_ms=_UNTIL_MS,
        issued_at_ms=_UNTIL_MS + _DAY_MS,
        due_at_ms=_UNTIL_MS + 15 * _DAY_MS,
        lines=assessed.lines,
        taxes=assessed.taxes,
        net_minor=assessed.net_minor,
        tax_minor=assessed.tax_minor,
        total_minor=assessed.total_minor,
        paid_minor=paid,
        due_minor=assessed.total_minor - paid,
        carry_nano=carry,
        accounts={"acct_credit": "credit", "acct_prepaid": "prepaid", "acct_line": "postpaid"},
        prices={sha256(PRICES.encode()).hexdigest(): PRICES},
        plans={sha256(PLAN.encode()).hexdigest(): PLAN},
        notes=tuple(line.note for line in assessed.taxes if line.note),
        previous="00" * 32,
        proof=Proof(root=tree.root(leaves).hex(), size=len(leaves), public_key=""),
    )
    return proof.sign(draft, KEY)


def _lines() -> list[dict]:
    book = sha256(PRICES.encode()).hexdigest()
    plan = sha256(PLAN.encode()).hexdigest()
    used = {
        "model": ModelName("qwen2.5-coder-1.5b"),
        "price_kind": "per_token",
        "price_book": book,
        "unit": "request",
    }
    return [
        {"kind": LineKind.CARRY, "nano": 3_000_000, "rated_nano": 3_000_000},
        {
            "kind": LineKind.FEE,
            "text": "team",
            "price_book": plan,
            "quantity": 1,
            "unit": "month",
            "facts": {"days": 30, "month_days": 30},
            "rated_nano": 49_000_000_000,
            "nano": 49_000_000_000,
        },
        {
            "kind": LineKind.SEAT,
            "text": "team",
            "price_book": plan,
            "quantity": 5,
            "unit": "seat",
            "facts": {"seat_days": 135, "days": 30, "month_days": 30},
            "rated_nano": 18_000_000_000,
            "nano": 18_000_000_000,
        },
        used
        | {
            "kind": LineKind.USAGE,
            "project": ProjectId("prj_web"),
            "project_name": "Website",
            "quantity": 4,
            "usage": Usage(input=61_000_000, cached_input=2_500_000, output=20_000_000, reasoning=400_000),
            "facts": {"served": 4},
            "rated_nano": 14_510_004_000,
            "covered": {"credit": 2_000_000_000, "prepaid": 5_000_000_000, "postpaid": 7_510_004_000},
            "nano": 12_510_004_000,
            "leaf_count": 4,
        },
        used
        | {
            "kind": LineKind.USAGE,
            "project": ProjectId("prj_lab"),
            "project_name": "Research",
            "quantity": 2,
            "usage": Usage(input=1_230_000, output=9_876_543, images=3),
            "facts": {"served": 2},
            "rated_nano": 4_073_617_200,
            "covered": {"postpaid": 4_073_617_200},
            "nano": 4_073_617_200,
            "leaf_count": 2,
        },
        used
        | {
            "kind": LineKind.CORRECTION,
            "project": ProjectId("prj_web"),
            "project_name": "Website",
            "quantity": 1,
            "usage": Usage(input=12_345),
            "facts": {"served": 1},
            "rated_nano": 1_234_500,
            "covered": {"postpaid": 1_234_500},
            "nano": 1_234_500,
            "leaf_count": 1,
        },
        {
            "kind": LineKind.ADJUSTMENT,
            "text": "Outage on 12 November",
            "rated_nano": -3_500_000_000,
            "nano": -3_500_000_000,
        },
    ]
