"""What goes wrong between a node and the book: no answer, an answer that is lost, and death at either moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from courtyard.storage import Database


class Fault(StrEnum):
    """What becomes of the next transaction."""

    REFUSED = "refused"
    """It never begins."""
    UNDONE = "undone"
    """The connection breaks before it commits."""
    UNANSWERED = "unanswered"
    """It commits, and nobody hears of it."""
    KILLED_BEFORE = "killed before"
    """The node dies before it commits."""
    KILLED_AFTER = "killed after"
    """It commits, and the node dies."""


class Killed(BaseException):
    """The process is gone: nothing above this line of the stack runs any more."""


class Line(Database):
    """One node's way to the shared database."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_cut = False
        """Whether the node and the book are parted."""
        self.next: Fault | None = None
        self.is_dead = False
        """Whether the node died of a transaction, wherever the news of it got lost."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        fault, self.next = self.next, None
        if self.is_cut or fault is Fault.REFUSED:
            raise _gone()
        with super().transaction() as db:
            yield db
            if fault is Fault.UNDONE:
                raise _gone()
            if fault is Fault.KILLED_BEFORE:
                self._die()
        if fault is Fault.UNANSWERED:
            raise _gone()
        if fault is Fault.KILLED_AFTER:
            self._die()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        if self.is_cut:
            raise _gone()
        with super().reading() as db:
            yield db

    def _die(self) -> None:
        self.is_dead = True
        raise Killed


def _gone() -> OperationalError:
    return OperationalError("SELECT 1", {}, Exception("the server is gone"))
