"""Has people told of what they must do by a time, before it is over."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from courtyard.core.clock import Clock
from courtyard.notices.model import Kind
from courtyard.notices.telling import tell
from courtyard.storage import Database


class Due(Protocol):
    """Something with a time: `once` says which reminder of it this is."""

    @property
    def kind(self) -> str: ...
    @property
    def once(self) -> str: ...
    @property
    def organisation(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def data(self) -> dict[str, Any]: ...


class Deadlines:
    """Asks rooms what is due. Every process may run it: what one has told, no other tells again."""

    def __init__(self, database: Database, clock: Clock, sources: Sequence[Callable[[], Iterable[Due]]]) -> None:
        self._database = database
        self._clock = clock
        self._sources = sources
        self._seen: set[str] = set()

    def turn(self) -> int:
        """Tell what is due and was not told by this process; says how much that was."""
        due = [one for source in self._sources for one in source() if one.once not in self._seen]
        for one in due:
            self._tell(one)
            self._seen.add(one.once)
        return len(due)

    def _tell(self, one: Due) -> None:
        with self._database.transaction() as db:
            tell(
                db,
                Kind(one.kind),
                organisation=one.organisation,
                subject=one.subject,
                at_ms=self._clock.now_ms(),
                once=one.once,
                data=one.data,
            )
