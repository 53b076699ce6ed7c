"""Posts journal entries to the book: shipped at least once, with an effect exactly once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, insert, select

from courtyard.ledger import continuity, journal, rollup, rules, store
from courtyard.ledger.continuity import Cursor, Opening
from courtyard.ledger.model import Settled
from courtyard.ledger.tables import journals, receipts
from courtyard.storage import Entry

_log = structlog.get_logger("courtyard.ledger")


def cursor(db: Connection, node: str) -> tuple[int, int]:
    """Read how far a node's journal is posted."""
    row = db.execute(select(journals.c.epoch, journals.c.seq).where(journals.c.node == node)).first()
    return (0, -1) if row is None else (row.epoch, row.seq)


class Posted(NamedTuple):
    """How many receipts were booked, and whether the rest was not, because something before it is missing."""

    booked: int
    stopped: bool = False


def post(db: Connection, node: str, entries: Sequence[Entry], openings: Mapping[int, Opening], *, at_ms: int) -> Posted:
    """Book entries that were not booked before, up to the first that does not continue them.

    The cursor moves in the same transaction, so a page that is sent twice, or again after a crash, changes nothing;
    the unique keys of receipts stand behind it.
    """
    before = after = continuity.read(db, node)
    again = [entry for entry in entries if (entry.epoch, entry.seq) <= before.place]
    continuity.alarm_forks(db, node, again, at_ms=at_ms)
    new = []
    stopped = False
    for entry in [entry for entry in entries if (entry.epoch, entry.seq) > before.place]:
        found = continuity.trouble(db, node, after, entry, openings)
        if found is not None:
            continuity.alarm(db, node, entry, found, at_ms=at_ms)
            stopped = True
            break
        new.append((entry, journal.decode(entry.raw)))
        after = Cursor(entry.epoch, entry.seq, entry.digest)
    if not new:
        return Posted(0, stopped)
    known = _known(db, [settled.id for _, settled in new])
    booked: list[Settled] = []
    rows = []
    for entry, settled in new:
        if settled.id not in known:
            known.add(settled.id)
            booked.append(settled)
            rows.append(_row(entry, settled))
    first, last = new[0][0], new[-1][0]
    if rows:
        db.execute(insert(receipts), rows)
        _spend(db, node, booked, f"{node}/{first.epoch}/{first.seq}-{last.epoch}/{last.seq}", at_ms=at_ms)
        rollup.add(db, booked)
    continuity.move(db, node, before, after)
    continuity.fill_gaps(db, node, after)
    return Posted(len(rows), stopped)


def kept(db: Connection, charged: Iterable[str]) -> frozenset[str]:
    """Find the accounts, closed ones too, whose windows the book keeps: minutes stay in the till.

    An account that the book lacks, because it was brought back from an older copy, can't be charged; `check` says so.
    """
    accounts = store.read_accounts(db, ids=charged, closed=True)
    return frozenset(account.id for account in accounts if not rules.is_volatile(account.period))


def _spend(db: Connection, node: str, booked: list[Settled], reference: str, *, at_ms: int) -> None:
    keeps = kept(db, {charge.account for receipt in booked for charge in receipt.charges})
    spends: dict[store.Place, int] = {}
    for receipt in booked:
        rules.add_spends(spends, receipt, kept=keeps)
    if not spends:
        return
    balances = store.lock(db, spends)
    open_leases = store.read_leases(db, node=node, places=spends)
    leases = {(lease.account, lease.window_ms): (lease, spent) for lease, spent in open_leases}
    moves: store.Moves = {}
    for place, count in spends.items():
        lease, spent = leases.get(place, (None, 0))
        left = lease.count - spent if lease else 0
        drawn = rules.draw(count, leased=left, available=balances[place].available)
        if lease is not None:
            store.spend_lease(db, lease.id, drawn.leased)
        if drawn.leased < count:
            _log.error("spent_without_lease", account=place[0], window_ms=place[1], count=count - drawn.leased)
        moves |= {
            (*place, "leased"): -drawn.leased,
            (*place, "available"): -drawn.available,
            (*place, "issued"): -drawn.overdrawn,
            (*place, "spent"): count,
        }
    store.post(db, "spend", reference, moves, at_ms=at_ms)


def _known(db: Connection, ids: list[str]) -> set[str]:
    """Find ids that have a receipt: a request is never booked twice, whatever a journal says."""
    found: set[str] = set()
    for some in store.batches(ids):
        found.update(db.execute(select(receipts.c.id).where(receipts.c.id.in_(some))).scalars())
    return found


def columns(settled: Settled) -> dict[str, Any]:
    """What stands beside an entry so that receipts can be found by it."""
    return {
        "id": settled.id,
        "node": settled.node,
        "at_ms": settled.at_ms,
        "organisation": settled.organisation,
        "project": settled.project,
        "key": settled.key or "",
        "person": settled.person or "",
        "model": settled.model,
        "has_idempotency_key": settled.idempotency_key is not None,
    }


def _row(entry: Entry, settled: Settled) -> dict[str, Any]:
    return {
        **columns(settled),
        "epoch": entry.epoch,
        "seq": entry.seq,
        "previous": entry.previous,
        "digest": entry.digest,
        "entry": entry.raw.decode(),
    }
