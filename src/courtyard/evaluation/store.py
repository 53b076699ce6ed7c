"""Evaluation in SQL: rows in and nouns out."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from courtyard.evaluation.banks import read_cases, write_cases
from courtyard.evaluation.model import Asked, Bank, Case, Gate, Item, Judgement, Outcome, Plan, Run
from courtyard.evaluation.tables import banks, items, judgements, runs

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def write_bank(db: Connection, bank: Bank, cases: Sequence[Case], *, at_ms: int) -> None:
    db.execute(
        insert(banks).values(
            digest=bank.digest,
            name=bank.name,
            version=bank.version,
            bank=_encode(bank).decode(),
            cases=write_cases(cases).decode(),
            imported_at_ms=at_ms,
        )
    )


def read_banks(db: Connection, *, digest: str | None = None) -> list[Bank]:
    """Read every bank in the order of names, or the one of a digest."""
    query = select(banks.c.bank).order_by(banks.c.name, banks.c.imported_at_ms)
    found = db.execute(query if digest is None else query.where(banks.c.digest == digest))
    return [_decode(row.bank, type=Bank) for row in found]


def read_cases_of(db: Connection, digest: str) -> list[Case]:
    return read_cases(db.execute(select(banks.c.cases).where(banks.c.digest == digest)).scalar_one().encode())


def write_run(db: Connection, run: Run, cases: Iterable[Case]) -> None:
    """Write a run, and its items, which nobody was asked yet."""
    db.execute(
        insert(runs).values(
            id=run.id,
            bank=run.bank.digest,
            model=run.model,
            plan=_encode(run.plan).decode(),
            gates=_encode(run.gates).decode(),
            pack=run.pack,
            begun_at_ms=run.begun_at_ms,
        )
    )
    rows = [
        {"run": run.id, "number": number, "case": _encode(case).decode(), "answer": None, "request": "", "error": ""}
        for number, case in enumerate(cases, start=1)
    ]
    db.execute(insert(items), rows)


def read_runs(db: Connection, *, id: str | None = None, limit: int = 100) -> list[Run]:
    """Read runs, the newest first, or the one of an id."""
    total = select(func.count()).where(items.c.run == runs.c.id).scalar_subquery()
    answered = select(func.count(items.c.answer)).where(items.c.run == runs.c.id).scalar_subquery()
    query = (
        select(*runs.c, banks.c.bank.label("bank_json"), total.label("total"), answered.label("answered"))
        .join(banks, banks.c.digest == runs.c.bank)
        .order_by(runs.c.begun_at_ms.desc(), runs.c.id.desc())
        .limit(limit)
    )
    return [_run(row) for row in db.execute(query if id is None else query.where(runs.c.id == id))]


def erase_run(db: Connection, id: str) -> None:
    db.execute(delete(judgements).where(judgements.c.run == id))
    db.execute(delete(items).where(items.c.run == id))
    db.execute(delete(runs).where(runs.c.id == id))


def write_answer(db: Connection, run: str, number: int, asked: Asked) -> None:
    """Write what was answered to an item that had no answer."""
    row = update(items).where(items.c.run == run, items.c.number == number, items.c.answer.is_(None))
    db.execute(row.values(answer=asked.text, request=asked.request, error=asked.error))


def write_judgement(db: Connection, run: str, number: int, judgement: Judgement) -> None:
    """Write a judge's word in place of the same judge's earlier one."""
    same = judgements.c.run == run, judgements.c.number == number, judgements.c.judge == judgement.judge
    db.execute(delete(judgements).where(*same))
    db.execute(insert(judgements).values(run=run, number=number, **msgspec.structs.asdict(judgement)))


def read_items(db: Connection, run: str) -> list[Item]:
    """Read a run's items, each with what was said of it in the order in which it was said."""
    said: dict[int, list[Judgement]] = {}
    found = select(judgements).where(judgements.c.run == run).order_by(judgements.c.at_ms, judgements.c.judge)
    for row in db.execute(found):
        said.setdefault(row.number, []).append(_judgement(row))
    rows = db.execute(select(items).where(items.c.run == run).order_by(items.c.number))
    return [_item(row, said.get(row.number, [])) for row in rows]


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        bank=_decode(row.bank_json, type=Bank),
        model=row.model,
        plan=_decode(row.plan, type=Plan),
        gates=_decode(row.gates, type=tuple[Gate, ...]),
        pack=row.pack,
        begun_at_ms=row.begun_at_ms,
        items=row.total,
        answered=row.answered,
    )


def _item(row: Row[Any], said: Sequence[Judgement]) -> Item:
    return Item(
        number=row.number,
        case=_decode(row.case, type=Case),
        answer=row.answer,
        request=row.request,
        error=row.error,
        judgements=tuple(said),
    )


def _judgement(row: Row[Any]) -> Judgement:
    return Judgement(
        judge=row.judge,
        outcome=Outcome(row.outcome),
        reason=row.reason,
        is_human=row.is_human,
        at_ms=row.at_ms,
    )
