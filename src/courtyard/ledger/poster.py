"""Brings the journal to the book: what is durable is posted, whoever asks for it first."""

from threading import Lock

from courtyard.core.clock import Clock
from courtyard.ledger.book import Book
from courtyard.ledger.journal import Journal

_POST_MAX = 1000
"""Receipts booked in one transaction."""

_REST_S = 10
"""How long a journal that does not continue what is booked is left alone."""


class Poster:
    """Posts from one place at a time; any thread may ask."""

    def __init__(self, book: Book, journal: Journal, clock: Clock) -> None:
        self._book = book
        self._journal = journal
        self._lock = Lock()
        self._clock = clock
        self._rest_until_s: float = 0
        self.posted_until = (0, -1)

    @property
    def is_behind(self) -> bool:
        """Whether there are durable receipts that were not posted yet."""
        return self.posted_until < self._journal.durable_until

    def post(self) -> int:
        """Post all that is durable, and say how many receipts that were.

        Raises:
            BookUnavailable: the book can't be reached; what is left is posted next time.
        """
        posted = 0
        with self._lock:
            while self.is_behind and self._clock.monotonic() >= self._rest_until_s:
                until = self._journal.durable_until
                entries, position = self._journal.unposted(until, limit=_POST_MAX)
                if entries:
                    done = self._book.post(entries, self._journal.openings(entries))
                    posted += done.booked
                    if done.stopped:
                        self._rest_until_s = self._clock.monotonic() + _REST_S
                        break
                self._journal.advance(position)
                if len(entries) < _POST_MAX:
                    self.posted_until = until
        return posted
