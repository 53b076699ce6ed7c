"""The nouns of licensing: plans, the contracts made of them, seats, and who pays for a request."""

from typing import NewType

import msgspec

from courtyard.core.amount import Amount, Unit
from courtyard.core.ids import ModelName, OrganisationId, PersonId
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Period
from courtyard.pricing import STANDARD, Priced

ContractId = NewType("ContractId", str)


class Entitlement(msgspec.Struct, frozen=True, kw_only=True):
    """A request that somebody pays for: the wallets in the order of paying, then every limit, always in one order."""

    wallets: tuple[Account, ...]
    limits: tuple[Account, ...] = ()
    priced: Priced

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every account that the request bears on."""
        return self.wallets + self.limits


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """So much of a unit in each period: a limit as plans and licences write it."""

    count: int
    unit: Unit
    period: Period


class SeatTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a seat costs a month, and who needs one: people do, and a project's own keys don't."""

    price_nano: int = 0
    included: int = 0
    """Seats that the plan's fee covers."""
    max: int | None = None
    """Seats that may be held at once, unless the contract says another number."""
    people_only: bool = False
    """Whether a project's own keys are refused."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation gets and pays each month. The canonical JSON of this is what its digest is over."""

    name: str
    currency: str
    book: str = STANDARD
    """The price book that use is rated by."""
    fee_nano: int = 0
    """So much a month."""
    seats: SeatTerms | None = None
    allowance_nano: int = 0
    """Use that the fee covers each month. With a fee of as much this is committed spend; use beyond it is overage."""
    tokens: int = 0
    """Tokens that the fee covers each month."""
    credit_nano: int = 0
    """Given once, with the organisation's first contract of this name."""
    credit_days: int | None = None
    """How long the credit is good; without an end where nothing is said."""
    credit_line_nano: int | None = None
    """The most of a month's use that is invoiced afterwards."""
    prepaid: bool = False
    """Whether there is a wallet to top up."""
    trial_days: int | None = None
    """How long a contract runs that says no end of its own."""
    limits: tuple[Bound, ...] = ()
    models: tuple[ModelName, ...] | None = None
    """Models that it offers; `None` is all."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as it stands in the list: never edited; the newest of a name is what contracts are made of."""

    digest: str
    plan: Plan
    set_at_ms: int


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation's word on a plan, from one moment to another. Changing plan ends one and begins the next."""

    id: ContractId
    organisation: OrganisationId
    plan: str
    """The digest of the plan."""
    book: str = STANDARD
    starts_ms: int
    ends_ms: int | None = None
    reseller: OrganisationId | None = None
    """Whose customer the organisation is; the operator's own where nobody is named."""
    seats_max: int | None = None
    signed_at_ms: int

    def runs(self, now_ms: int) -> bool:
        """Whether it is in force at a moment."""
        return self.starts_ms <= now_ms and (self.ends_ms is None or now_ms < self.ends_ms)


class SeatHold(msgspec.Struct, frozen=True, kw_only=True):
    """A seat that somebody holds or held."""

    organisation: OrganisationId
    person: PersonId
    from_ms: int
    until_ms: int | None = None


class WholesaleLine(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's use of a model, as the customer pays for it and as the reseller does."""

    customer: OrganisationId
    model: ModelName
    requests: int
    usage: Usage
    revenue: Amount
    """What the customer is charged, by the customer's price book; nothing for what its plan's tokens paid."""
    wholesale: Amount
    """What the reseller owes for it, by the book of the reseller's own contract."""

    @property
    def margin(self) -> Amount | None:
        """What the reseller keeps; nothing where the two are in different currencies."""
        return self.revenue - self.wholesale if self.revenue.unit == self.wholesale.unit else None
