"""Keeping's SQL: rows in and nouns out."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.privacy import tables
from courtyard.privacy.register.model import (
    Breach,
    Case,
    CaseState,
    Consent,
    Limit,
    Proof,
    Purpose,
    Retention,
    Right,
    Step,
)

_text = msgspec.json.Encoder().encode


def write_purpose(db: Connection, purpose: Purpose) -> None:
    """Write a version of a purpose."""
    db.execute(
        insert(tables.purposes).values(
            organisation=purpose.organisation,
            name=purpose.name,
            version=purpose.version,
            document=_text(purpose).decode(),
            at_ms=purpose.at_ms,
        )
    )


def read_purposes(db: Connection, organisation: str | None, *, name: str | None = None) -> list[Purpose]:
    """Read all versions of purposes, oldest first."""
    query = select(tables.purposes.c.document).order_by(
        tables.purposes.c.organisation, tables.purposes.c.name, tables.purposes.c.version
    )
    if organisation is not None:
        query = query.where(tables.purposes.c.organisation.in_(("", organisation)))
    if name is not None:
        query = query.where(tables.purposes.c.name == name)
    return [msgspec.json.decode(row.document, type=Purpose) for row in db.execute(query)]


def write_consent(db: Connection, consent: Consent) -> None:
    """Write a receipt."""
    db.execute(
        insert(tables.consents).values(
            id=consent.id,
            organisation=consent.organisation,
            who=consent.who,
            purpose=consent.purpose,
            document=_text(consent).decode(),
            given_at_ms=consent.given_at_ms,
        )
    )


def withdraw_consent(db: Connection, id: str, *, at_ms: int, how: str) -> bool:
    """Note that a consent was taken back; says whether it stood until now."""
    standing = tables.consents.c.id == id, tables.consents.c.withdrawn_at_ms.is_(None)
    done = db.execute(update(tables.consents).where(*standing).values(withdrawn_at_ms=at_ms, withdrawal=how))
    return done.rowcount == 1


def read_consents(
    db: Connection, *, organisation: str | None = None, who: str | None = None, id: str | None = None
) -> list[Consent]:
    """Read receipts, newest first."""
    query = select(tables.consents).order_by(tables.consents.c.given_at_ms.desc(), tables.consents.c.id.desc())
    if organisation is not None:
        query = query.where(tables.consents.c.organisation == organisation)
    if who is not None:
        query = query.where(tables.consents.c.who == who)
    if id is not None:
        query = query.where(tables.consents.c.id == id)
    return [_consent(row) for row in db.execute(query)]


def write_retention(db: Connection, rule: Retention, *, at_ms: int) -> None:
    """Write how long something is kept, in place of what was said before."""
    values = {"days": rule.days, "reason": rule.reason, "at_ms": at_ms}
    first = _insert(db)(tables.retention).values(organisation=rule.organisation, data=rule.data, **values)
    db.execute(first.on_conflict_do_update(index_elements=["organisation", "data"], set_=values))


def read_retention(db: Connection) -> list[Retention]:
    """Read how long everything is kept."""
    query = select(tables.retention).order_by(tables.retention.c.organisation, tables.retention.c.data)
    return [
        Retention(organisation=row.organisation, data=row.data, days=row.days, reason=row.reason)
        for row in db.execute(query)
    ]


def write_case(db: Connection, case: Case, sealed: bytes) -> None:
    """Write a new case, with its subject sealed."""
    db.execute(
        insert(tables.cases).values(
            id=case.id,
            organisation=case.organisation,
            kind=case.right,
            state=case.state,
            who=case.who,
            sealed=sealed,
            received_at_ms=case.received_at_ms,
            due_at_ms=case.due_at_ms,
            due_by="" if case.due_by is None else _text(case.due_by).decode(),
            extended=case.extended,
        )
    )


def extend_case(db: Connection, case: str, *, due_at_ms: int) -> bool:
    """Move a case's time on, once; says whether it was the first time."""
    once = tables.cases.c.id == case, ~tables.cases.c.extended, tables.cases.c.state == CaseState.OPEN
    return db.execute(update(tables.cases).where(*once).values(due_at_ms=due_at_ms, extended=True)).rowcount == 1


def close_case(db: Connection, case: str, state: CaseState, *, at_ms: int) -> bool:
    """Close a case and forget whose it is; says whether it was open."""
    still = tables.cases.c.id == case, tables.cases.c.state == CaseState.OPEN
    done = update(tables.cases).where(*still).values(state=state, closed_at_ms=at_ms, sealed=None)
    return db.execute(done).rowcount == 1


def write_step(db: Connection, case: str, step: Step) -> None:
    """Write what was done in a case, as its next step."""
    last = db.scalar(select(func.max(tables.steps.c.number)).where(tables.steps.c.case == case)) or 0
    db.execute(
        insert(tables.steps).values(
            case=case,
            number=last + 1,
            at_ms=step.at_ms,
            what=step.what,
            by=step.by,
            detail=_text(step.detail).decode(),
        )
    )


def read_case(db: Connection, id: str) -> tuple[Case, bytes | None] | None:
    """Read a case with its steps, and its subject as it is sealed."""
    row = db.execute(select(tables.cases).where(tables.cases.c.id == id)).one_or_none()
    if row is None:
        return None
    steps = db.execute(select(tables.steps).where(tables.steps.c.case == id).order_by(tables.steps.c.number))
    case = msgspec.structs.replace(_case(row), steps=tuple(_step(step) for step in steps))
    return case, None if row.sealed is None else bytes(row.sealed)


