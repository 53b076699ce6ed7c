"""Reaches the database, and says in words when it is away."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable
from courtyard.core.ids import new_id
from courtyard.ledger import store
from courtyard.storage import Database

_log = structlog.get_logger("courtyard.ledger")


class Reach:
    """Transactions and views; each raises `BookUnavailable` where the database can't be reached."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._reached = True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a consistent view."""
        with self._reaching(), self._database.reading() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction."""
        with self._reaching(), self._database.transaction() as db:
            yield db

    def post_moves(self, db: Connection, kind: str, moves: store.Moves) -> None:
        """Book moves that nobody outside has a name for, if there are any."""
        if any(moves.values()):
            store.post(db, kind, new_id("post"), moves, at_ms=self._clock.now_ms())

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Say once in the log that the book is away, and once that it is back."""
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            if self._reached:
                self._reached = False
                _log.warning("book_unreachable", reason=str(getattr(error, "orig", None) or error))
            raise BookUnavailable("the book can't be reached; try again", retry_after_s=1) from error
        if not self._reached:
            self._reached = True
            _log.info("book_reachable")
