"""Minutes that nodes share, in SQL: each takes a part of what an account allows, and all parts stay within it."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, select, update

from courtyard.core.ids import AccountId
from courtyard.ledger import rules, store
from courtyard.ledger.model import Account
from courtyard.ledger.tables import minutes

Part = tuple[int, int]
"""What is missing of a minute, and how much more is taken where there is plenty."""


class TakenMinute(NamedTuple):
    """What a node got of a minute, and what is left of it for every node."""

    account: Account
    window: rules.Window
    taken: int
    left: int


def take(
    db: Connection, accounts: Mapping[AccountId, Account], wanted: Mapping[store.Place, Part], *, nodes: int
) -> list[TakenMinute]:
    """Take parts of minutes, always in one order so that two nodes never wait for each other."""
    taken = []
    for place in sorted(wanted):
        account = accounts.get(place[0])
        if account is None:
            continue
        here = and_(minutes.c.account == place[0], minutes.c.window_ms == place[1])
        fresh = {"account": place[0], "window_ms": place[1], "granted": rules.minute_share(account), "taken": 0}
        db.execute(store.upsert(db, minutes).values(fresh).on_conflict_do_nothing())
        row = db.execute(select(minutes).where(here).with_for_update()).one()
        granted = max(rules.minute_share(account), row.taken)
        missing, more = wanted[place]
        count = rules.lease_count(granted - row.taken, nodes=nodes, missing=missing, more=more)
        db.execute(update(minutes).where(here).values(granted=granted, taken=row.taken + count))
        window = rules.Window(place[1], place[1] + rules.MINUTE_MS)
        taken.append(TakenMinute(account, window, count, granted - row.taken - count))
    return taken


def forget(db: Connection, *, before_ms: int) -> None:
    """Drop the minutes that are long over."""
    db.execute(delete(minutes).where(minutes.c.window_ms < before_ms))
