"""Which node lacks what others have leased, in SQL: asked for in one place, given back in another."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select

from courtyard.core.ids import AccountId
from courtyard.ledger import rules, store
from courtyard.ledger.tables import leases, nodes, wants
from courtyard.storage import bump

ROOM = "leases"
"""The revision by which serving nodes hear that one of them lacks something."""


def wants_before(db: Connection, places: Iterable[store.Place], *, node: str, now_ms: int) -> dict[store.Place, int]:
    """Sum what nodes that asked before this one are still waiting for."""
    sums: dict[store.Place, int] = {}
    mine: dict[store.Place, tuple[int, str]] = {}
    theirs: list[tuple[store.Place, tuple[int, str], int]] = []
    for some in store.batches(sorted(set(places))):
        for row in db.execute(select(wants).where(store.at(wants, some), _is_fresh(now_ms))):
            place, turn = (AccountId(row.account), row.window_ms), (row.at_ms, row.node)
            if row.node == node:
                mine[place] = turn
            else:
                theirs.append((place, turn, row._mapping["count"]))
    for place, turn, count in theirs:
        if turn < mine.get(place, (now_ms, node)):
            sums[place] = sums.get(place, 0) + count
    return sums


def wanted_of(db: Connection, *, node: str, now_ms: int) -> dict[store.Place, int]:
    """Find what this node is asked for: for each window by the one that asked first, unless it is this node."""
    first: dict[store.Place, tuple[str, int]] = {}
    for row in db.execute(select(wants).where(_is_fresh(now_ms)).order_by(wants.c.at_ms, wants.c.node)):
        first.setdefault((AccountId(row.account), row.window_ms), (row.node, row._mapping["count"]))
    return {place: count for place, (asker, count) in first.items() if asker != node}


def want(db: Connection, place: store.Place, *, node: str, count: int, now_ms: int) -> None:
    """Say what a node lacks of a window, so that others hear of it; with 0 that it lacks nothing any more."""
    mine = and_(wants.c.account == place[0], wants.c.window_ms == place[1], wants.c.node == node)
    if not count:
        db.execute(delete(wants).where(mine))
        return
    before = db.execute(select(wants.c.at_ms).where(mine)).scalar()
    fresh = before is not None and abs(now_ms - before) < rules.WANT_MS
    at_ms = before if fresh else now_ms  # Who waits keeps the turn it has.
    bump(db, ROOM)
    adding = store.upsert(db, wants).values(account=place[0], window_ms=place[1], node=node, count=count, at_ms=at_ms)
    db.execute(
        adding.on_conflict_do_update(
            index_elements=["account", "window_ms", "node"], set_={"count": count, "at_ms": at_ms}
        )
    )


def elsewhere(db: Connection, place: store.Place, *, node: str, now_ms: int) -> int:
    """Count what other nodes have of a window that are there to give it back."""
    there = and_(nodes.c.drained_at_ms.is_(None), nodes.c.seen_at_ms > now_ms - rules.LOST_MS)
    query = (
        select(func.sum(leases.c["count"] - leases.c.spent))
        .join(nodes, nodes.c.id == leases.c.node)
        .where(store.at(leases, [place]), leases.c.closed_at_ms.is_(None), leases.c.node != node, there)
    )
    return int(db.execute(query).scalar() or 0)


def forget(db: Connection, *, now_ms: int) -> None:
    """Drop what nobody waits for any more."""
    old = or_(wants.c.at_ms < now_ms - rules.MINUTE_MS, wants.c.at_ms > now_ms + rules.MINUTE_MS)
    db.execute(delete(wants).where(old))


def _is_fresh(now_ms: int) -> ColumnElement[bool]:
    return wants.c.at_ms.between(now_ms - rules.WANT_MS, now_ms + rules.WANT_MS)
