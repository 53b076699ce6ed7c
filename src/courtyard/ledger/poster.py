"""Brings the journal to the book: what is durable is posted, whoever asks for it first."""

from threading import Lock

from courtyard.ledger.book import Book
from courtyard.ledger.journal import Journal

_POST_MAX = 1000
"""Receipts booked in one transaction."""


class Poster:
    """Posts from one place at a time; any thread may ask."""

    def __init__(self, book: Book, journal: Journal) -> None:
        self._book = book
        self._journal = journal
        self._lock = Lock()
        self._posted_until = (0, -1)

    @property
    def is_behind(self) -> bool:
        """Whether there are durable receipts that were not posted yet."""
        return self._posted_until < self._journal.durable_until

    def post(self) -> int:
        """Post all that is durable, and say how many receipts that were.

        Raises:
            BookUnavailable: the book can't be reached; what is left is posted next time.
        """
        posted = 0
        with self._lock:
            while self.is_behind:
                until = self._journal.durable_until
                entries, position = self._journal.unposted(until, limit=_POST_MAX)
                if entries:
                    posted += self._book.post(entries)
                self._journal.advance(position)
                if len(entries) < _POST_MAX:
                    self._posted_until = until
        return posted
