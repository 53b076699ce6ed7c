"""The book in SQL: accounts, balances, leases, and the double entry under them."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.core.amount import Unit
from courtyard.core.ids import AccountId, LeaseId, NodeId
from courtyard.ledger.model import Account, Balance, Funding, Lease, Period, Purpose
from courtyard.ledger.tables import accounts, balances, entries, leases, postings

_Item = TypeVar("_Item")

_IN_MAX = 500
"""Parameters a statement may carry, with room to spare on every database."""

Place = tuple[AccountId, int]
"""A window of an account."""

Moves = dict[tuple[AccountId, int, str], int]
"""Counts by account, window and bucket."""


def read_accounts(db: Connection, *, ids: Iterable[str] | None = None, closed: bool = False) -> list[Account]:
    """Read the open accounts, wallets first: all or some of them; with `closed` those too that were closed."""
    query = select(accounts).order_by(accounts.c.purpose.desc(), accounts.c.opened_at_ms, accounts.c.id)
    if not closed:
        query = query.where(accounts.c.closed_at_ms.is_(None))
    if ids is None:
        return [_account(row) for row in db.execute(query)]
    return [
        _account(row) for some in batches(sorted(set(ids))) for row in db.execute(query.where(accounts.c.id.in_(some)))
    ]


def find_account(db: Connection, like: Account) -> Account | None:
    """Read the open account that is of one kind with another, if there is one."""
    row = db.execute(
        select(accounts).where(
            accounts.c.owner == like.owner,
            accounts.c.purpose == like.purpose,
            accounts.c.unit == like.unit,
            accounts.c.period == like.period,
            accounts.c.funding == like.funding,
            accounts.c.expires_at_ms == (like.expires_at_ms or 0),
            accounts.c.closed_at_ms.is_(None),
        )
    ).first()
    return None if row is None else _account(row)


def read_expired(db: Connection, *, now_ms: int) -> list[Account]:
    """Read the open accounts whose time is over."""
    expired = accounts.c.expires_at_ms.between(1, now_ms)
    return [_account(row) for row in db.execute(select(accounts).where(expired, accounts.c.closed_at_ms.is_(None)))]


def read_account(db: Connection, id: str) -> Account | None:
    """Read an open account."""
    row = db.execute(select(accounts).where(accounts.c.id == id, accounts.c.closed_at_ms.is_(None))).first()
    return None if row is None else _account(row)


def write_account(db: Connection, account: Account, *, at_ms: int) -> None:
    """Add an account."""
    db.execute(
        insert(accounts).values(
            id=account.id,
            owner=account.owner,
            purpose=account.purpose,
            unit=account.unit,
            period=account.period,
            count_max=account.count_max,
            name=account.name,
            opened_at_ms=at_ms,
            funding=account.funding,
            expires_at_ms=account.expires_at_ms or 0,
        )
    )


def write_count_max(db: Connection, id: str, count_max: int) -> None:
    """Change what each window grants from now on."""
    db.execute(update(accounts).where(accounts.c.id == id).values(count_max=count_max))


def close_account(db: Connection, id: str, *, at_ms: int) -> None:
    """End an account; what was booked on it stays."""
    db.execute(update(accounts).where(accounts.c.id == id).values(closed_at_ms=at_ms))


def reopen_account(db: Connection, id: str) -> None:
    """Take an account's end back."""
    db.execute(update(accounts).where(accounts.c.id == id).values(closed_at_ms=None))


def read_balances(db: Connection, places: Iterable[Place]) -> dict[Place, Balance]:
    """Read where some windows stand."""
    found: dict[Place, Balance] = {}
    for some in batches(sorted(set(places))):
        for row in db.execute(select(balances).where(at(balances, some))):
            found[row.account, row.window_ms] = _balance(row)
    return found


def read_account_balances(db: Connection, ids: Iterable[str]) -> list[Balance]:
    """Read every window of some accounts."""
    query = select(balances).order_by(balances.c.account, balances.c.window_ms)
    return [
        _balance(row)
        for some in batches(sorted(set(ids)))
        for row in db.execute(query.where(balances.c.account.in_(some)))
    ]


def read_all_balances(db: Connection) -> list[Balance]:
    """Read every window of every account."""
    query = select(balances).order_by(balances.c.account, balances.c.window_ms)
    return [_balance(row) for row in db.execute(query)]


def lock(db: Connection, places: Iterable[Place]) -> dict[Place, Balance]:
    """Make sure that balances exist and read them for changing; nobody else changes them before the transaction ends.

    Always in one order, so that two transactions never wait for each other.
    """
    wanted = sorted(set(places))
    there = read_balances(db, wanted)
    for account, begins in wanted:
        if (account, begins) not in there:
            empty = {"account": account, "window_ms": begins, "granted": 0, "available": 0, "leased": 0, "spent": 0}
            db.execute(upsert(db, balances).values(empty).on_conflict_do_nothing())
    in_order = select(balances.c.account).order_by(balances.c.account, balances.c.window_ms)
    for some in batches(wanted):
        db.execute(in_order.where(at(balances, some)).with_for_update()).all()
    return read_balances(db, wanted)