def read_cases(db: Connection, *, organisation: str | None = None, state: CaseState | None = None) -> list[Case]:
    """Read cases, newest first, without their steps."""
    query = select(tables.cases).order_by(tables.cases.c.received_at_ms.desc(), tables.cases.c.id.desc())
    if organisation is not None:
        query = query.where(tables.cases.c.organisation == organisation)
    if state is not None:
        query = query.where(tables.cases.c.state == state)
    return [_case(row) for row in db.execute(query)]


def write_restriction(db: Connection, organisation: str, who: str, case: str, *, at_ms: int) -> None:
    """Note that somebody's data is kept and not used."""
    row = {"organisation": organisation, "who": who, "case": case, "at_ms": at_ms}
    db.execute(_insert(db)(tables.restrictions).values(row).on_conflict_do_nothing())


def lift_restriction(db: Connection, organisation: str, who: list[str]) -> int:
    """Note that somebody's data may be used again."""
    theirs = tables.restrictions.c.organisation == organisation, tables.restrictions.c.who.in_(who)
    return db.execute(delete(tables.restrictions).where(*theirs)).rowcount


def last_proof(db: Connection) -> str:
    """Return the digest of the last proof, or nothing."""
    last = select(tables.proofs.c.digest).order_by(tables.proofs.c.number.desc()).limit(1)
    return db.scalar(last) or ""


def write_proof(db: Connection, proof: Proof, *, kind: str, organisation: str, previous: str, at_ms: int) -> None:
    """Write a proof behind the one before it; two at once can't both stand there."""
    db.execute(
        insert(tables.proofs).values(
            digest=proof.digest,
            previous=previous,
            kind=kind,
            organisation=organisation,
            document=proof.document,
            at_ms=at_ms,
        )
    )


def read_proofs(db: Connection) -> list[Proof]:
    """Read all proofs in their order."""
    query = select(tables.proofs.c.digest, tables.proofs.c.document).order_by(tables.proofs.c.number)
    return [Proof(digest=row.digest, document=row.document) for row in db.execute(query)]


def write_breach(db: Connection, breach: Breach) -> None:
    """Write a breach, new or as it is by now."""
    values = {"document": _text(breach).decode(), "closed_at_ms": breach.closed_at_ms}
    first = _insert(db)(tables.breaches).values(
        id=breach.id, organisation=breach.organisation, noticed_at_ms=breach.noticed_at_ms, **values
    )
    db.execute(first.on_conflict_do_update(index_elements=["id"], set_=values))


def read_breaches(db: Connection, *, id: str | None = None, open_only: bool = False) -> list[Breach]:
    """Read breaches, newest first; one that is asked for stays so until the transaction ends."""
    query = select(tables.breaches.c.document).order_by(tables.breaches.c.noticed_at_ms.desc())
    if id is not None:
        query = query.where(tables.breaches.c.id == id).with_for_update()
    if open_only:
        query = query.where(tables.breaches.c.closed_at_ms.is_(None))
    return [msgspec.json.decode(row.document, type=Breach) for row in db.execute(query)]


def count_export(
    db: Connection, *, organisation: str, entity: str, year: int, who: str, sensitive: bool, at_ms: int
) -> None:
    """Count somebody once a year and receiver; who was once counted as sensitive stays so."""
    keys = {"organisation": organisation, "entity": entity, "year": year, "who": who}
    first = _insert(db)(tables.exports).values(**keys, sensitive=sensitive, at_ms=at_ms)
    if sensitive:
        db.execute(first.on_conflict_do_update(index_elements=list(keys), set_={"sensitive": True}))
    else:
        db.execute(first.on_conflict_do_nothing())


def read_exports(db: Connection, year: int, *, organisation: str | None) -> tuple[int, int, dict[str, int]]:
    """Count people of a year, those of whom something sensitive went, and people by receiver."""
    table = tables.exports
    asked = [table.c.year == year]
    if organisation is not None:
        asked.append(table.c.organisation == organisation)
    people = select(func.count(table.c.who.distinct())).where(*asked)
    entities = select(table.c.entity, func.count(table.c.who.distinct()).label("people")).where(*asked)
    rows = db.execute(entities.group_by(table.c.entity).order_by(table.c.entity))
    sensitive = db.scalar(people.where(table.c.sensitive)) or 0
    return db.scalar(people) or 0, sensitive, {row.entity: row.people for row in rows}


def _consent(row: Row[Any]) -> Consent:
    consent = msgspec.json.decode(row.document, type=Consent)
    return msgspec.structs.replace(consent, withdrawn_at_ms=row.withdrawn_at_ms)


def _case(row: Row[Any]) -> Case:
    return Case(
        id=row.id,
        organisation=row.organisation,
        right=Right(row.kind),
        state=CaseState(row.state),
        who=row.who,
        received_at_ms=row.received_at_ms,
        due_at_ms=row.due_at_ms,
        due_by=msgspec.json.decode(row.due_by, type=Limit) if row.due_by else None,
        extended=row.extended,
        closed_at_ms=row.closed_at_ms,
    )


def _step(row: Row[Any]) -> Step:
    return Step(number=row.number, at_ms=row.at_ms, what=row.what, by=row.by, detail=msgspec.json.decode(row.detail))


def _insert(db: Connection) -> type[postgresql.Insert] | type[sqlite.Insert]:
    return postgresql.Insert if db.dialect.name == "postgresql" else sqlite.Insert
