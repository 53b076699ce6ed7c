"""Whatever somebody changes in the books behind the node's back, the check finds it and says where."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, delete, insert, text, update

from courtyard.core.clock import FrozenClock
from courtyard.ledger import Ledger, Period, Report, rules, tables
from courtyard.storage import Database, chain
from tests.ledger.conftest import MakeNode
from tests.ledger.node import TOKEN, Node, hold, leg, pay

Tamper = Callable[[Connection], None]


@pytest.fixture
def booked(make_node: MakeNode) -> Node:
    """A node that served some requests in two runs, died in the second, and still has leases open."""
    node = make_node()
    account, budget = node.wallet(1000), node.limit(500, period=Period.DAY, unit=TOKEN)

    async def run(node: Node) -> None:
        async with node.killed() as ledger:
            for _ in range(3):
                await pay(ledger, leg(account, 20), leg(budget, 7))
            await asyncio.to_thread(ledger._poster.post)

    asyncio.run(run(node))
    asyncio.run(run(make_node()))
    report = node.ledger.check()
    assert report.clean, report.findings
    assert (report.receipts, report.journal_entries, report.leases) == (6, 6, 2)
    return node


def tampered(database: Database, change: Tamper) -> None:
    """Change the book as somebody can who may do anything to its file."""
    with database.engine.connect() as db:
        if db.dialect.name == "sqlite":
            db.execute(text("PRAGMA ignore_check_constraints = ON"))
            db.execute(text("PRAGMA foreign_keys = OFF"))
            db.commit()
        else:
            for table, name in _constraints(db):
                db.execute(text(f'ALTER TABLE "{table}" DROP CONSTRAINT IF EXISTS "{name}" CASCADE'))
        change(db)
        db.commit()
    database.engine.dispose()


def _constraints(db: Connection) -> list[tuple[str, str]]:
    query = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype IN ('c', 'f', 'u')"
    return [
        (row[0].strip('"'), row[1]) for row in db.execute(text(query + " AND connamespace = 'public'::regnamespace"))
    ]


def change(table: Table, **values: object) -> Tamper:
    """Change the first row."""
    key = next(iter(table.primary_key.columns))

    def tamper(db: Connection) -> None:
        first = db.execute(table.select().order_by(key)).first()
        assert first is not None
        where = [column == getattr(first, column.name) for column in table.primary_key.columns]
        new = {name: value(first._mapping[name]) if callable(value) else value for name, value in values.items()}
        db.execute(update(table).where(*where).values(new))

    return tamper


def last_receipt(db: Connection) -> None:
    last = db.execute(tables.receipts.select().order_by(tables.receipts.c.number.desc())).first()
    assert last is not None
    db.execute(delete(tables.receipts).where(tables.receipts.c.number == last.number))


def second_receipt(db: Connection) -> None:
    db.execute(delete(tables.receipts).where(tables.receipts.c.seq == 1, tables.receipts.c.epoch == 1))


def open_leases(db: Connection) -> None:
    is_open = tables.leases.c.closed_at_ms.is_(None)
    db.execute(update(tables.leases).where(is_open).values(count=tables.leases.c.count + 1))


def twice(db: Connection) -> None:
    row = db.execute(tables.receipts.select().order_by(tables.receipts.c.number.desc())).first()
    assert row is not None
    values = dict(row._mapping) | {"number": row.number + 1}
    if db.dialect.name == "sqlite":  # Its unique keys can't be dropped; a table without them can take its place.
        db.execute(text("ALTER TABLE receipts RENAME TO receipts_old"))
        db.execute(text("CREATE TABLE receipts AS SELECT * FROM receipts_old"))
    db.execute(insert(tables.receipts).values(values))


def more(count: int) -> int:
    return count + 1


def richer(entry: str) -> str:
    return entry.replace('"count":20', '"count":10')


@pytest.mark.parametrize(
    ("tamper", "finds"),
    [
        (change(tables.balances, available=more), {"conservation", "balances"}),
        (change(tables.balances, granted=more, available=more), {"balances"}),
        (change(tables.balances, spent=lambda spent: spent - 1, available=more), {"balances", "charges"}),
        (
            change(tables.balances, available=-5, leased=lambda leased: leased + 5),
            {"conservation", "balances", "leases"},
        ),
        (change(tables.entries, count=more), {"balances", "double entry"}),
        (lambda db: db.execute(delete(tables.balances)), {"balances", "charges"}),
        (change(tables.leases, count=more), {"lease signature"}),
        (open_leases, {"lease signature", "leases"}),
        (change(tables.leases, expires_at_ms=rules.NEVER_MS), {"lease signature"}),
        (change(tables.leases, signature="00" * 64), {"lease signature"}),
        (change(tables.leases, spent=more), {"leases"}),
        (change(tables.receipts, entry=richer), {"receipt", "charges", "usage"}),
        (change(tables.receipts, entry="{"), {"receipt", "charges", "usage"}),
        (change(tables.receipts, digest="0" * 64), {"receipt", "chain", "journal"}),
        (change(tables.receipts, organisation="org_2"), {"receipt"}),
        (change(tables.receipts, has_idempotency_key=True), {"receipt"}),
        (second_receipt, {"chain", "journal", "charges", "usage"}),
        (last_receipt, {"chain", "journal", "charges", "usage"}),
        (twice, {"receipt", "chain", "charges", "usage", "journal"}),
        (change(tables.usage, cost=more), {"usage"}),
        (lambda db: db.execute(delete(tables.usage)), {"usage"}),
        (change(tables.journals, seq=more), {"chain"}),
    ],
)
def test_a_changed_row_is_found(booked: Node, database: Database, tamper: Tamper, finds: set[str]) -> None:
    """Balances, entries, leases, receipts, usage: each says so when it is not what was booked."""
    tampered(database, tamper)
    report = booked.ledger.check()

    assert {finding.check for finding in report.findings} == finds, report.findings
    assert all(finding.where and finding.what for finding in report.findings)


def rewrite(directory: Path, epoch: int, old: bytes, new: bytes, times: int = 1) -> None:
    path = chain.path_of(directory, epoch)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, times))


def test_a_changed_journal_line_is_found(booked: Node) -> None:
    """A receipt that was made cheaper in the file stands under a digest that is not its own."""
    rewrite(booked.directory, 1, b'"count":20', b'"count":10')
    report = booked.ledger.check()

    assert {finding.check for finding in report.findings} == {"journal"}
    assert {finding.where for finding in report.findings} == {"00000001.jsonl:2", "epoch 1"}


def test_a_journal_rewritten_whole_is_found(booked: Node) -> None:
    """Recomputing every digest is not enough without the node's key, and the book has the old ones."""
    path = chain.path_of(booked.directory, 2)
    lines = path.read_bytes().splitlines()
    head = chain.sha256(lines[0]).hexdigest()
    rewritten = [lines[0]]
    for line in lines[1:]:
        read = chain.decode_line(line)
        if read.is_entry:
            entry = bytes(read.entry).replace(b'"count":20', b'"count":10')
            digest = chain.digest(head, entry)
            rewritten.append(chain.entry_line(read.seq, entry, head, digest).rstrip())
            head = digest
        else:
            rewritten.append(line)
    path.write_bytes(b"\n".join(rewritten) + b"\n")
    report = booked.ledger.check()

    assert {finding.check for finding in report.findings} == {"journal"}
    assert any("has another one in its place" in finding.what for finding in report.findings)


