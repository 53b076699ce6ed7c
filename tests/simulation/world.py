"""A small world: one book, some nodes with clocks and lines of their own, and what must hold of them at all times."""

import asyncio
import random
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from courtyard.core.amount import REQUEST, Amount, Unit, money
from courtyard.core.chat import Kind
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import CourtyardError
from courtyard.core.ids import ModelName, OrganisationId, ProjectId, RequestId
from courtyard.core.usage import Usage
from courtyard.ledger import (
    Account,
    Claim,
    Hold,
    Ledger,
    Leg,
    Needs,
    Outcome,
    Period,
    Purpose,
    Receipt,
    Settlement,
    Use,
    rules,
)
from courtyard.storage import Database, Keyring
from tests.simulation.faults import Killed, Line
from tests.simulation.inline import SkewedClock, StepCommitter, VirtualLoop

USD = money("USD")
Place = tuple[str, int]


@dataclass
class Stream:
    """A request under way on a node."""

    hold: Hold
    legs: tuple[Leg, ...]
    organisation: str
    key: str | None = None
    settlement: Settlement | None = None
    is_late: bool = False
    """Whether its hold had expired when it ended."""


@dataclass
class Node:
    """A process that serves: it is killed and started again, and keeps its directory."""

    name: str
    line: Line
    clock: SkewedClock
    directory: Path
    committer: StepCommitter = field(default_factory=StepCommitter)
    ledger: Ledger | None = None
    streams: dict[str, Stream] = field(default_factory=dict)

    @property
    def is_up(self) -> bool:
        return self.ledger is not None

    @property
    def journal(self) -> Path:
        return self.directory / ("journal" + self.name.removeprefix("node"))


