"""What people ask of the books: accounts, usage, receipts and the check. All of it runs SQL: call it from a thread."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from courtyard.core.amount import Amount, Unit
from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable, NotFound
from courtyard.ledger import check, journal, reading
from courtyard.ledger.book import Book
from courtyard.ledger.journal import Journal
from courtyard.ledger.model import (
    Account,
    Balance,
    Dimension,
    Period,
    Purpose,
    Receipt,
    ReceiptPage,
    Report,
    UsageFilter,
    UsageRow,
)
from courtyard.ledger.poster import Poster
from courtyard.storage import Committer, Database, Keyring


class Accounting:
    """The book as people see it. Each method raises `BookUnavailable` where the database can't be reached."""

    def __init__(
        self, database: Database, keyring: Keyring, committer: Committer, clock: Clock, *, directory: Path
    ) -> None:
        self._clock = clock
        self._operator_key = keyring.signing_key("operator")
        self._journal = Journal(directory, committer=committer, signing_key=keyring.signing_key("node"), clock=clock)
        self._book = Book(database, node=self._journal.node, signing_key=self._operator_key, clock=clock)
        self._poster = Poster(self._book, self._journal)
        self._opened = False

    def accounts(self) -> tuple[Account, ...]:
        """List the open accounts, wallets first."""
        return tuple(self._book.accounts())

    def balances(self, ids: Iterable[str]) -> tuple[Balance, ...]:
        """Read every window of some accounts. What was settled a moment ago may still count as leased."""
        self._post()
        return tuple(self._book.balances(ids))

    def open_account(
        self,
        owner: str,
        *,
        purpose: Purpose,
        unit: Unit,
        period: Period = Period.FOREVER,
        count_max: int | None = None,
        name: str = "",
    ) -> Account:
        """Open an account, or return the one of this kind that the owner has.

        A wallet with no `count_max` is prepaid: it has what `top_up` brings.

        Raises:
            InvalidRequest: no account can be like this.
        """
        account = self._book.open_account(
            owner, purpose=purpose, unit=unit, period=period, count_max=count_max, name=name
        )
        self._follow()
        return account

    def set_limit(self, owner: str, *, unit: Unit, period: Period, count: int | None, name: str = "") -> Account | None:
        """Bound what an owner uses in each window, or with `None` bound it no longer."""
        account = self._book.set_limit(owner, unit=unit, period=period, count=count, name=name)
        self._follow()
        return account

    def top_up(self, account: str, amount: Amount, reference: str) -> Balance:
        """Add to a prepaid wallet. The same reference again changes nothing.

        Raises:
            NotFound: there is no such account.
            InvalidRequest: the account is no prepaid wallet, or the amount is not of its unit or not above zero.
            Conflict: the reference was used for another amount.
        """
        balance = self._book.top_up(account, amount, reference)
        self._follow()
        return balance

    def usage(self, asked: UsageFilter = UsageFilter(), by: Sequence[Dimension] = ()) -> tuple[UsageRow, ...]:
        """Sum uses by some dimensions and by currency."""
        self._post()
        with self._book.reading() as db:
            return reading.read_usage(db, asked, by)

    def receipt(self, id: str) -> Receipt:
        """Find the receipt of a request, also one that is durable and not posted yet.

        Raises:
            NotFound: there is none.
        """
        self._post()
        with self._book.reading() as db:
            receipt = reading.read_receipt(db, id)
        receipt = receipt or self._unposted(id)
        if receipt is None:
            raise NotFound(f"there is no receipt {id!r}")
        return receipt

    def receipts(
        self, asked: UsageFilter = UsageFilter(), *, before: int | None = None, limit: int = 50
    ) -> ReceiptPage:
        """List posted receipts, newest first; `before` is the `next` of the page before."""
        self._post()
        with self._book.reading() as db:
            return reading.read_receipts(db, asked, before=before, limit=limit)

    def check(self, progress: check.Progress | None = None) -> Report:
        """Audit the books: every sum, signature and digest. A server may run meanwhile."""
        with self._book.reading() as db:
            return check.check(
                db,
                self._journal,
                operator_key=self._operator_key.public_key(),
                now_ms=self._clock.now_ms(),
                progress=progress,
            )

    def reload(self) -> None:
        """Follow what another process changed."""

    def _follow(self) -> None:
        if self._opened:
            self.reload()

    def _post(self) -> None:
        """Bring what is durable to the book first, in a process that may."""
        if self._opened:
            with suppress(BookUnavailable):  # The question that follows says so itself.
                self._poster.post()

    def _unposted(self, id: str) -> Receipt | None:
        """Look in the journal, where this process does not post: another one does, or will."""
        for entry in self._journal.entries(after=self._book.cursor()):
            settled = journal.decode(entry.raw)
            if settled.id == id:
                return journal.receipt_of(settled, entry.epoch, entry.seq, entry.previous, entry.digest)
        return None
