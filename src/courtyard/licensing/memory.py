"""What licensing has in memory, and the one way to change what it shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import msgspec
from sqlalchemy import Connection

from courtyard.core.clock import Clock
from courtyard.core.errors import NotFound
from courtyard.core.ids import OrganisationId, PersonId
from courtyard.ledger import Ledger
from courtyard.licensing import plans, store
from courtyard.licensing.model import Contract, ContractId, Listed, Plan
from courtyard.pricing import Pricing
from courtyard.storage import Database, bump

ROOM = "licensing"

_NEVER_MS = 1 << 62


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that requests are judged by."""

    plans: dict[str, Plan] = {}
    """By digest."""
    newest: dict[str, Listed] = {}
    """By name."""
    contracts: dict[OrganisationId, tuple[Contract, ...]] = {}
    """Of each organisation, by when they start."""
    seated: dict[PersonId, int] = {}
    """Who holds a seat, and how many held theirs before."""
    due_ms: int = _NEVER_MS
    """When the next contract begins whose accounts are not opened yet, or somebody is to be told that one ends."""


class Memory:
    """What all of licensing stands on. Reads are from memory; a change is a transaction, and then a new snapshot."""

    def __init__(self, ledger: Ledger, pricing: Pricing, database: Database, clock: Clock) -> None:
        self._ledger = ledger
        self._pricing = pricing
        self._database = database
        self._clock = clock
        self._known = Snapshot()
        self._told: set[tuple[ContractId, int]] = set()
        """Of which ends this process has made sure that people are told."""
        self._reloading = Lock()
        self.reload()

    def reload(self) -> None:
        """Read everything again: another process changed something."""
        with self._reloading, self._database.reading() as db:
            listed = store.read_plans(db)
            contracts: dict[OrganisationId, tuple[Contract, ...]] = {}
            for contract in store.read_contracts(db):
                contracts[contract.organisation] = (*contracts.get(contract.organisation, ()), contract)
            self._known = Snapshot(
                plans={one.digest: one.plan for one in listed},
                newest={one.plan.name: one for one in listed},
                contracts=contracts,
                seated={seat.person: before for before, seat in enumerate(store.read_seats(db))},
                due_ms=min(self._due(store.read_unopened(db), contracts), default=_NEVER_MS),
            )

    def _due(self, unopened: list[Contract], contracts: dict[OrganisationId, tuple[Contract, ...]]) -> Iterator[int]:
        """Say when something is to be done next."""
        yield from (contract.starts_ms for contract in unopened)
        for contract in plans.ending(contracts.values(), self._clock.now_ms()):
            if contract.ends_ms is not None and (contract.id, contract.ends_ms) not in self._told:
                yield contract.ends_ms - plans.ENDING_MS

    def plan(self, digest: str) -> Plan:
        """Return the plan of a digest.

        Raises:
            NotFound: there is none.
        """
        plan = self._known.plans.get(digest)
        if plan is None:
            raise NotFound(f"there is no plan {digest!r}; see `courtyard plans list`")
        return plan

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """Open a transaction that is alone with licensing, and whose outcome is in memory when the block has ended."""
        with self._database.transaction() as db:
            bump(db, ROOM)  # First of all: whoever else would change licensing waits here.
            yield db
        self.reload()
