"""Writing a notice, inside the transaction that makes it true."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from courtyard.core.ids import new_id
from courtyard.notices import rules, store
from courtyard.notices.model import EVERYBODY, Kind, Notice

if TYPE_CHECKING:
    from sqlalchemy import Connection


def tell(
    db: "Connection",
    kind: Kind,
    *,
    organisation: str,
    subject: str,
    at_ms: int,
    once: str,
    data: Mapping[str, Any] | None = None,
) -> Notice | None:
    """Put a notice on its way, or return nothing where `once` was told before.

    It is told if the transaction commits and never otherwise, so that what is told is true.
    """
    assert once, "a notice says what makes it one of its kind"
    if not store.write_told(db, sha256(f"{kind}\0{once}".encode()).hexdigest(), at_ms=at_ms):
        return None
    notice = Notice(
        id=new_id("msg"),
        organisation=organisation,
        kind=kind,
        at_ms=at_ms,
        subject=rules.line(subject),
        data=dict(data or {}),
    )
    store.write_notice(db, notice)
    hearing = store.read_open_endpoints(db, {EVERYBODY, organisation})
    store.write_deliveries(db, notice, [one for one in hearing if one.hears(notice)], at_ms=at_ms)
    return notice
