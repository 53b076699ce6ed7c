"""What wallets had when something was granted last: that is what "80 % is used" is of."""

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, String, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.storage import metadata

_marks = Table(
    "warning_marks",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("granted", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),
)


class Mark(NamedTuple):
    """All that was ever granted, and what there was right after the last of it."""

    granted: int
    base: int


def read_marks(db: Connection) -> dict[str, Mark]:
    """Read every account's mark."""
    return {row.account: Mark(row.granted, row.base) for row in db.execute(select(_marks))}


def write_mark(db: Connection, account: str, mark: Mark) -> Mark:
    """Set a mark, unless another process set one for the same grant; says which holds."""
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    new = insert(_marks).values(account=account, granted=mark.granted, base=mark.base)
    values = {"granted": mark.granted, "base": mark.base}
    db.execute(
        new.on_conflict_do_update(index_elements=["account"], set_=values, where=_marks.c.granted != mark.granted)
    )
    row = db.execute(select(_marks).where(_marks.c.account == account)).one()
    return Mark(row.granted, row.base)
