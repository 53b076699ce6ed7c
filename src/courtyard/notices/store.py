"""The outbox in SQL: rows in and nouns out."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, delete, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.notices import rules
from courtyard.notices.model import Channel, Claimed, Delivery, Endpoint, Kind, Notice, State
from courtyard.notices.tables import deliveries, endpoints, notices, told


def write_told(db: Connection, once: str, *, at_ms: int) -> bool:
    """Note that something is told now; says whether it was not told before."""
    dialect = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    first = dialect(told).values(once=once, at_ms=at_ms).on_conflict_do_nothing().returning(told.c.once)
    return db.execute(first).first() is not None


def write_notice(db: Connection, notice: Notice) -> None:
    db.execute(
        insert(notices).values(
            id=notice.id,
            organisation=notice.organisation,
            kind=notice.kind,
            at_ms=notice.at_ms,
            subject=notice.subject,
            data=msgspec.json.encode(notice.data).decode(),
        )
    )


def write_deliveries(db: Connection, notice: Notice, to: Iterable[Endpoint], *, at_ms: int) -> None:
    """Put a notice on its way to some addresses."""
    rows = [
        {
            "notice": notice.id,
            "endpoint": endpoint.id,
            "state": State.WAITING,
            "attempts": 0,
            "next_at_ms": at_ms,
            "claim": "",
            "claimed_until_ms": 0,
            "reason": "",
        }
        for endpoint in to
    ]
    if rows:
        db.execute(insert(deliveries), rows)


def write_endpoint(db: Connection, endpoint: Endpoint, *, secret: str) -> None:
    db.execute(
        insert(endpoints).values(
            id=endpoint.id,
            organisation=endpoint.organisation,
            channel=endpoint.channel,
            address=endpoint.address,
            secret=secret,
            kinds=" ".join(endpoint.kinds),
            created_at_ms=endpoint.created_at_ms,
            reason="",
        )
    )


def close_endpoint(db: Connection, id: str, *, at_ms: int, reason: str) -> None:
    """Send nothing more there: what waits for it is dead."""
    db.execute(update(endpoints).where(endpoints.c.id == id).values(closed_at_ms=at_ms, reason=reason))
    waiting = update(deliveries).where(deliveries.c.endpoint == id, deliveries.c.state == State.WAITING)
    db.execute(waiting.values(state=State.DEAD, reason=reason))


def read_endpoints(db: Connection, *, id: str | None = None) -> list[Endpoint]:
    """Read every address, closed ones too, or one of them."""
    query = select(endpoints).order_by(endpoints.c.created_at_ms, endpoints.c.id)
    return [_endpoint(row) for row in db.execute(query if id is None else query.where(endpoints.c.id == id))]


def read_open_endpoints(db: Connection, organisations: Iterable[str]) -> list[Endpoint]:
    """Read the addresses of some organisations that something can be sent to."""
    query = select(endpoints).where(endpoints.c.closed_at_ms.is_(None), endpoints.c.organisation.in_(organisations))
    return [_endpoint(row) for row in db.execute(query)]


def is_due(db: Connection, *, now_ms: int) -> bool:
    """Whether a delivery waits for somebody to take it."""
    waiting = select(deliveries.c.notice).where(
        deliveries.c.state == State.WAITING, deliveries.c.next_at_ms <= now_ms, deliveries.c.claimed_until_ms <= now_ms
    )
    return db.execute(waiting.limit(1)).first() is not None


def claim(db: Connection, claim: str, *, now_ms: int, limit: int) -> list[Claimed]:
    """Take deliveries that are due and that nobody else holds."""
    due = (
        select(deliveries.c.notice, deliveries.c.endpoint)
        .where(deliveries.c.state == State.WAITING, deliveries.c.next_at_ms <= now_ms)
        .where(deliveries.c.claimed_until_ms <= now_ms)
        .order_by(deliveries.c.next_at_ms)
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite has one writer at a time, and knows no such words.
    )
    for row in db.execute(due).all():
        mine = update(deliveries).where(deliveries.c.notice == row.notice, deliveries.c.endpoint == row.endpoint)
        db.execute(mine.values(claim=claim, claimed_until_ms=now_ms + rules.CLAIM_MS))
    held = _deliveries().add_columns(endpoints.c.secret.label("endpoint_secret"))
    return [
        Claimed(delivery=_delivery(row), secret=row.endpoint_secret, claim=claim)
        for row in db.execute(held.where(deliveries.c.claim == claim, deliveries.c.state == State.WAITING))
    ]


def write_attempt(db: Connection, done: Delivery, *, claim: str) -> bool:
    """Note how an attempt ended; says no where the claim had lapsed and another process holds the delivery."""
    mine = update(deliveries).where(
        deliveries.c.notice == done.notice.id, deliveries.c.endpoint == done.endpoint.id, deliveries.c.claim == claim
    )
    ended = mine.where(deliveries.c.state == State.WAITING).values(
        state=done.state,
        attempts=done.attempts,
        next_at_ms=done.next_at_ms,
        reason=done.reason,
        delivered_at_ms=done.delivered_at_ms,
        claim="",
        claimed_until_ms=0,
    )
    return db.execute(ended).rowcount == 1


def revive(db: Connection, *, notice: str | None, endpoint: str | None, at_ms: int) -> int:
    """Put dead deliveries back on their way, of one notice, to one address or all; says how many."""
    opened = exists().where(endpoints.c.id == deliveries.c.endpoint, endpoints.c.closed_at_ms.is_(None))
    again = update(deliveries).where(deliveries.c.state == State.DEAD, opened)
    if notice is not None:
        again = again.where(deliveries.c.notice == notice)
    if endpoint is not None:
        again = again.where(deliveries.c.endpoint == endpoint)
    return db.execute(again.values(state=State.WAITING, attempts=0, next_at_ms=at_ms, claimed_until_ms=0)).rowcount


def prune(db: Connection, *, now_ms: int) -> None:
    """Forget what was delivered a month ago, and the notices that nothing is left of."""
    past_ms = now_ms - rules.KEPT_MS
    db.execute(delete(deliveries).where(deliveries.c.state == State.DELIVERED, deliveries.c.delivered_at_ms < past_ms))
    left = exists().where(deliveries.c.notice == notices.c.id)
    db.execute(delete(notices).where(notices.c.at_ms < past_ms, ~left))
    db.execute(delete(told).where(told.c.at_ms < now_ms - rules.ONCE_MS))


def read_deliveries(
    db: Connection, *, state: State | None, organisation: str | None, before: str | None, limit: int
) -> list[Delivery]:
    """Read deliveries, the newest notice first."""
    query = _deliveries().order_by(notices.c.id.desc(), endpoints.c.id).limit(limit)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    if organisation is not None:
        query = query.where(notices.c.organisation == organisation)
    if before is not None:
        query = query.where(notices.c.id < before)
    return [_delivery(row) for row in db.execute(query)]


def read_notices(db: Connection, *, organisation: str | None, before: str | None, limit: int) -> list[Notice]:
    """Read notices, the newest first, of one organisation or of all."""
    query = select(notices).order_by(notices.c.id.desc()).limit(limit)
    if organisation is not None:
        query = query.where(notices.c.organisation == organisation)
    if before is not None:
        query = query.where(notices.c.id < before)
    return [_notice(row) for row in db.execute(query)]


def _deliveries() -> Select[Any]:
    columns = (*(column.label(f"endpoint_{column.name}") for column in endpoints.c if column.name != "secret"),)
    return (
        select(notices, *columns, deliveries.c.state, deliveries.c.attempts, deliveries.c.next_at_ms)
        .add_columns(deliveries.c.reason.label("why"), deliveries.c.delivered_at_ms)
        .join_from(deliveries, notices)
        .join(endpoints)
    )


def _delivery(row: Row[Any]) -> Delivery:
    endpoint = Endpoint(
        id=row.endpoint_id,
        organisation=row.endpoint_organisation,
        channel=Channel(row.endpoint_channel),
        address=row.endpoint_address,
        kinds=_kinds(row.endpoint_kinds),
        created_at_ms=row.endpoint_created_at_ms,
        closed_at_ms=row.endpoint_closed_at_ms,
        reason=row.endpoint_reason,
    )
    return Delivery(
        notice=_notice(row),
        endpoint=endpoint,
        state=State(row.state),
        attempts=row.attempts,
        next_at_ms=row.next_at_ms,
        reason=row.why,
        delivered_at_ms=row.delivered_at_ms,
    )


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        organisation=row.organisation,
        kind=Kind(row.kind),
        at_ms=row.at_ms,
        subject=row.subject,
        data=msgspec.json.decode(row.data),
    )


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        organisation=row.organisation,
        channel=Channel(row.channel),
        address=row.address,
        kinds=_kinds(row.kinds),
        created_at_ms=row.created_at_ms,
        closed_at_ms=row.closed_at_ms,
        reason=row.reason,
    )


def _kinds(text: str) -> tuple[Kind, ...]:
    return tuple(Kind(kind) for kind in text.split())
