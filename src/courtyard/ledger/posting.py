"""Posts journal entries to the book: shipped at least once, with an effect exactly once."""

from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, insert, select, update

from courtyard.ledger import journal, rules, store
from courtyard.ledger.model import Settled
from courtyard.ledger.tables import USAGE_COUNTS, USAGE_LABELS, journals, receipts, usage
from courtyard.storage import Entry

_log = structlog.get_logger("courtyard.ledger")


def cursor(db: Connection, node: str, *, lock: bool = False) -> tuple[int, int]:
    """Read how far a node's journal is posted."""
    query = select(journals.c.epoch, journals.c.seq).where(journals.c.node == node)
    row = db.execute(query.with_for_update() if lock else query).first()
    return (0, -1) if row is None else (row.epoch, row.seq)


def post(db: Connection, node: str, entries: Sequence[Entry], *, at_ms: int) -> int:
    """Book entries that were not booked before, and say how many they were.

    The cursor moves in the same transaction, so a page that is sent twice, or again after a crash, changes nothing;
    the unique keys of receipts stand behind it.
    """
    done = cursor(db, node, lock=True)
    new = [(entry, journal.decode(entry.raw)) for entry in entries if (entry.epoch, entry.seq) > done]
    if not new:
        return 0
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
        _roll_up(db, booked)
    _move_cursor(db, node, last, first=done == (0, -1))
    return len(rows)


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


def _roll_up(db: Connection, booked: list[Settled]) -> None:
    sums: dict[tuple[str, ...], list[int]] = {}
    for receipt in booked:
        rules.add_usage(sums, receipt)
    adding = store.upsert(db, usage)
    # In one order, so that two nodes never wait for each other.
    rows = [
        dict(zip((*USAGE_LABELS, *USAGE_COUNTS), (*labels, *counts), strict=True))
        for labels, counts in sorted(sums.items())
    ]
    added = {name: usage.c[name] + adding.excluded[name] for name in USAGE_COUNTS}
    db.execute(adding.on_conflict_do_update(index_elements=list(USAGE_LABELS), set_=added), rows)


def _move_cursor(db: Connection, node: str, last: Entry, *, first: bool) -> None:
    if first:
        db.execute(insert(journals).values(node=node, epoch=last.epoch, seq=last.seq))
    else:
        db.execute(update(journals).where(journals.c.node == node).values(epoch=last.epoch, seq=last.seq))


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