class World:
    """Everything that a seed decides, and the truth beside it: what was granted and what durable receipts charge."""

    def __init__(self, url: str, directory: Path, *, seed: int, nodes: int = 3, tenants: int = 2) -> None:
        self.chance = random.Random(seed)
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(lambda *_: None)  # What dies with its node is not news.
        self.true_clock = FrozenClock()
        self.directory = directory
        self.keyring = Keyring(directory / "keys")
        for name in ("operator", "office", "node", *(f"node-{number}" for number in range(2, nodes + 1))):
            self.keyring.keep(f"{name}.key", self.chance.randbytes(32).hex())
        self.database = Database(url)
        self.database.upgrade()
        self.nodes = [
            Node(
                "node" if number == 1 else f"node-{number}",
                Line(url),
                SkewedClock(self.true_clock, self.loop),
                directory,
            )
            for number in range(1, nodes + 1)
        ]
        self._office = Node("office", Line(url), SkewedClock(self.true_clock, self.loop), directory)
        self.office = self._ledger(self._office)
        """Operators, who ask the book and serve nobody."""
        self.granted: dict[str, int] = {}
        """The most that a window of each account may ever have granted."""
        self.charged: dict[Place, int] = {}
        """What durable receipts charge."""
        self.told: dict[str, Receipt] = {}
        """Receipts that callers were given, by request."""
        self.claimed: dict[tuple[str, str], str] = {}
        """The request that answered for an idempotency key first."""
        self.repeats = 0
        self.made = 0
        self.accounts: dict[str, Account] = {}
        self.wallets: dict[str, Account] = {}
        self.tenants = [f"org_{number}" for number in range(1, tenants + 1)]
        for tenant in self.tenants:
            self._open(tenant)

    def _open(self, tenant: str) -> None:
        wallet = self.office.open_account(tenant, purpose=Purpose.WALLET, unit=USD)
        self.wallets[tenant] = self.accounts[wallet.id] = wallet
        self.granted[wallet.id] = 0
        self.limit(tenant, USD, Period.MONTH, 9000)
        self.limit(tenant, REQUEST, Period.DAY, 150)
        self.limit(tenant, REQUEST, Period.MINUTE, 20)

    def limit(self, tenant: str, unit: Unit, period: Period, count: int) -> None:
        """Bound a tenant; a window that had more before may have granted that."""
        account = self.office.set_limit(tenant, unit=unit, period=period, count=count)
        assert account is not None
        self.accounts[account.id] = account
        self.granted[account.id] = max(count, self.granted.get(account.id, 0))

    def top_up(self, tenant: str, count: int, reference: str) -> None:
        wallet = self.wallets[tenant]
        self.office.top_up(wallet.id, Amount(count, USD), reference)
        self.granted[wallet.id] += count

    async def beside(self, node: Node, work: Coroutine[Any, Any, object]) -> None:
        """Let a node do something while the others hear what it lacks and turn."""
        done = asyncio.ensure_future(work)
        await asyncio.sleep(0.3)
        for other in self.up():
            if other is not node and not done.done():
                assert other.ledger is not None
                other.ledger.hear()
                with suppress(CourtyardError):
                    await other.ledger._turn()
        await done

    def run(self, node: Node, work: Coroutine[Any, Any, object]) -> None:
        """Let a node do something until it has ended, or until it dies of it."""
        try:
            self.loop.run_until_complete(work)
        except Killed:
            pass
        finally:
            self._bury(node)

    def _bury(self, node: Node) -> None:
        node.line.next = None
        if node.line.is_dead:
            self.kill(node)

    def start(self, node: Node) -> None:
        """Start a node as a process does: recover, post, return the leases of the last run."""
        node.committer = StepCommitter()
        ledger = self._ledger(node)

        async def opened() -> None:
            ledger.open()
            ledger._loop = asyncio.get_running_loop()
            ledger._till.bind()

        node.ledger = ledger
        try:
            self.run(node, opened())
        except CourtyardError:
            self.kill(node)  # The book is away: the process ends, and is started again later.

    def kill(self, node: Node) -> None:
        """End a node between two instructions, perhaps amid a write to its journal."""
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        if pending:
            self.loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        ledger, node.ledger = node.ledger, None
        node.line.is_dead = False
        node.streams.clear()
        if ledger is not None:
            self._tear(ledger)

    def _tear(self, ledger: Ledger) -> None:
        log = ledger._journal._log
        unwritten = b"".join(log._lines)
        if unwritten and log._file is not None and self.chance.random() < 0.5:
            with open(f"/proc/self/fd/{log._file}", "ab") as file:
                file.write(unwritten[: self.chance.randrange(len(unwritten))])

    async def begin(self, node: Node, tenant: str, *, ceiling: int, key: str | None) -> None:
        """Hold what a request may cost on every account of its tenant."""
        assert node.ledger is not None
        self.made += 1
        id = RequestId(f"req_{self.made:08d}")
        claim = None
        if key is not None:
            claim = Claim(tenant, key, _BODY)
            first = await node.ledger.claim(claim, id)
            if first is not None:
                self._repeated(tenant, key, first)
                return
        accounts = node.ledger.owned([tenant])
        legs = tuple(
            Leg(account.id, Amount(ceiling if account.unit == USD else 1, account.unit)) for account in accounts
        )
        try:
            await node.ledger.ensure([leg.account for leg in legs], _needs(node.ledger, legs))
            hold = node.ledger.reserve(legs, key=id)
        except CourtyardError:
            if claim is not None:
                node.ledger.unclaim(claim)
            raise
        node.streams[id] = Stream(hold, legs, tenant, key)

    def finish(self, node: Node, id: str, outcome: Outcome, *, part: float) -> None:
        """Charge a part of what is held; the caller hears of it once it is durable."""
        assert node.ledger is not None
        stream = node.streams[id]
        used = 0 if outcome is Outcome.FAILED else 1
        charges = [
            Leg(leg.account, Amount(int(leg.amount.count * part) if leg.amount.unit == USD else used, leg.amount.unit))
            for leg in stream.legs
        ]
        if not used:
            charges = [Leg(leg.account, Amount(0, leg.amount.unit)) for leg in stream.legs]
        claim = Claim(stream.organisation, stream.key, _BODY) if stream.key else None
        stream.is_late = id not in node.ledger._till.holds
        stream.settlement = node.ledger.settle(
            stream.hold,
            charges,
            Use(
                id=RequestId(id),
                organisation=OrganisationId(stream.organisation),
                project=ProjectId("proj_1"),
                kind=Kind.CHAT,
                model=ModelName("echo"),
                usage=Usage(input=used, output=used),
                outcome=outcome,
                idempotency_key=claim.key if claim else None,
                request_digest=claim.request_digest if claim else "",
            ),
        )

    def flush(self, node: Node) -> None:
        """Make durable what was settled, and tell the callers."""
        node.committer.flush()
        for id, stream in list(node.streams.items()):
            if stream.settlement is not None:
                del node.streams[id]
                self._tell(stream.settlement.receipt, stream)

    def _tell(self, receipt: Receipt, stream: Stream) -> None:
        assert receipt.id not in self.told, f"{receipt.id} was told twice"
        self.told[receipt.id] = receipt
        for charge in receipt.charges:
            place = (charge.account, charge.window_ms)
            self.charged[place] = self.charged.get(place, 0) + charge.count
            most = self.granted[charge.account]
            assert self.charged[place] <= most, f"{place}: {self.charged[place]} is charged of {most}"
        # A request whose hold had expired was given up: its key may name another one by then.
        if stream.key is not None and not stream.is_late and rules.answers_repeats(receipt):
            place = (stream.organisation, stream.key)
            assert place not in self.claimed, f"{stream.key} ran as {self.claimed.get(place)} and as {receipt.id}"
            self.claimed[place] = receipt.id

    def _repeated(self, tenant: str, key: str, first: Receipt) -> None:
        self.repeats += 1
        # The first answer may have been durable when its node died, before its caller heard of it.
        known = self.claimed.setdefault((tenant, key), first.id)
        assert known == first.id, f"{key} was answered with {first.id}, and ran as {known}"

    def check(self) -> None:
        """What must hold after each step, in the book and in each till."""
        with self.database.reading() as db:
            broken = db.execute(text(_BROKEN)).all()
        assert not broken, f"not conserved: {broken}"
        for node in self.up():
            assert node.ledger is not None
            till = node.ledger._till
            for share in (*till.shares.values(), *till.past.values()):
                share.check()

    def heal(self) -> None:
        """Bring everything back: lines, clocks and nodes; then all is posted and nothing leased."""
        for node in self.nodes:
            node.line.is_cut, node.line.next, node.clock.skew_ms = False, None, 0
        for node in self.nodes:
            if not node.is_up:
                self.start(node)
            assert node.ledger is not None
            for id in list(node.streams):
                if node.streams[id].settlement is None:
                    node.ledger.release(node.streams.pop(id).hold)
            self.flush(node)
            self.run(node, node.ledger.stop())
            node.ledger = None

    def settle_up(self) -> None:
        """What must hold once all is healed: the book says what the receipts say, each of them there once."""
        report = self.office.check()
        assert report.findings == (), report.findings
        assert report.unposted == 0
        with self.database.reading() as db:
            booked = [row[0] for row in db.execute(text("SELECT id FROM receipts"))]
            spent = {
                (row[0], row[1]): row[2] for row in db.execute(text("SELECT account, window_ms, spent FROM balances"))
            }
            leased = db.execute(text("SELECT coalesce(sum(leased), 0) FROM balances")).scalar_one()
        assert len(booked) == len(set(booked))
        missing = self.told.keys() - set(booked)
        assert not missing, f"callers have receipts that the book lacks: {sorted(missing)[:5]}"
        kept = {id for id, account in self.accounts.items() if account.period is not Period.MINUTE}
        for place, count in self.charged.items():
            if place[0] in kept:
                assert spent[place] >= count, f"{place}: {count} is charged, {spent[place]} spent"
                assert spent[place] <= self.granted[place[0]], f"{place}: overspent"
        assert leased == 0

    def up(self) -> list[Node]:
        return [node for node in self.nodes if node.is_up]

    def close(self) -> None:
        for node in (*self.nodes, self._office):
            node.line.close()
        self.database.close()
        self.loop.close()

    def _ledger(self, node: Node) -> Ledger:
        return Ledger(
            node.line,
            self.keyring,
            node.committer,
            node.clock,
            directory=node.journal,
            name=node.name,
            alone=False,
        )


def _needs(ledger: Ledger, legs: tuple[Leg, ...]) -> Needs:
    counts = {leg.account: leg.amount.count for leg in legs}
    return Needs(counts, lambda: all(ledger.available(id) >= count for id, count in counts.items()))


_BODY = "0" * 64
"""The digest of what every request under an idempotency key asks."""

_BROKEN = """
SELECT account, window_ms FROM balances
WHERE granted <> available + leased + spent OR available < 0 OR leased < 0 OR spent < 0
"""
