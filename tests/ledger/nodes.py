"""Several nodes on one book in one process: each hears of the others as the server lets it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from sqlalchemy.exc import OperationalError

from courtyard.core.errors import BookUnavailable
from courtyard.core.ids import AccountId, RequestId, new_id
from courtyard.ledger import Account, Hold, Ledger, Leg, Needs
from courtyard.storage import Database, Revisions
from tests.ledger.node import Node

_FOLLOW_S = 0.02


@asynccontextmanager
async def together(database: Database, *nodes: Node) -> AsyncIterator[list[Ledger]]:
    """Runs that begin together and end in order, and follow each other as processes do."""
    async with AsyncExitStack() as stack:
        ledgers = [await stack.enter_async_context(node.running()) for node in nodes]
        following = asyncio.create_task(follow(database, ledgers))
        await turns(*ledgers)
        try:
            yield ledgers
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


async def follow(database: Database, ledgers: list[Ledger]) -> None:
    """Tell ledgers of what others changed, as the server does, only sooner."""
    revisions = Revisions(database)
    seen = await asyncio.to_thread(revisions.read)
    while True:
        await asyncio.sleep(_FOLLOW_S)
        with suppress(OperationalError, BookUnavailable):  # The book may be away: it is looked at again.
            now = await asyncio.to_thread(revisions.read)
            for ledger in ledgers:
                if now.get("ledger") != seen.get("ledger"):
                    await asyncio.to_thread(ledger.reload)
                if now.get("leases") != seen.get("leases"):
                    ledger.hear()
            seen = now


async def turns(*ledgers: Ledger) -> None:
    """Do now what ledgers do every few seconds."""
    for ledger in ledgers:
        ledger._tending.beat_soon()
        await ledger._post_durable()
        await ledger._turn()


def needs(ledger: Ledger, *legs: Leg) -> Needs:
    """What serving says that a request needs."""
    counts: dict[AccountId, int] = {leg.account: leg.amount.count for leg in legs}
    return Needs(counts, lambda: all(ledger.available(id) >= count for id, count in counts.items()))


async def hold(ledger: Ledger, *legs: Leg, id: str | None = None) -> Hold:
    """Reserve as serving does on a node that is not alone."""
    await ledger.ensure([leg.account for leg in legs], needs(ledger, *legs))
    return ledger.reserve(legs, key=RequestId(id or new_id("req")))


async def until(holds: Callable[[], Awaitable[bool]], *, tries: int = 200) -> None:
    """Wait until something is true that other tasks bring about."""
    for _ in range(tries):
        if await holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came about")


__all__ = ["Account", "follow", "hold", "needs", "together", "turns", "until"]