def post(db: Connection, kind: str, reference: str, moves: Moves, *, at_ms: int) -> None:
    """Write a posting with its entries, and bring the balances up to it.

    `moves` sum to zero for each window, or nothing is written.
    """
    sums: dict[Place, int] = {}
    for (account, begins, _), count in moves.items():
        sums[account, begins] = sums.get((account, begins), 0) + count
    assert not any(sums.values()), f"{kind} {reference} does not balance: {sums}"
    adding = insert(postings).values(kind=kind, reference=reference, at_ms=at_ms).returning(postings.c.number)
    number = db.execute(adding).scalar_one()
    lines = [
        {"posting": number, "account": account, "window_ms": begins, "bucket": bucket, "count": count}
        for (account, begins, bucket), count in moves.items()
        if count
    ]
    if lines:
        db.execute(insert(entries), lines)
    changes = [
        {
            "at_account": account,
            "at_window": begins,
            "d_granted": -moves.get((account, begins, "issued"), 0),
            "d_available": moves.get((account, begins, "available"), 0),
            "d_leased": moves.get((account, begins, "leased"), 0),
            "d_spent": moves.get((account, begins, "spent"), 0),
        }
        for account, begins in sums
    ]
    db.execute(_CHANGE, changes)


def posted(db: Connection, kind: str, reference: str) -> int | None:
    """Find a posting by its reference."""
    query = select(postings.c.number).where(postings.c.kind == kind, postings.c.reference == reference)
    return db.execute(query).scalar()


def entries_of(db: Connection, number: int) -> Moves:
    """Read the entries of a posting."""
    rows = db.execute(select(entries).where(entries.c.posting == number))
    return {(row.account, row.window_ms, row.bucket): row._mapping["count"] for row in rows}


def read_leases(
    db: Connection, *, node: str | None = None, places: Iterable[Place] | None = None, closed: bool = False
) -> list[tuple[Lease, int]]:
    """Read open leases, each with what was spent of it: all, or those of a node, or those of some windows.

    With `closed` those too that ended.
    """
    query = select(leases).order_by(leases.c.account, leases.c.window_ms, leases.c.id)
    query = query.join(accounts).add_columns(accounts.c.unit)
    if not closed:
        query = query.where(leases.c.closed_at_ms.is_(None))
    if node is not None:
        query = query.where(leases.c.node == node)
    if places is None:
        return [_lease(row) for row in db.execute(query)]
    return [_lease(row) for some in batches(sorted(set(places))) for row in db.execute(query.where(at(leases, some)))]


def write_lease(db: Connection, lease: Lease) -> None:
    """Add a lease, or change the count and the expiry of one."""
    changing = {"count": lease.count, "expires_at_ms": lease.expires_at_ms, "signature": lease.signature}
    if db.execute(update(leases).where(leases.c.id == lease.id).values(**changing)).rowcount == 0:
        added = {"id": lease.id, "node": lease.node, "account": lease.account, "window_ms": lease.window_ms}
        db.execute(insert(leases).values(spent=0, **added, **changing))


def spend_lease(db: Connection, id: str, count: int) -> None:
    """Note what was spent of a lease."""
    db.execute(update(leases).where(leases.c.id == id).values(spent=leases.c.spent + count))


def close_lease(db: Connection, id: str, *, at_ms: int) -> None:
    """End a lease."""
    db.execute(update(leases).where(leases.c.id == id).values(closed_at_ms=at_ms))


_CHANGE = (
    update(balances)
    .where(balances.c.account == bindparam("at_account"), balances.c.window_ms == bindparam("at_window"))
    .values(
        granted=balances.c.granted + bindparam("d_granted"),
        available=balances.c.available + bindparam("d_available"),
        leased=balances.c.leased + bindparam("d_leased"),
        spent=balances.c.spent + bindparam("d_spent"),
    )
)


def upsert(db: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Begin an insert that can say `on_conflict_do_…`, in the words of the database at hand."""
    return postgresql.insert(table) if db.dialect.name == "postgresql" else sqlite.insert(table)


def batches(items: list[_Item]) -> Iterator[list[_Item]]:
    """Cut what a statement asks for into pieces that every database takes."""
    for start in range(0, len(items), _IN_MAX):
        yield items[start : start + _IN_MAX]


def at(table: Table, places: list[Place]) -> ColumnElement[bool]:
    return or_(*(and_(table.c.account == account, table.c.window_ms == begins) for account, begins in places))


def _lease(row: Row[Any]) -> tuple[Lease, int]:
    lease = Lease(
        id=LeaseId(row.id),
        node=NodeId(row.node),
        account=AccountId(row.account),
        unit=Unit(row.unit),
        window_ms=row.window_ms,
        count=row._mapping["count"],  # A row is a tuple, which has a `count` of its own.
        expires_at_ms=row.expires_at_ms,
        signature=row.signature,
        is_open=row.closed_at_ms is None,
    )
    return lease, row.spent


def _account(row: Row[Any]) -> Account:
    return Account(
        id=AccountId(row.id),
        owner=row.owner,
        purpose=Purpose(row.purpose),
        unit=Unit(row.unit),
        period=Period(row.period),
        count_max=row.count_max,
        name=row.name,
        funding=Funding(row.funding),
        expires_at_ms=row.expires_at_ms or None,
    )


def _balance(row: Row[Any]) -> Balance:
    return Balance(
        account=AccountId(row.account),
        window_ms=row.window_ms,
        granted=row.granted,
        available=row.available,
        leased=row.leased,
        spent=row.spent,
    )