def test_a_journal_file_that_is_gone_is_found(booked: Node) -> None:
    """Receipts that only the book has are told of, and so is the gap in the chain of files."""
    chain.path_of(booked.directory, 1).unlink()
    report = booked.ledger.check()

    assert {finding.what for finding in report.findings} == {
        "3 posted receipts are not in it",
        "this file does not continue the one before it",
    }


def test_a_lease_open_after_its_expiry_is_found(booked: Node, clock: FrozenClock, make_node: MakeNode) -> None:
    """Money that a dead node keeps is told of, until that node starts again and returns it."""
    clock.advance(rules.LEASE_MS // 1000)
    dead = booked.ledger.check()
    make_node().ledger.open()

    assert {finding.check for finding in dead.findings} == {"lease expiry"}
    assert len(dead.findings) == 2
    assert booked.ledger.check().clean
    assert booked.ledger.check().leases == 0


def test_what_is_not_posted_yet_is_counted(make_node: MakeNode) -> None:
    """Durable receipts on their way to the book are no finding."""
    node = make_node()
    account = node.wallet(100)

    async def run() -> None:
        async with node.killed() as ledger:
            for _ in range(4):
                await pay(ledger, leg(account, 2))

    asyncio.run(run())
    report = node.ledger.check()

    assert report.clean, report.findings
    assert (report.receipts, report.journal_entries, report.unposted) == (0, 4, 4)


def test_the_books_are_checked_while_a_node_serves(make_node: MakeNode) -> None:
    """An audit in another process sees one moment, and finds nothing in books that move."""
    node, auditor = make_node(), make_node()
    account = node.wallet(1_000_000)
    ended = threading.Event()
    reports: list[Report] = []

    def audit(ledger: Ledger) -> None:
        while not ended.is_set():
            reports.append(ledger.check())

    async def work() -> None:
        async with node.running() as ledger:
            auditing = asyncio.create_task(asyncio.to_thread(audit, auditor.ledger))
            while not auditing.done() and not (len(reports) > 5 and reports[-1].receipts):
                await pay(ledger, leg(account, 2))
                await hold(ledger, leg(account, 1))
                if len(reports) % 2:
                    await asyncio.to_thread(ledger._poster.post)
            ended.set()
            await auditing

    asyncio.run(work())

    assert [report.findings for report in reports] == [()] * len(reports)
    assert reports[-1].receipts > 0


def test_progress_is_told(booked: Node) -> None:
    """A long check can show how far it is."""
    heard: list[tuple[str, int, int]] = []
    booked.ledger.check(lambda *step: heard.append(step))

    assert [step for step, _, _ in heard] == ["accounts", "receipts", "journal"]
    assert heard[1] == ("receipts", 6, 6)
