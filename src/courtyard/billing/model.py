"""The nouns of billing. Amounts are integers: `_minor` in a currency's minor units, `_nano` exact beside them."""

import re
from enum import StrEnum

import msgspec

from courtyard.core.ids import ModelName, OrganisationId, ProjectId
from courtyard.core.usage import Usage

FORMAT = "courtyard-invoice/1"

_CATEGORIES = ("S", "Z", "E", "AE", "G", "O")
_RATE_BP_MAX = 10_000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class DocumentKind(StrEnum):
    """An invoice asks for money, a credit note gives some back, and a statement only tells."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    STATEMENT = "statement"


class LineKind(StrEnum):
    """What a line is for."""

    CARRY = "carry"
    """What rounding left over on the invoice before."""
    USAGE = "usage"
    CORRECTION = "correction"
    """Use of a month that was closed before its receipts arrived, dated with that month."""
    SEAT = "seat"
    FEE = "fee"
    COMMITMENT = "commitment"
    """The fee of a plan that includes an allowance: what is committed to."""
    ADJUSTMENT = "adjustment"
    """A month's exact price against what was charged during it, or what the operator added by hand."""
    CREDIT = "credit"
    """What a credit note takes back."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Who sells or who buys."""

    name: str = ""
    """The name in law."""
    address: tuple[str, ...] = ()
    """Street and what goes with it, a line each."""
    postcode: str = ""
    """The postal code, as it stands before the city."""
    city: str = ""
    """The city."""
    country: str = ""
    """ISO 3166-1, two capital letters."""
    tax_id: str = ""
    """A VAT or GST number; in the EU with its country, as in DE123456789."""
    registration: str = ""
    """A number in a register of companies."""
    email: str = ""
    """Where questions about invoices go, or invoices themselves."""
    language: str = "en"
    """Of the documents that it gets: `en`, `zh`, `ar`, `ru`."""
    business: bool = True
    """Whether it is a business, and no private person."""
    iban: str = ""
    """The account that invoices are paid to."""
    bic: str = ""
    """The BIC of its bank."""
    bank: str = ""
    """The name of its bank."""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as its invoices are addressed."""

    organisation: OrganisationId
    party: Party
    payment_days: int = 14
    reference: str = ""
    """What the buyer wants to read on each invoice, such as an order's number."""


class TaxRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tax a line bears. Of the rules that fit, the first one holds; conditions left out fit always."""

    name: str
    """As invoices call it: `VAT`, `GST`."""
    category: str = "S"
    """EN 16931's letter: S standard, Z zero, E exempt, AE reverse charge, G export, O outside the scope of tax."""
    rate_bp: int = 0
    """Hundredths of a per cent: 1900 is 19 %."""
    inclusive: bool = False
    """Whether prices have the tax in them."""
    sellers: tuple[str, ...] = ()
    """Countries of the seller."""
    buyers: tuple[str, ...] = ()
    """Countries of the buyer."""
    business: bool | None = None
    """Whether the buyer is one. For AE it must be, with a tax number."""
    lines: tuple[LineKind, ...] = ()
    """Kinds of lines that it is for."""
    first_day: str = ""
    """The day from which on it holds, by the end of the line's period: `2026-01-01`."""
    last_day: str = ""
    note: str = ""
    """What the invoice must say because of it."""

    def __post_init__(self) -> None:
        if self.category not in _CATEGORIES:
            raise ValueError(f"{self.category!r} is no category of tax: it is one of {', '.join(_CATEGORIES)}")
        if not 0 <= self.rate_bp <= _RATE_BP_MAX or (self.rate_bp and self.category != "S"):
            raise ValueError(
                "a tax of category S has a rate of 0 to 10000 hundredths of a per cent, any other has none"
            )
        for day in (self.first_day, self.last_day):
            if day and not _DAY.fullmatch(day):
                raise ValueError(f"{day!r} is no day: write it as in 2026-01-31")


class BillingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who sells, and which taxes its invoices bear."""

    seller: Party = Party()
    taxes: tuple[TaxRule, ...] = ()
    """Rules of tax, each a `[[billing.taxes]]`; the first that fits a line holds."""
    payment_days: int = 14
    """When an invoice is due, unless the customer has other terms."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `minor` is `nano` and what the line before left, rounded half to even; the rest goes to the next."""

    number: int
    kind: LineKind
    month: str
    """`2026-11`: when what it is for was used or held, by UTC."""
    project: ProjectId | None = None
    project_name: str = ""
    model: ModelName | None = None
    price_kind: str = ""
    price_book: str = ""
    """SHA-256 of the document in `prices` (or, for seats and fees, in `plans`) that it is computed from."""
    text: str = ""
    """What people wrote about it: for adjustments and credits."""
    facts: dict[str, int] = {}
    """What it is computed from besides receipts: days, seats, what was used before in the month."""
    quantity: int = 0
    unit: str = ""
    """What `quantity` counts: `request`, `token`, `seat`, `month`."""
    usage: Usage = Usage()
    """What its receipts used, by dimension."""
    rated_nano: int = 0
    """What it would cost if no allowance or credit covered any of it."""
    covered: dict[str, int] = {}
    """What paid for it, in nano-units by funding: `included`, `credit`, `prepaid`, `postpaid`."""
    nano: int = 0
    """What it costs, exactly: `rated_nano` less what is `included` or `credit`."""
    minor: int = 0
    net_minor: int = 0
    """`minor` without a tax that prices include."""
    tax: int = 0
    """Which of the document's taxes it bears, counted from 0."""
    first_leaf: int = 0
    leaf_count: int = 0
    """Its receipts are these leaves of the document's tree."""
    root: str = ""
    """Root of the tree of its receipts alone, which tells which line is wrong."""


class TaxLine(msgspec.Struct, frozen=True, kw_only=True):
    """A tax and what it comes to. `tax_minor` is rounded once, half to even."""

    name: str
    category: str
    rate_bp: int
    inclusive: bool
    base_minor: int
    """Without the tax, also where prices include it."""
    tax_minor: int
    note: str = ""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a document is checked by: the RFC 6962 root over its receipts, and the operator's signature."""

    root: str
    size: int
    public_key: str
    signature: str = ""
    """Ed25519 over the canonical JSON of the document without this field."""


class Inclusion(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that one receipt is on an invoice, checked by the root on it alone (RFC 9162, section 2.1.3.2)."""

    number: str
    line: int
    leaf: int
    size: int
    root: str
    digest: str
    """The receipt's: what the leaf is the hash of."""
    path: tuple[str, ...]


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it was issued. A credit note's amounts are below zero."""

    format: str = FORMAT
    kind: DocumentKind = DocumentKind.INVOICE
    number: str
    """`2026-000001`; empty on a draft."""
    corrects: str | None = None
    """The invoice that a credit note is about."""
    reason: str = ""
    seller: Party
    buyer: Party
    organisation: OrganisationId
    reference: str = ""
    currency: str
    minor_digits: int
    """Decimals of the currency: 2 for USD, 0 for JPY, 3 for KWD."""
    period_from_ms: int
    period_until_ms: int
    issued_at_ms: int
    due_at_ms: int
    lines: tuple[Line, ...]
    taxes: tuple[TaxLine, ...]
    net_minor: int
    tax_minor: int
    total_minor: int
    paid_minor: int
    """What prepaid wallets paid of it already."""
    due_minor: int
    carry_nano: int = 0
    """What rounding left over: the next invoice begins with it."""
    paid_carried_nano: int = 0
    paid_carry_nano: int = 0
    """The same for what was paid: what came from the invoice before, and what goes to the next."""
    accounts: dict[str, str] = {}
    """Funding of each wallet that its receipts were charged on."""
    prices: dict[str, str] = {}
    """Price documents by their SHA-256, which is over just this text."""
    plans: dict[str, str] = {}
    """Plan documents, likewise."""
    notes: tuple[str, ...] = ()
    previous: str = ""
    """SHA-256 of the canonical JSON of the document before it in its series."""
    proof: Proof
