"""Licensing in SQL."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, or_, select, update

from courtyard.core.ids import OrganisationId, PersonId
from courtyard.licensing.model import Contract, ContractId, Listed, Plan, SeatHold
from courtyard.licensing.tables import contract_accounts, contracts, plans, seats

_decode_plan = msgspec.json.Decoder(Plan).decode


def read_plans(db: Connection) -> list[Listed]:
    """Read every plan, in the order in which they were last set."""
    return [
        Listed(digest=row.digest, plan=_decode_plan(row.document), set_at_ms=row.set_at_ms)
        for row in db.execute(select(plans).order_by(plans.c.set_at_ms, plans.c.number))
    ]


def read_document(db: Connection, digest: str) -> str | None:
    """Read the text that a plan's digest is over."""
    return db.execute(select(plans.c.document).where(plans.c.digest == digest)).scalar()


def write_plan(db: Connection, plan: Plan, document: str, *, digest: str, at_ms: int) -> None:
    """Add a plan, or make one that was there the newest of its name again."""
    if db.execute(update(plans).where(plans.c.digest == digest).values(set_at_ms=at_ms)).rowcount == 0:
        db.execute(insert(plans).values(digest=digest, name=plan.name, document=document, set_at_ms=at_ms))


def read_contracts(db: Connection, organisation: str | None = None) -> list[Contract]:
    """Read contracts, of one organisation or of all, by when they start."""
    query = select(contracts).order_by(contracts.c.starts_ms, contracts.c.signed_at_ms, contracts.c.id)
    if organisation is not None:
        query = query.where(contracts.c.organisation == organisation)
    return [_contract(row) for row in db.execute(query)]


def write_contract(db: Connection, contract: Contract) -> None:
    """Add a contract."""
    fields = msgspec.structs.asdict(contract)
    db.execute(insert(contracts).values(fields | {"reseller": contract.reseller or ""}))


def write_end(db: Connection, id: str, ends_ms: int) -> None:
    """Say when a contract ends."""
    db.execute(update(contracts).where(contracts.c.id == id).values(ends_ms=ends_ms))


def read_unopened(db: Connection) -> list[Contract]:
    """Read the contracts whose accounts are not opened yet, by when they start; what never runs opens none."""
    query = select(contracts).where(
        contracts.c.opened_at_ms.is_(None),
        or_(contracts.c.ends_ms.is_(None), contracts.c.ends_ms > contracts.c.starts_ms),
    )
    return [_contract(row) for row in db.execute(query.order_by(contracts.c.starts_ms, contracts.c.id))]


def write_opened(db: Connection, id: str, accounts: Iterable[str], *, at_ms: int) -> None:
    """Note which accounts a contract has, and that they are open."""
    there = set(read_accounts(db, id))
    for account in sorted(set(accounts) - there):
        db.execute(insert(contract_accounts).values(contract=id, account=account))
    db.execute(update(contracts).where(contracts.c.id == id).values(opened_at_ms=at_ms))


def read_accounts(db: Connection, contract: str) -> list[str]:
    """Read which accounts were opened for a contract."""
    query = select(contract_accounts.c.account).where(contract_accounts.c.contract == contract)
    return list(db.execute(query).scalars())


def read_accounts_before(db: Connection, contract: Contract) -> set[str]:
    """Read which accounts were opened for any contract of the organisation."""
    query = select(contract_accounts.c.account).join(contracts, contracts.c.id == contract_accounts.c.contract)
    return set(db.execute(query.where(contracts.c.organisation == contract.organisation)).scalars())


def read_seats(
    db: Connection, organisation: str | None = None, *, from_ms: int | None = None, until_ms: int | None = None
) -> list[SeatHold]:
    """Read who holds seats; between two moments, who held one at any time of it."""
    query = select(seats).order_by(seats.c.from_ms, seats.c.number)
    if organisation is not None:
        query = query.where(seats.c.organisation == organisation)
    if from_ms is None or until_ms is None:
        query = query.where(seats.c.until_ms.is_(None))
    else:
        query = query.where(seats.c.from_ms < until_ms, or_(seats.c.until_ms.is_(None), seats.c.until_ms > from_ms))
    return [_seat(row) for row in db.execute(query)]


def read_places(db: Connection, organisation: str | None = None) -> set[int]:
    """Read which places are held."""
    query = select(seats.c.place).where(seats.c.until_ms.is_(None))
    if organisation is not None:
        query = query.where(seats.c.organisation == organisation)
    return set(db.execute(query).scalars())


def count_seats(db: Connection) -> int:
    """Count the seats that are held in the whole installation."""
    return len(db.execute(select(seats.c.number).where(seats.c.until_ms.is_(None))).all())


def read_seat(db: Connection, person: str) -> SeatHold | None:
    """Read the seat that a person holds."""
    row = db.execute(select(seats).where(seats.c.person == person, seats.c.until_ms.is_(None))).first()
    return None if row is None else _seat(row)


def write_seat(db: Connection, seat: SeatHold, *, place: int) -> None:
    """Give a person a place."""
    db.execute(
        insert(seats).values(organisation=seat.organisation, person=seat.person, place=place, from_ms=seat.from_ms)
    )


def end_seat(db: Connection, person: str, *, at_ms: int) -> None:
    """Free a person's place; that it was held stays."""
    db.execute(update(seats).where(seats.c.person == person, seats.c.until_ms.is_(None)).values(until_ms=at_ms))


def _contract(row: Row[Any]) -> Contract:
    return Contract(
        id=ContractId(row.id),
        organisation=OrganisationId(row.organisation),
        plan=row.plan,
        book=row.book,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        reseller=OrganisationId(row.reseller) if row.reseller else None,
        seats_max=row.seats_max,
        signed_at_ms=row.signed_at_ms,
    )


def _seat(row: Row[Any]) -> SeatHold:
    return SeatHold(
        organisation=OrganisationId(row.organisation),
        person=PersonId(row.person),
        from_ms=row.from_ms,
        until_ms=row.until_ms,
    )
