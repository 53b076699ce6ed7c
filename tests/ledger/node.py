"""A node's ledger, as a process has it, and words for what tests do with it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from courtyard.core.amount import REQUEST, TOKEN, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.clock import Clock
from courtyard.core.ids import ModelName, OrganisationId, ProjectId, RequestId, new_id
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Hold, Ledger, Leg, Outcome, Period, Purpose, Receipt, Settlement, Use
from courtyard.storage import Committer, Database, Keyring

USD = money("USD")
OWNER = "org_1"


class Away(Database):
    """A database that can be taken away and brought back, and be slow."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.away = False
        self.delay_s = 0.0
        self.looks = 0
        self.transactions = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self._look()
        self.transactions += 1
        with super().transaction() as db:
            yield db

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        self._look()
        with super().reading() as db:
            yield db

    def _look(self) -> None:
        self.looks += 1
        time.sleep(self.delay_s)
        if self.away:
            raise OperationalError("SELECT 1", {}, Exception("the server is gone"))


class Node:
    """A ledger on one data directory. A node made again on the same directory is the next run of it."""

    def __init__(
        self, database: Database, directory: Path, clock: Clock, *, alone: bool = True, key: str = "node"
    ) -> None:
        self.database = database
        self.directory = directory / ("journal" + key.removeprefix("node"))
        self.clock = clock
        self.committer = Committer()
        keyring = Keyring(directory / "keys")
        keyring.keep("operator.key", "11" * 32)  # One operator has all nodes; each node has a key of its own.
        self.ledger = Ledger(database, keyring, self.committer, clock, directory=self.directory, name=key, alone=alone)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ledger]:
        """A run that ends in order."""
        async with self.killed() as ledger:
            yield ledger
            await ledger.stop()
        self.committer.close()

    @asynccontextmanager
    async def killed(self) -> AsyncIterator[Ledger]:
        """A run that ends with the block, as `kill -9` ends one: nothing is posted, nothing returned."""
        await asyncio.to_thread(self.ledger.open)
        await self.ledger.start()
        try:
            yield self.ledger
        finally:
            for task in self.ledger._tasks:
                task.cancel()
            await asyncio.gather(*self.ledger._tasks, return_exceptions=True)

    def wallet(self, nano: int = 0, *, owner: str = OWNER) -> Account:
        """A prepaid wallet with so much on it."""
        account = self.ledger.open_account(owner, purpose=Purpose.WALLET, unit=USD)
        if nano:
            self.ledger.top_up(account.id, Amount(nano, USD), new_id("ref"))
        return account

    def limit(self, count: int, *, period: Period, unit: str = REQUEST, owner: str = OWNER) -> Account:
        """A limit in each window of a period."""
        account = self.ledger.set_limit(owner, unit=unit, period=period, count=count)
        assert account is not None
        return account


def leg(account: Account, count: int) -> Leg:
    return Leg(account.id, Amount(count, account.unit))


def use(
    id: str | None = None,
    *,
    outcome: Outcome = Outcome.COMPLETE,
    key: str | None = None,
    digest: str = "",
    organisation: str = OWNER,
) -> Use:
    return Use(
        id=RequestId(id or new_id("req")),
        organisation=OrganisationId(organisation),
        project=ProjectId("proj_1"),
        kind=Kind.CHAT,
        model=ModelName("echo"),
        usage=Usage(input=3, output=4),
        outcome=outcome,
        idempotency_key=key,
        request_digest=digest,
    )


async def hold(ledger: Ledger, *legs: Leg, id: str | None = None) -> Hold:
    """Reserve as serving does."""
    await ledger.ensure(leg.account for leg in legs)
    return ledger.reserve(legs, key=RequestId(id or new_id("req")))


async def pay(ledger: Ledger, *legs: Leg, held: int = 2, **about: object) -> Receipt:
    """Hold some times what is then charged, settle, and wait until it is durable."""
    holding = await hold(ledger, *(Leg(one.account, Amount(one.amount.count * held, one.amount.unit)) for one in legs))
    settlement = settle(ledger, holding, *legs, **about)
    await settlement.committed
    return settlement.receipt


def settle(ledger: Ledger, holding: Hold, *legs: Leg, **about: object) -> Settlement:
    return ledger.settle(holding, legs, use(holding.id, **about))  # type: ignore[arg-type]


__all__ = ["OWNER", "REQUEST", "TOKEN", "USD", "Away", "Node", "hold", "leg", "pay", "settle", "use"]
