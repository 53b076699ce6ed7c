"""The register, the agreements and their log in SQL: rows in and nouns out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.labels.model import Agreement, Match, Unlabelled
from courtyard.labels.tables import agreements, passages, texts, unlabelled

_AT_ONCE = 500
"""Values in one statement: SQLite takes no more than some thousands."""


def write_text(db: Connection, match: Match, *, digest: str, prints: Iterable[int]) -> None:
    """Enter a text in the register."""
    row = {
        "digest": digest,
        "request": match.request,
        "organisation": match.organisation,
        "model": match.model,
        "at_ms": match.at_ms,
        "receipt": match.receipt,
    }
    number = db.execute(insert(texts).values(row).returning(texts.c.number)).scalar_one()
    rows = [{"print": one, "text": number} for one in sorted(set(prints))]
    if rows:
        db.execute(insert(passages), rows)


def read_whole(db: Connection, digest: str, *, limit: int) -> list[Match]:
    """Read the texts of a digest, the newest first."""
    query = select(texts).where(texts.c.digest == digest).order_by(texts.c.number.desc()).limit(limit)
    return [_match(row, 1.0) for row in db.execute(query)]


def read_quoted(db: Connection, prints: Sequence[int], *, shared_min: int, limit: int) -> list[Match]:
    """Read the texts that share most fingerprints, at least so many."""
    shared: Counter[int] = Counter()
    for at in range(0, len(prints), _AT_ONCE):
        some = select(passages.c.text).where(passages.c.print.in_(prints[at : at + _AT_ONCE]))
        shared.update(row.text for row in db.execute(some))
    best = {number: count for number, count in shared.most_common(limit) if count >= shared_min}
    rows = db.execute(select(texts).where(texts.c.number.in_(best)))
    found = [_match(row, best[row.number] / len(prints)) for row in rows]
    return sorted(found, key=lambda match: (-match.share, -match.at_ms))


def write_unlabelled(db: Connection, deliveries: Sequence[Unlabelled]) -> None:
    """Keep deliveries that had no label, each once."""
    dialect = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    rows = [msgspec.to_builtins(delivery) for delivery in deliveries]
    for at in range(0, len(rows), _AT_ONCE):
        db.execute(dialect(unlabelled).values(rows[at : at + _AT_ONCE]).on_conflict_do_nothing())


def read_unlabelled(db: Connection, *, organisation: str | None, limit: int) -> list[Unlabelled]:
    """Read deliveries that had no label, the newest first."""
    query = select(unlabelled).order_by(unlabelled.c.at_ms.desc(), unlabelled.c.request.desc()).limit(limit)
    if organisation is not None:
        query = query.where(unlabelled.c.organisation == organisation)
    return [
        Unlabelled(request=r.request, organisation=r.organisation, agreement=r.agreement, model=r.model, at_ms=r.at_ms)
        for r in db.execute(query)
    ]


def count_texts(db: Connection) -> int:
    """Say how many texts are in the register."""
    return int(db.execute(select(func.count()).select_from(texts)).scalar_one())


def prune(db: Connection, *, texts_before_ms: int, unlabelled_before_ms: int) -> None:
    """Forget what was kept long enough."""
    old = select(texts.c.number).where(texts.c.at_ms < texts_before_ms)
    db.execute(delete(passages).where(passages.c.text.in_(old)))
    db.execute(delete(texts).where(texts.c.at_ms < texts_before_ms))
    db.execute(delete(unlabelled).where(unlabelled.c.at_ms < unlabelled_before_ms))


def write_agreement(db: Connection, agreement: Agreement) -> None:
    """Put an agreement on file."""
    db.execute(
        insert(agreements).values(
            id=agreement.id,
            organisation=agreement.organisation,
            document=agreement.document,
            by=agreement.by,
            from_ms=agreement.from_ms,
            until_ms=agreement.until_ms,
        )
    )


def end_agreement(db: Connection, id: str, *, at_ms: int) -> None:
    """Note that an agreement ended, unless it had."""
    db.execute(
        update(agreements).where(agreements.c.id == id, agreements.c.ended_at_ms.is_(None)).values(ended_at_ms=at_ms)
    )


def read_agreements(db: Connection) -> list[Agreement]:
    """Read every agreement, the newest first."""
    return [_agreement(row) for row in db.execute(select(agreements).order_by(agreements.c.id.desc()))]


def _agreement(row: Row[Any]) -> Agreement:
    return Agreement(
        id=row.id,
        organisation=row.organisation,
        document=row.document,
        by=row.by,
        from_ms=row.from_ms,
        until_ms=row.until_ms,
        ended_at_ms=row.ended_at_ms,
    )


def _match(row: Row[Any], share: float) -> Match:
    return Match(
        request=row.request,
        organisation=row.organisation,
        model=row.model,
        at_ms=row.at_ms,
        receipt=row.receipt,
        share=min(share, 1.0),
    )
