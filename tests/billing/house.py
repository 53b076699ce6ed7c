"""Rooms that billing reads from, with receipts posted as nodes post them, at whatever moment a test asks for."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection, insert

from courtyard.app import House
from courtyard.billing import Billing, BillingSettings
from courtyard.core.amount import TOKEN, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.clock import FrozenClock
from courtyard.core.ids import ModelName, NodeId, OrganisationId, ProjectId, RequestId, new_id
from courtyard.core.usage import Usage
from courtyard.identity import Identity
from courtyard.ledger import Account, Charge, Funding, Ledger, Outcome, Period, Purpose, Settled, posting
from courtyard.ledger.tables import receipts
from courtyard.licensing import Licensing
from courtyard.pricing import Offer, Pricing
from courtyard.storage import Committer, Database, Entry, Keyring, chain

MODEL = ModelName("small")
PROJECT = ProjectId("prj_web")
RATES = {"input": 100_000_000, "output": 400_000_000}

_encode = msgspec.json.Encoder().encode


class Books:
    """A house of one organisation at a moment, without a server."""

    def __init__(
        self, database: Database, directory: Path, clock: FrozenClock, settings: BillingSettings = BillingSettings()
    ) -> None:
        self.database, self.clock = database, clock
        self.keyring = Keyring(directory / "keys")
        self.committer = Committer()
        self.identity = Identity(database, self.keyring, clock, home="home")
        self.pricing = Pricing(database, clock)
        self.ledger = Ledger(database, self.keyring, self.committer, clock, directory=directory / "journal")
        self.licensing = Licensing(self.ledger, self.pricing, database, clock)
        self.billing = self.of(settings)
        self._begin()

    @classmethod
    def over(cls, house: House) -> "Books":
        """The same over a whole house, as the command line opens it."""
        made = cls.__new__(cls)
        made.database, made.clock, made.keyring = house.database, house.clock, house.keyring
        made.identity, made.pricing, made.ledger = house.identity, house.pricing, house.ledger
        made.licensing, made.billing = house.licensing, house.billing
        made._begin()
        return made

    def _begin(self) -> None:
        self.node = NodeId("node_test")
        self._seq, self._head = 0, chain.BEGINNING
        self.organisation = self.identity.add_organisation("Clinique").id

    def of(self, settings: BillingSettings) -> Billing:
        """Billing of the same house by other settings, as another process has it."""
        return Billing(
            self.database,
            self.keyring,
            self.clock,
            identity=self.identity,
            ledger=self.ledger,
            pricing=self.pricing,
            licensing=self.licensing,
            settings=settings,
        )

    def price(self, rates: dict | None = None, *, kind: str = "per_token", model: str = MODEL, currency: str = "USD"):
        """A price from now on; returns its version."""
        offer = Offer(model=ModelName(model), kind=kind, rates=RATES if rates is None else rates)
        return self.pricing.amend([offer], currency=currency)

    def wallet(self, funding: Funding = Funding.POSTPAID, *, currency: str = "USD", unit: str | None = None) -> Account:
        """A wallet of a funding; a credit line is filled each month."""
        postpaid = funding == Funding.POSTPAID
        return self.ledger.open_account(
            self.organisation,
            purpose=Purpose.WALLET,
            unit=unit or money(currency),
            period=Period.MONTH if postpaid else Period.FOREVER,
            count_max=10**15 if postpaid else None,
            funding=funding,
        )

    def use(
        self,
        usage: Usage,
        paid: Sequence[tuple[Account, int]] | Account,
        *,
        at: str = "2026-11-10",
        model: str = MODEL,
        project: str = PROJECT,
        organisation: str | None = None,
        capped: bool = False,
    ) -> Settled:
        """A receipt of a moment that is posted, paid for as said, or by one wallet as its price says."""
        settled = self.receipt(
            usage, paid, at=at, model=model, project=project, organisation=organisation, capped=capped
        )
        self.post([settled])
        return settled

    def receipt(
        self,
        usage: Usage,
        paid: Sequence[tuple[Account, int]] | Account,
        *,
        at: str = "2026-11-10",
        model: str = MODEL,
        project: str = PROJECT,
        organisation: str | None = None,
        capped: bool = False,
    ) -> Settled:
        """The same, not posted yet."""
        at_ms = moment(at)
        priced = self.pricing.priced_at(ModelName(model), max(at_ms, self.clock.now_ms()))
        if isinstance(paid, Account):
            paid = [(paid, usage.total if paid.unit == TOKEN else priced.price.rate(usage))]
        return Settled(
            id=RequestId(new_id("req")),
            organisation=OrganisationId(organisation or self.organisation),
            project=ProjectId(project),
            kind=Kind.CHAT,
            model=ModelName(model),
            usage=usage,
            outcome=Outcome.COMPLETE,
            price_book=priced.book,
            node=self.node,
            at_ms=at_ms,
            charges=tuple(
                Charge(account=wallet.id, count=count, unit=wallet.unit, capped=capped) for wallet, count in paid
            ),
            cost=Amount(sum(count for _, count in paid), paid[0][0].unit if paid else priced.unit),
        )

    def post(self, settlements: Sequence[Settled]) -> None:
        """Post receipts as a node does."""
        entries = []
        for settled in settlements:
            raw = _encode(settled)
            digest = chain.digest(self._head, raw)
            entries.append(Entry(1, self._seq, self._head, digest, raw))
            self._seq, self._head = self._seq + 1, digest
        with self.database.transaction() as db:
            posting.post(db, self.node, entries, {}, at_ms=self.clock.now_ms())

    def insert(self, db: Connection, settled: Settled, *, node: str) -> None:
        """Write another node's first receipt, in a transaction that goes on."""
        raw = _encode(settled)
        digest = chain.digest(chain.BEGINNING, raw)
        row = posting.columns(settled) | {"node": node, "epoch": 1, "seq": 0, "previous": chain.BEGINNING}
        db.execute(insert(receipts).values(**row, digest=digest, entry=raw.decode()))

    def go(self, at: str) -> None:
        """Let time pass until a moment."""
        self.clock.advance((moment(at) - self.clock.now_ms()) / 1000)


def moment(text: str) -> int:
    """Milliseconds of a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
