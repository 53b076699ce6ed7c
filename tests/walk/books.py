"""Looks into a data directory beside its server, or after it: what was charged, what is held, whether all is right."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from courtyard.app import House
from courtyard.core.errors import NotFound
from courtyard.core.ids import RequestId
from courtyard.ledger import Receipt, UsageFilter
from courtyard.settings import load
from tests.walk.load import BODY, post
from tests.walk.server import Running
from tests.walk.wait import until


@contextmanager
def opened(data_dir: Path, environ: dict[str, str] | None = None) -> Iterator[House]:
    """The rooms of a data directory, not serving."""
    house = House(load(data_dir=data_dir, environ=environ or {}))
    try:
        yield house
    finally:
        house.close()


class Kept(Protocol):
    """Something that keeps a data directory."""

    data_dir: Path


def add_engine(server: Kept, model: str, url: str, **more: Any) -> None:
    """Serve a model by the server at `url` too, once the running server knows."""
    with opened(server.data_dir) as house:
        house.catalogue.add(model, url=url, upstream="m", **more)


def serve_by(server: Running, model: str, url: str, **more: Any) -> None:
    """Serve a model by the server at `url`, and wait until it answers."""
    add_engine(server, model, url, **more)
    until(lambda: post(server, "/v1/chat/completions", BODY | {"model": model, "max_tokens": 1})[0] == 200)


def receipt_of(server: Kept, id: str) -> Receipt:
    """Wait for the receipt of a request."""
    with opened(server.data_dir) as house:
        return until(lambda: _receipt(house, id))


def receipts(data_dir: Path) -> list[Receipt]:
    """Return all that are in the book, newest first."""
    with opened(data_dir) as house:
        return list(house.ledger.receipts(UsageFilter(), limit=1000).receipts)


def check_closed(data_dir: Path) -> None:
    """Assert that a server which stopped left clean books, and nothing held, leased or unposted."""
    with opened(data_dir) as house:
        report = house.ledger.check()
        balances = house.ledger.balances([account.id for account in house.ledger.accounts()])
        verified = house.evidence.verify()

    assert report.findings == ()
    assert (report.unposted, report.leases) == (0, 0)
    assert sum(balance.leased for balance in balances) == 0
    assert verified.damages == ()


def _receipt(house: House, id: str) -> Receipt | None:
    try:
        return house.ledger.receipt(RequestId(id))
    except NotFound:
        return None
