"""The nouns of the books."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from courtyard.core.amount import Amount, Unit
from courtyard.core.chat import Kind
from courtyard.core.ids import (
    AccountId,
    EngineName,
    KeyId,
    LeaseId,
    ModelName,
    NodeId,
    OrganisationId,
    PersonId,
    ProjectId,
    Region,
    RequestId,
)
from courtyard.core.usage import Usage


class Period(StrEnum):
    """How long a grant lasts. Windows are aligned to UTC."""

    FOREVER = "forever"
    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


class Purpose(StrEnum):
    """A wallet pays; a limit merely bounds."""

    WALLET = "wallet"
    LIMIT = "limit"


class Funding(StrEnum):
    """Who pays for what a wallet grants. A limit merely bounds and is funded by nobody."""

    NONE = "none"
    INCLUDED = "included"
    """A plan's allowance, paid for by its fee, or a free tier."""
    CREDIT = "credit"
    """Given away, mostly for a time."""
    PREPAID = "prepaid"
    """Topped up with money."""
    POSTPAID = "postpaid"
    """A credit line: what is used of it is invoiced."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """So much of one unit, once or in every window: a prepaid wallet, a budget, a rate."""

    id: AccountId
    owner: str
    """The organisation, project, key or person whose use it pays for or bounds."""
    purpose: Purpose
    unit: Unit
    period: Period
    count_max: int | None = None
    """What each window grants. `None` for a prepaid wallet, which has what was topped up."""
    name: str = ""
    funding: Funding = Funding.NONE
    expires_at_ms: int | None = None
    """From then on nothing is held of it, and what is left of it lapses."""


class Leg(msgspec.Struct, frozen=True):
    """An amount of one account, to hold or to charge."""

    account: AccountId
    amount: Amount
    capped: bool = False
    """In a charge: more was used than was held, and no more than the hold is charged."""


class Hold(msgspec.Struct, frozen=True):
    """Amounts set apart for one request until it is settled or released."""

    id: RequestId
    legs: tuple[Leg, ...]
    windows: tuple[int, ...]
    """For each leg, when the window began that it was held in; what is charged belongs to that window."""
    held_at_ms: int
    expires_at_ms: int


class Claim(msgspec.Struct, frozen=True):
    """A caller's word that requests under one idempotency key are the same request."""

    organisation: str
    key: str
    """A digest of the caller's key."""
    request_digest: str


class Outcome(StrEnum):
    """How a request ended."""

    COMPLETE = "complete"
    HANGUP = "hangup"
    CUT = "cut"
    FAILED = "failed"


class Use(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a request when it is settled: counts, names and digests, never content."""

    id: RequestId
    organisation: OrganisationId
    project: ProjectId
    key: KeyId | None = None
    person: PersonId | None = None
    kind: Kind
    model: ModelName
    engine: EngineName | None = None
    region: Region | None = None
    usage: Usage = Usage()
    outcome: Outcome
    estimated: bool = False
    """Whether the usage was counted here, because the engine did not report it."""
    price_book: str = ""
    """SHA-256 of the price book it was rated by."""
    idempotency_key: str | None = None
    """The `key` of its claim: a digest, never what the caller sent."""
    request_digest: str = ""


class Charge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one account was charged, in which window."""

    account: AccountId
    window_ms: int = 0
    count: int
    unit: Unit
    capped: bool = False


class Settled(Use, frozen=True, kw_only=True, omit_defaults=True):
    """A receipt as it stands in the journal: its JSON, in this order of fields, is what the digest is over."""

    node: NodeId
    at_ms: int
    charges: tuple[Charge, ...] = ()
    cost: Amount


class Receipt(Settled, frozen=True, kw_only=True, omit_defaults=True):
    """A settled use and its place in the node's journal.

    `digest` is SHA-256 over the 32 bytes of `previous` and then the entry, which is the JSON of every field but
    `epoch`, `seq`, `previous` and `digest`, exactly as the journal and `courtyard receipts show` give it.
    """

    epoch: int
    seq: int
    previous: str
    digest: str


class Needs(NamedTuple):
    """What a request would hold if every account had it, and whether what this node has at hand will do."""

    counts: Mapping[AccountId, int]
    are_met: Callable[[], bool]


class Settlement(NamedTuple):
    """A receipt, and what to await until it is durable."""

    receipt: Receipt
    committed: Awaitable[None]


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of one window of an account, handed to a node and signed by the operator's key."""

    id: LeaseId
    node: NodeId
    account: AccountId
    unit: Unit
    window_ms: int
    count: int
    expires_at_ms: int
    signature: str = ""
    is_open: bool = True
    """Whether what is left of it is still with the node."""


class NodeState(StrEnum):
    """How a node is doing."""

    LIVE = "live"
    LATE = "late"
    """It missed some of its beats."""
    LOST = "lost"
    """It ended without a word, or it can't reach the book; what it has leased comes back when that expires."""
    DRAINED = "drained"
    """It ended in order."""
    RETIRED = "retired"


class LeaseStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What a node has left of one window of an account, as far as its receipts are posted."""

    account: AccountId
    unit: Unit
    window_ms: int
    left: int
    expires_at_ms: int


class NodeStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A node as the book knows it: when it was seen, how far its journal is posted, and what it has leased."""

    node: NodeId
    name: str
    region: str
    state: NodeState
    joined_at_ms: int
    seen_at_ms: int
    epoch: int
    seq: int
    """The last posted entry; -1 where there is none."""
    leases: tuple[LeaseStanding, ...] = ()
    trouble: str = ""
    """Why entries of its journal are not booked, or were not."""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a window of an account stands in the book: `granted == available + leased + spent`, always."""

    account: AccountId
    window_ms: int
    granted: int
    available: int
    leased: int
    spent: int


class Dimension(StrEnum):
    """What usage is summed by."""

    DAY = "day"
    ORGANISATION = "organisation"
    PROJECT = "project"
    KEY = "key"
    PERSON = "person"
    MODEL = "model"
    ENGINE = "engine"
    REGION = "region"
    PRICE_BOOK = "price_book"


class UsageFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which uses are asked for; days are UTC, `YYYY-MM-DD`, and both ends belong to the range."""

    organisation: str | None = None
    project: str | None = None
    key: str | None = None
    person: str | None = None
    model: str | None = None
    day_first: str | None = None
    day_last: str | None = None


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Uses summed by some dimensions, and by currency."""

    by: dict[Dimension, str]
    requests: int
    served: int
    """Requests that something was delivered of: the others cost nothing."""
    usage: Usage
    cost: Amount


class ReceiptPage(msgspec.Struct, frozen=True, kw_only=True):
    """Receipts, newest first; `next` asks for the ones before them."""

    receipts: tuple[Receipt, ...]
    next: int | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the books that should not be so."""

    check: str
    where: str
    what: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of the books read, and what it found."""

    accounts: int = 0
    balances: int = 0
    postings: int = 0
    leases: int = 0
    receipts: int = 0
    journal_entries: int = 0
    unposted: int = 0
    torn: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.findings
