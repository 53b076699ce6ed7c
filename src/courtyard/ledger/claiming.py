"""Idempotency keys that nodes share, in SQL: who runs under one, on whichever node."""

from collections.abc import Iterable

from sqlalchemy import Connection, and_, delete, exists, insert, select

from courtyard.core.errors import IdempotencyConflict, RequestInProgress
from courtyard.core.ids import RequestId
from courtyard.ledger import reading, rules, store
from courtyard.ledger.model import Claim, Receipt
from courtyard.ledger.tables import claims, receipts

Key = tuple[str, str]
"""An organisation, and the digest of its caller's key."""


def claim(db: Connection, claim: Claim, id: RequestId, *, node: str, at_ms: int) -> Receipt | None:
    """Let a request run, or find the receipt of the one that ran under its key on any node.

    Raises:
        IdempotencyConflict: the key belongs to a request with another body.
        RequestInProgress: the first request has not ended yet, or its receipt is not posted.
    """
    row = {
        "organisation": claim.organisation,
        "key": claim.key,
        "request_digest": claim.request_digest,
        "node": node,
        "request": id,
        "at_ms": at_ms,
    }
    db.execute(store.upsert(db, claims).values(row).on_conflict_do_nothing())
    here = and_(claims.c.organisation == claim.organisation, claims.c.key == claim.key)
    there = db.execute(select(claims).where(here).with_for_update()).one()
    if there.request == id:
        return None
    receipt = reading.read_receipt(db, there.request)
    if there.at_ms <= at_ms - rules.IDEMPOTENCY_MS or (receipt is not None and not rules.answers_repeats(receipt)):
        db.execute(delete(claims).where(here))
        db.execute(insert(claims).values(row))
        return None
    if there.request_digest != claim.request_digest:
        raise IdempotencyConflict("this idempotency key was used with another body; use a new key")
    if receipt is None:
        raise RequestInProgress(
            "the first request under this idempotency key has not ended yet; try again", retry_after_s=1
        )
    return receipt


def free(db: Connection, keys: Iterable[tuple[Key, RequestId]]) -> None:
    """Let keys be used again whose requests left nothing to give to a repeat."""
    for (organisation, key), id in keys:
        mine = and_(claims.c.organisation == organisation, claims.c.key == key, claims.c.request == id)
        db.execute(delete(claims).where(mine))


def free_of(db: Connection, nodes: Iterable[str]) -> None:
    """Let keys be used again whose requests ran on nodes that are gone, and have no receipt."""
    settled = exists(select(receipts.c.id).where(receipts.c.id == claims.c.request))
    db.execute(delete(claims).where(claims.c.node.in_(list(nodes)), ~settled))


def forget(db: Connection, *, before_ms: int) -> None:
    """Drop keys that are too old to be known."""
    db.execute(delete(claims).where(claims.c.at_ms < before_ms))
