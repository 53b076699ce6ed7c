"""Who serves: nodes join, beat, drain and retire in the book."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, insert, select, update

from courtyard.core.amount import Unit
from courtyard.core.errors import NotFound
from courtyard.core.ids import AccountId, NodeId
from courtyard.ledger import claiming, minutes, posting, rules, store, wanting
from courtyard.ledger.book import Book
from courtyard.ledger.model import LeaseStanding, NodeStanding
from courtyard.ledger.tables import alarms, journals, nodes
from courtyard.storage import bump


class Joined(NamedTuple):
    """How far a node's journal is posted, and the least epoch that this run of it may take."""

    posted: tuple[int, int]
    epoch_min: int


class Membership:
    """One node's place among the nodes of a book."""

    def __init__(self, book: Book, *, public_key: str, name: str, region: str, beat_ms: int) -> None:
        self._book = book
        self._public_key = public_key
        self._name = name
        self._region = region
        self._beat_ms = beat_ms
        self._epoch = 0

    def join(self, *, now_ms: int) -> Joined:
        """Begin a run: no other run of this node has its epoch, and one that still goes on is told to stop."""
        node = self._book.node
        with self._book.writing() as db:
            row = db.execute(select(nodes).where(nodes.c.id == node).with_for_update()).first()
            posted = posting.cursor(db, node)
            epoch = max(row.epoch if row else 0, posted[0]) + 1
            now = {
                "public_key": self._public_key,
                "name": self._name,
                "region": self._region,
                "epoch": epoch,
                "beat_ms": self._beat_ms,
                "seen_at_ms": now_ms,
                "drained_at_ms": None,
                "retired_at_ms": None,
            }
            if row is None:
                db.execute(insert(nodes).values(id=node, joined_at_ms=now_ms, beats=0, **now))
            else:
                db.execute(update(nodes).where(nodes.c.id == node).values(beats=nodes.c.beats + 1, **now))
            bump(db, wanting.ROOM)
        self._epoch = epoch
        return Joined(posted, epoch)

    def serve(self, epoch: int) -> None:
        """Note the epoch that the journal took, and free the idempotency keys that the last run left claimed."""
        with self._book.writing() as db:
            db.execute(update(nodes).where(_is(self._book.node, self._epoch)).values(epoch=epoch))
            claiming.free_of(db, [self._book.node])
        self._epoch = epoch

    def beat(self, *, now_ms: int) -> int | None:
        """Say that this node is alive, and hear how many are; nothing, where it is to serve no longer."""
        with self._book.writing() as db:
            alive = and_(_is(self._book.node, self._epoch), nodes.c.retired_at_ms.is_(None))
            beats = update(nodes).where(alive).values(beats=nodes.c.beats + 1, seen_at_ms=now_ms)
            if not db.execute(beats).rowcount:
                return None
            rows = db.execute(select(nodes)).all()
        return len([row for row in rows if row.id == self._book.node or _is_there(row, now_ms)])

    def drain(self, *, now_ms: int) -> None:
        """Say that this run ends in order."""
        with self._book.writing() as db:
            db.execute(update(nodes).where(_is(self._book.node, self._epoch)).values(drained_at_ms=now_ms))
            claiming.free_of(db, [self._book.node])
            bump(db, wanting.ROOM)

    def retire(self, node: str, *, now_ms: int) -> None:
        """Return what a node has leased at once, and let it serve no longer; a later start joins it again.

        What it used and did not post is booked when it comes: on what the account then has, or on nobody's grant.

        Raises:
            NotFound: there is no such node.
        """
        with self._book.writing() as db:
            retired = update(nodes).where(nodes.c.id == node).values(retired_at_ms=now_ms)
            if not db.execute(retired).rowcount:
                raise NotFound(f"there is no node {node!r}; see `courtyard nodes list`")
            places = {(lease.account, lease.window_ms) for lease, _ in store.read_leases(db, node=node)}
            store.lock(db, places)
            self._book.end(db, store.read_leases(db, node=node, places=places))
            claiming.free_of(db, [node])
            bump(db, wanting.ROOM)

    def tidy(self, *, now_ms: int) -> None:
        """Drop what nobody asks for any more.

        What a lost node has leased stays set apart: receipts that it wrote and did not post may still charge it, until
        it starts again and tells, or an operator retires it.
        """
        with self._book.writing() as db:
            claiming.forget(db, before_ms=now_ms - rules.IDEMPOTENCY_MS)
            minutes.forget(db, before_ms=now_ms - 60 * rules.MINUTE_MS)
            wanting.forget(db, now_ms=now_ms)

    def standings(self, *, now_ms: int) -> tuple[NodeStanding, ...]:
        """Read where every node stands, those that serve first."""
        with self._book.reading() as db:
            rows = db.execute(select(nodes).order_by(nodes.c.seen_at_ms.desc(), nodes.c.id)).all()
            posted = {row.node: row for row in db.execute(select(journals))}
            troubles = {row.node: row.what for row in db.execute(select(alarms).order_by(alarms.c.at_ms.desc()))}
            leases: dict[str, list[LeaseStanding]] = {}
            for lease, spent in store.read_leases(db):
                leases.setdefault(lease.node, []).append(
                    LeaseStanding(
                        account=AccountId(lease.account),
                        unit=Unit(lease.unit),
                        window_ms=lease.window_ms,
                        left=lease.count - spent,
                        expires_at_ms=lease.expires_at_ms,
                    )
                )
        return tuple(
            NodeStanding(
                node=NodeId(row.id),
                name=row.name,
                region=row.region,
                state=rules.node_state(
                    now_ms,
                    seen_at_ms=row.seen_at_ms,
                    beat_ms=row.beat_ms,
                    drained=row.drained_at_ms is not None,
                    retired=row.retired_at_ms is not None,
                ),
                joined_at_ms=row.joined_at_ms,
                seen_at_ms=row.seen_at_ms,
                epoch=posted[row.id].epoch if row.id in posted else 0,
                seq=posted[row.id].seq if row.id in posted else -1,
                leases=tuple(leases.get(row.id, ())),
                trouble=troubles.get(row.id, ""),
            )
            for row in rows
        )


def _is(node: str, epoch: int) -> ColumnElement[bool]:
    return and_(nodes.c.id == node, nodes.c.epoch == epoch)


def _is_there(row: Row[Any], now_ms: int) -> bool:
    gone = row.drained_at_ms is not None or row.retired_at_ms is not None
    return not gone and row.seen_at_ms > now_ms - rules.LOST_MS
