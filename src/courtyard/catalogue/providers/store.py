"""Providers in SQL: rows in and nouns out."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.catalogue.providers.model import (
    Caps,
    Change,
    CrossedDay,
    Crossing,
    Facts,
    Item,
    Kind,
    Provider,
    Scope,
    State,
    Tier,
)
from courtyard.catalogue.providers.tables import (
    changes,
    crossings,
    days,
    evidence,
    person_years,
    persons,
    providers,
    switches,
)
from courtyard.core.ids import ProviderId

_FOREIGN = "foreign"


def read_all(db: Connection) -> list[Provider]:
    """Read every provider with its evidence, in the order in which they were proposed."""
    items: dict[str, list[Item]] = {}
    for row in db.execute(select(evidence).where(evidence.c.superseded_ms.is_(None)).order_by(evidence.c.kind)):
        items.setdefault(row.provider, []).append(_item(row))
    rows = db.execute(select(providers).order_by(providers.c.proposed_at_ms, providers.c.id))
    return [_provider(row, items.get(row.id, [])) for row in rows]


def read(db: Connection, id: str) -> Provider | None:
    """Read one provider; on PostgreSQL nobody else changes it until the transaction ends."""
    row = db.execute(select(providers).where(providers.c.id == id).with_for_update()).first()
    if row is None:
        return None
    query = select(evidence).where(evidence.c.provider == id, evidence.c.superseded_ms.is_(None))
    return _provider(row, [_item(item) for item in db.execute(query.order_by(evidence.c.kind))])


def write(db: Connection, provider: Provider) -> None:
    """Write a provider, in the place of what was said of it. Its evidence is written by `write_item`."""
    values = {
        "facts": msgspec.to_builtins(provider.facts, order="sorted"),
        "state": provider.state,
        "scope": None if provider.scope is None else msgspec.to_builtins(provider.scope, order="sorted"),
        "until_ms": provider.until_ms,
        "caps": msgspec.to_builtins(provider.caps),
        "killed": provider.killed,
        "proposed_at_ms": provider.proposed_ms,
    }
    if db.execute(update(providers).where(providers.c.id == provider.id).values(values)).rowcount == 0:
        db.execute(insert(providers).values(id=provider.id, **values))


def write_item(db: Connection, provider: str, item: Item) -> None:
    """Write a piece of evidence; the one before it stays, as what it was."""
    same = evidence.c.provider == provider, evidence.c.kind == item.kind, evidence.c.superseded_ms.is_(None)
    db.execute(update(evidence).where(*same).values(superseded_ms=item.at_ms))
    db.execute(insert(evidence).values(provider=provider, **msgspec.structs.asdict(item)))


def set_evidence_aside(db: Connection, provider: str, *, at_ms: int) -> None:
    """Keep what a provider has shown, and count it no longer."""
    shown = evidence.c.provider == provider, evidence.c.superseded_ms.is_(None)
    db.execute(update(evidence).where(*shown).values(superseded_ms=at_ms))


def write_change(db: Connection, change: Change) -> None:
    db.execute(insert(changes).values(**msgspec.structs.asdict(change)))


def read_changes(db: Connection, *, provider: str | None, limit: int) -> list[Change]:
    """Read what was changed, newest first."""
    query = select(changes).order_by(changes.c.number.desc()).limit(limit)
    if provider is not None:
        query = query.where(changes.c.provider == provider)
    return [_struct(row, Change) for row in db.execute(query)]


def read_foreign_on(db: Connection) -> bool:
    """Say whether anybody foreign may be asked at all. To begin with nobody may."""
    return db.execute(select(switches.c.is_on).where(switches.c.name == _FOREIGN)).scalar() or False


def write_foreign_on(db: Connection, is_on: bool) -> None:
    new = _insert(db, switches).values(name=_FOREIGN, is_on=is_on)
    db.execute(new.on_conflict_do_update(index_elements=["name"], set_={"is_on": is_on}))


def read_persons(db: Connection, year: int) -> dict[str, int]:
    """Read how many persons each legal entity was told of in a year."""
    rows = db.execute(select(person_years.c.entity, person_years.c.persons).where(person_years.c.year == year))
    return {row.entity: row.persons for row in rows}


def write_person(db: Connection, entity: str, year: int, digest: str) -> bool:
    """Note a person; says no where they are noted already.

    Who notes one first makes the others wait until the transaction ends, so that nobody is counted twice.
    """
    new = _insert(db, persons).values(entity=entity, year=year, digest=digest).on_conflict_do_nothing()
    return db.execute(new.returning(persons.c.digest)).first() is not None


def count_person(db: Connection, entity: str, year: int, *, most: int | None) -> bool:
    """Count one person more, or say that there are as many as there may be."""
    db.execute(_insert(db, person_years).values(entity=entity, year=year, persons=0).on_conflict_do_nothing())
    row = update(person_years).where(person_years.c.entity == entity, person_years.c.year == year)
    if most is not None:
        row = row.where(person_years.c.persons < most)
    return db.execute(row.values(persons=person_years.c.persons + 1)).rowcount == 1


def write_crossings(db: Connection, crossed: Iterable[Crossing], counted: Iterable[CrossedDay]) -> None:
    """Write what the egress decided, and add it to its days."""
    db.execute(insert(crossings), [msgspec.structs.asdict(crossing) for crossing in crossed])
    for day in counted:
        new = _insert(db, days).values(**msgspec.structs.asdict(day))
        sums = {name: days.c[name] + new.excluded[name] for name in ("passed", "refused", "bytes_out", "bytes_in")}
        db.execute(new.on_conflict_do_update(index_elements=["day", "provider"], set_=sums))


def read_crossings(
    db: Connection, *, provider: str | None, verdict: str | None, since_ms: int, limit: int
) -> list[Crossing]:
    """Read what the egress decided, newest first."""
    query = select(crossings).where(crossings.c.at_ms >= since_ms)
    query = query.order_by(crossings.c.at_ms.desc(), crossings.c.number.desc()).limit(limit)
    query = _where(query, crossings.c.provider, provider)
    return [_struct(row, Crossing) for row in db.execute(_where(query, crossings.c.verdict, verdict))]


def read_days(db: Connection, *, day_first: str, day_last: str) -> list[CrossedDay]:
    """Read what each provider was sent on each of some days."""
    query = select(days).where(days.c.day >= day_first, days.c.day <= day_last).order_by(days.c.day, days.c.provider)
    return [
        CrossedDay(
            day=row.day,
            provider=ProviderId(row.provider),
            tier=Tier(row.tier),
            passed=row.passed,
            refused=row.refused,
            bytes_out=row.bytes_out,
            bytes_in=row.bytes_in,
        )
        for row in db.execute(query)
    ]


def _where(query: Select[Any], column: Any, value: str | None) -> Select[Any]:
    return query if value is None else query.where(column == value)


def _insert(db: Connection, table: Table) -> Any:
    return postgresql.insert(table) if db.dialect.name == "postgresql" else sqlite.insert(table)


def _struct(row: Row[Any], kind: Any) -> Any:
    values = {name: value for name, value in row._mapping.items() if name != "number"}
    return kind(**values)


def _item(row: Row[Any]) -> Item:
    return Item(
        kind=Kind(row.kind),
        statement=row.statement,
        digest=row.digest,
        dated_ms=row.dated_ms,
        expires_ms=row.expires_ms,
        by=row.by,
        at_ms=row.at_ms,
    )


def _provider(row: Row[Any], items: list[Item]) -> Provider:
    return Provider(
        id=ProviderId(row.id),
        facts=msgspec.convert(row.facts, Facts),
        state=State(row.state),
        scope=None if row.scope is None else msgspec.convert(row.scope, Scope),
        until_ms=row.until_ms,
        caps=msgspec.convert(row.caps, Caps),
        killed=row.killed,
        evidence=tuple(items),
        proposed_ms=row.proposed_at_ms,
    )
