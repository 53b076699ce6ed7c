"""Usage is summed by day in every dimension, also that from before there were so many, and asked for without a scan."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from courtyard.core.amount import Amount, money
from courtyard.core.chat import Kind
from courtyard.core.ids import ModelName, NodeId, OrganisationId, ProjectId, RequestId, new_id
from courtyard.core.usage import Usage
from courtyard.ledger import rollup, rules
from courtyard.ledger.findings import Findings
from courtyard.ledger.model import Dimension, Outcome, Settled, UsageFilter, UsageRow
from courtyard.storage import Database, schema

USD = money("USD")
AT_MS = 1_767_225_599_999  # The last millisecond of 2025.
DAY_MS = 86_400_000

EVERYTHING = Usage(
    input=1,
    cached_input=2,
    cache_write=3,
    output=4,
    reasoning=5,
    images=6,
    audio_seconds=7,
    characters=8,
    pages=9,
    rows=10,
)


def test_every_dimension_is_summed(database: Database) -> None:
    """Requests of which nothing was delivered count as requests, and not among those that were served."""
    with database.transaction() as db:
        for booked in ([_settled("b"), _settled("b")], [_settled("b")], [_settled("c", usage=Usage(), cost=0)]):
            rollup.add(db, booked)
    with database.reading() as db:
        old, new = rollup.read_usage(db, UsageFilter(), [Dimension.PRICE_BOOK])

    assert (old.by["price_book"], old.requests, old.served) == ("b" * 64, 3, 3)
    assert old.usage == EVERYTHING + EVERYTHING + EVERYTHING
    assert old.cost == Amount(6, USD)
    assert (new.requests, new.served, new.usage) == (1, 0, Usage())


ASKED = {
    "usage_in_brief": (
        UsageFilter(),
        UsageFilter(day_first="2026-01-01", day_last="2026-01-31"),
        UsageFilter(day_first="2026-01-01"),
        UsageFilter(organisation="org_2"),
    ),
    "usage_by_day": (UsageFilter(day_first="2025-12-31", day_last="2026-01-30"), UsageFilter(project="proj_1")),
}
"""Questions, by the table that answers them where they are by organisation and model."""


def test_the_house_is_summed_as_its_customers_are(database: Database) -> None:
    """Whichever table answers, fine or in brief, the sums are the same, by whatever dimensions."""
    days = (AT_MS - 40 * DAY_MS, AT_MS - 1, AT_MS + 1, AT_MS + 29 * DAY_MS, AT_MS + 30 * DAY_MS, AT_MS + 32 * DAY_MS)
    receipts = [
        _settled(book, at_ms=at_ms, organisation=organisation)
        for at_ms in days
        for book in "bc"
        for organisation in ("org_1", "org_2")
    ]
    by = (Dimension.ORGANISATION, Dimension.MODEL, Dimension.PRICE_BOOK)
    with database.transaction() as db:
        rollup.add(db, receipts)
        for table, asked in ((table, asked) for table, several in ASKED.items() for asked in several):
            assert rollup._where(asked, by)[0].name == table
            fine = rollup.read_usage(db, asked, (*by, Dimension.DAY, Dimension.PROJECT))
            summed = rollup.read_usage(db, asked, by)
            others = [rollup.read_usage(db, asked, ()), rollup.read_usage(db, asked, [Dimension.DAY])]

            assert _summed(summed, by) == _summed(fine, by)
            for rows in others:
                assert _summed(rows, ()) == _summed(fine, ())


def test_a_rollup_that_is_off_is_found(database: Database) -> None:
    """Each of the two tables is compared with what the receipts sum to."""
    receipts = [_settled("b"), _settled("c")]
    sums: rules.UsageSums = {}
    for receipt in receipts:
        rules.add_usage(sums, receipt)
    with database.transaction() as db:
        rollup.add(db, receipts)
        right, wrong = Findings(), Findings()
        rollup.check(db, sums, right)
        db.execute(text("UPDATE usage_in_brief SET cost = cost + 1 WHERE organisation = ''"))
        rollup.check(db, sums, wrong)

    assert right.all == ()
    assert len(wrong.all) == 2
    assert all("cost stands at 3, receipts sum to 2" in finding.what for finding in wrong.all)


def test_receipts_of_the_first_schema_are_summed(database: Database) -> None:
    """An upgrade sums what stands in the receipts, whatever the old sums said."""
    _first_schema(database)
    paid = {"count": 7, "unit": "usd_nano"}
    with database.transaction() as db:
        for number, entry in enumerate(
            (
                _entry(0, usage={"input": 5, "cached_input": 3, "output": 2}, cost=paid, price_book="b" * 64),
                _entry(1, usage={"input": 1}, cost=paid, price_book="b" * 64),
                _entry(2, at_ms=AT_MS + 1, cost={"count": 0, "unit": "token"}, key="key_1"),
            )
        ):
            db.execute(
                text(
                    "INSERT INTO receipts (id, node, epoch, seq, previous, digest, at_ms, organisation, project, key,"
                    " person, model, has_idempotency_key, entry) VALUES (:id, 'n', 1, :seq, '', '', :at_ms, 'org_1',"
                    " 'proj_1', '', '', 'm', :no, :entry)"
                ),
                {"id": f"r{number}", "seq": number, "at_ms": entry["at_ms"], "no": False, "entry": json.dumps(entry)},
            )
    database.upgrade()

    with database.reading() as db:
        rows = [dict(row._mapping) for row in db.execute(text("SELECT * FROM usage_by_day ORDER BY day"))]
        tables = inspect(db).get_table_names()
        brief = rollup.read_usage(db, UsageFilter(), [Dimension.DAY])
        months = rollup.read_usage(db, UsageFilter(), [Dimension.ORGANISATION])
    assert "usage" not in tables
    assert len(rows) == 2
    first, second = rows
    assert (first["day"], first["requests"], first["served"], first["cost"]) == ("2025-12-31", 2, 2, 14)
    assert (first["input"], first["cached_input"], first["output"], first["cache_write"]) == (6, 3, 2, 0)
    assert (first["organisation"], first["model"], first["price_book"]) == ("org_1", "m", "b" * 64)
    assert [(row.by["day"], row.requests) for row in brief] == [("2025-12-31", 2), ("2026-01-01", 1)]
    assert [(row.by["organisation"], row.requests, row.cost.count) for row in months] == [
        ("org_1", 1, 0),
        ("org_1", 2, 14),
    ]
    assert (second["day"], second["key"], second["served"], second["unit"]) == ("2026-01-01", "key_1", 0, "token")


@pytest.mark.parametrize("asked", [UsageFilter(organisation="org_1"), UsageFilter(project="proj_1"), UsageFilter()])
def test_what_is_asked_of_a_month_is_searched_and_not_scanned(database: Database, asked: UsageFilter) -> None:
    """An index leads to one organisation's days, to one project's, and to the days of all."""
    owner = "organisation" if asked.organisation else "project" if asked.project else None
    where = "day >= '2026-01-01' AND day <= '2026-01-31'" + (f" AND {owner} = 'x'" if owner else "")
    with database.transaction() as db:
        if db.dialect.name == "postgresql":
            db.execute(text("SET LOCAL enable_seqscan = off"))  # An empty table is always scanned.
            plan = db.execute(text(f"EXPLAIN SELECT sum(cost) FROM usage_by_day WHERE {where}")).scalars().all()
        else:
            plan = [
                row.detail for row in db.execute(text(f"EXPLAIN QUERY PLAN SELECT * FROM usage_by_day WHERE {where}"))
            ]
    told = " ".join(plan)

    assert "SCAN" not in told
    assert "Seq Scan" not in told
    if owner:
        assert f"{owner}=?" in told or f"({owner})::text = 'x'" in told


def _summed(rows: Sequence[UsageRow], by: Sequence[Dimension]) -> dict[tuple[str, ...], tuple[int, int, Usage]]:
    sums: dict[tuple[str, ...], tuple[int, int, Usage]] = {}
    for row in rows:
        place = tuple(row.by[one] for one in by)
        requests, cost, used = sums.get(place, (0, 0, Usage()))
        sums[place] = (requests + row.requests, cost + row.cost.count, used + row.usage)
    return sums


def _settled(
    book: str, *, usage: Usage = EVERYTHING, cost: int = 2, at_ms: int = AT_MS, organisation: str = "org_1"
) -> Settled:
    return Settled(
        id=RequestId(new_id("req")),
        organisation=OrganisationId(organisation),
        project=ProjectId("proj_1"),
        kind=Kind.CHAT,
        model=ModelName("m"),
        usage=usage,
        outcome=Outcome.COMPLETE,
        price_book=book * 64,
        node=NodeId("n"),
        at_ms=at_ms,
        cost=Amount(cost, USD),
    )


def _first_schema(database: Database) -> None:
    with database.transaction() as db:
        if db.dialect.name == "postgresql":
            db.execute(text("DROP SCHEMA public CASCADE"))
            db.execute(text("CREATE SCHEMA public"))
        else:
            db.execute(text("PRAGMA defer_foreign_keys = ON"))
            by_need = [name for name, _ in inspect(db).get_sorted_table_and_fkc_names() if name]
            for table in reversed(by_need):
                db.execute(text(f'DROP TABLE "{table}"'))
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    with database.transaction() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")


def _entry(number: int, *, at_ms: int = AT_MS, **about: Any) -> dict[str, Any]:
    """A receipt's JSON as the first version wrote it: what is as usual was left out."""
    names = {"organisation": "org_1", "project": "proj_1", "kind": "chat", "model": "m", "engine": "echo"}
    return {"id": f"r{number}", **names, "outcome": "complete", "node": "n", "at_ms": at_ms, **about}
