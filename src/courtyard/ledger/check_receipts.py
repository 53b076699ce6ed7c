"""Audits receipts: each one as it was written, none missing, none twice, and all of the journal's among them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from courtyard.core.ids import AccountId
from courtyard.ledger import journal as entries
from courtyard.ledger import posting, reading, rollup, rules, store
from courtyard.ledger.findings import Findings
from courtyard.ledger.journal import Files
from courtyard.ledger.model import Account, Purpose, Settled
from courtyard.ledger.tables import alarms, receipts
from courtyard.ledger.tables import journals as cursors
from courtyard.storage import Entry, chain

_TELL_EVERY = 500

_End = tuple[int, int]
"""Epoch and seq."""


class Read:
    """What the receipts say when they are read from first to last."""

    def __init__(self) -> None:
        self.receipts = 0
        self.unposted = 0
        self.spent: dict[store.Place, int] = {}
        self.usage: dict[tuple[str, ...], list[int]] = {}
        self.ends: dict[str, _End] = {}
        """The last receipt of each node."""


def check(
    db: Connection,
    journals: Sequence[Files],
    accounts: dict[AccountId, Account],
    findings: Findings,
    progress: Callable[[str, int, int], None],
) -> Read:
    """Read every receipt once."""
    read = Read()
    kept = {id for id, account in accounts.items() if not rules.is_volatile(account.period)}
    total = db.execute(select(func.count()).select_from(receipts)).scalar_one()
    beside = {files.node: _Beside(files, posting.cursor(db, files.node), findings) for files in journals}
    before: Row[Any] | None = None
    for row in reading.read_all(db):
        _check_chain(row, before, findings)
        before = row
        if row.node in beside:
            beside[row.node].compare(row)
        settled = _check_row(row, findings)
        if settled is not None:
            _check_cost(settled, accounts, findings)
            for charge in settled.charges:
                if charge.account not in accounts:
                    findings.add("charges", f"receipt {row.id}", f"the book has no account {charge.account}")
            rules.add_spends(read.spent, settled, kept=kept)
            rules.add_usage(read.usage, settled)
        read.receipts += 1
        read.ends[row.node] = (row.epoch, row.seq)
        if read.receipts % _TELL_EVERY == 0:
            progress("receipts", read.receipts, total)
    progress("receipts", total, total)
    for one in beside.values():
        one.finish()
        read.unposted += one.unposted
    _check_alarms(db, findings)
    _check_ends(db, read, findings)
    _check_twice(db, findings)
    rollup.check(db, read.usage, findings)
    return read


def _check_row(row: Row[Any], findings: Findings) -> Settled | None:
    """The digest is over what stands there, and the columns say what the entry says."""
    where = f"receipt {row.id}"
    try:
        whole = chain.digest(row.previous, row.entry.encode()) == row.digest
        settled = entries.decode(row.entry)
    except ValueError as error:
        findings.add("receipt", where, f"it can't be read: {error}")
        return None
    if not whole:
        findings.add("receipt", where, "its digest is not that of its entry")
    for name, value in posting.columns(settled).items():
        if getattr(row, name) != value:
            findings.add("receipt", where, f"{name} stands as {getattr(row, name)!r}, the entry says {value!r}")
    return settled


def _check_chain(row: Row[Any], before: Row[Any] | None, findings: Findings) -> None:
    """Each receipt continues the one before it; an epoch begins at 0."""
    begins = before is None or (before.node, before.epoch) != (row.node, row.epoch)
    expected = 0 if begins or before is None else before.seq + 1
    where = f"receipt {row.id}"
    if row.seq != expected:
        findings.add("chain", where, f"{row.seq - expected} receipts are missing before it")
    elif not begins and before is not None and row.previous != before.digest:
        findings.add("chain", where, "it does not continue the receipt before it")


def _check_cost(settled: Settled, accounts: dict[AccountId, Account], findings: Findings) -> None:
    """The cost that callers are told is what the wallet was charged."""
    paid = sum(
        charge.count
        for charge in settled.charges
        if charge.account in accounts and accounts[charge.account].purpose == Purpose.WALLET
    )
    if paid != settled.cost.count:
        findings.add("receipt", f"receipt {settled.id}", f"it cost {settled.cost.count}, its wallet was charged {paid}")


def _check_alarms(db: Connection, findings: Findings) -> None:
    """Journals were booked without a gap, and nothing claimed a place that was taken."""
    for row in db.execute(select(alarms).order_by(alarms.c.node, alarms.c.epoch, alarms.c.seq)):
        findings.add(row.kind, f"node {row.node}", row.what)


def _check_ends(db: Connection, read: Read, findings: Findings) -> None:
    """The last receipt of each node is the last that was posted."""
    for row in db.execute(select(cursors)):
        end = read.ends.get(row.node)
        if end != (row.epoch, row.seq):
            there = f"the last one there is {end[0]}/{end[1]}" if end else "there is none"
            findings.add("chain", f"node {row.node}", f"receipts were posted up to {row.epoch}/{row.seq}; {there}")


def _check_twice(db: Connection, findings: Findings) -> None:
    count = func.count()
    for id, times in db.execute(select(receipts.c.id, count).group_by(receipts.c.id).having(count > 1)):
        findings.add("receipt", f"receipt {id}", f"it is there {times} times")


class _Beside:
    """Reads a node's journal beside its receipts, both in order."""

    def __init__(self, journal: Files, cursor: _End, findings: Findings) -> None:
        self._node = journal.node
        self._cursor = cursor
        self._findings = findings
        self._entries: Iterator[Entry] = journal.entries()
        self._next: Entry | None = next(self._entries, None)
        self._missing: dict[int, int] = {}
        self.unposted = 0

    def compare(self, row: Row[Any]) -> None:
        """Find the journal's entry of a receipt, and see that the two are the same."""
        place = (row.epoch, row.seq)
        while (entry := self._next) is not None and (entry.epoch, entry.seq) < place:
            self._skip(entry)
        if entry is None or (entry.epoch, entry.seq) != place:
            self._missing[row.epoch] = self._missing.get(row.epoch, 0) + 1
            return
        self._next = next(self._entries, None)
        if entry.digest != row.digest:
            self._findings.add("journal", f"receipt {row.id}", "the journal has another one in its place")

    def finish(self) -> None:
        """Look at what the journal has after the last receipt, and tell what it lacks."""
        while (entry := self._next) is not None:
            self._skip(entry)
        for epoch, count in self._missing.items():
            self._findings.add("journal", f"epoch {epoch}", f"{count} posted receipts are not in it")

    def _skip(self, entry: Entry) -> None:
        self._next = next(self._entries, None)
        if (entry.epoch, entry.seq) > self._cursor:
            self.unposted += 1
            return
        settled = entries.decode(entry.raw)
        if settled.node == self._node:  # Else it is from before this node had its key, and stands under another name.
            self._findings.add("journal", f"entry {entry.epoch}/{entry.seq}", f"receipt {settled.id} was never booked")
