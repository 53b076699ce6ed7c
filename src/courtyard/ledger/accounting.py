"""What people ask of the books: accounts, usage, receipts and the check. All of it runs SQL: call it from a thread."""

import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from courtyard.core.amount import Amount, Unit
from courtyard.core.clock import Clock
from courtyard.core.errors import BookUnavailable, NotFound
from courtyard.core.ids import AccountId
from courtyard.ledger import billable, check, journal, reading, rollup, rules
from courtyard.ledger.book import Book
from courtyard.ledger.journal import Journal
from courtyard.ledger.membership import Membership
from courtyard.ledger.model import (
    Account,
    Balance,
    Dimension,
    Funding,
    NodeStanding,
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
        self,
        database: Database,
        keyring: Keyring,
        committer: Committer,
        clock: Clock,
        *,
        directory: Path,
        name: str = "node",
        alone: bool = True,
        region: str = "",
    ) -> None:
        self._clock = clock
        self._alone = alone
        self._operator_key = keyring.signing_key("operator")
        self._journal = Journal(directory, committer=committer, signing_key=keyring.signing_key(name), clock=clock)
        self._book = Book(database, node=self._journal.node, signing_key=self._operator_key, clock=clock, alone=alone)
        self._poster = Poster(self._book, self._journal, clock)
        self._beat_ms = rules.BEAT_ALONE_MS if alone else rules.BEAT_MS
        self._membership = Membership(
            self._book,
            public_key=self._journal.public_key.public_bytes_raw().hex(),
            name=f"{socket.gethostname()}/{name}",
            region=region,
            beat_ms=self._beat_ms,
        )
        self._opened = False

    def accounts(self, *, closed: bool = False) -> tuple[Account, ...]:
        """List the open accounts, wallets first; with `closed` those too that were closed or have expired."""
        return tuple(self._book.accounts(closed=closed))

    def account(self, id: str) -> Account:
        """Find an account, also one that was closed or has expired.

        Raises:
            NotFound: there never was one.
        """
        return self._book.account(id)

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
        funding: Funding | None = None,
        expires_at_ms: int | None = None,
    ) -> Account:
        """Open an account, or return the one of this kind that the owner has.

        A wallet with no `count_max` has what `top_up` or `grant` brings. One whose `funding` is not said is prepaid,
        or postpaid where each window fills it anew. After `expires_at_ms` nothing is held of it, and the rest lapses.

        Raises:
            InvalidRequest: no account can be like this.
        """
        account = self._book.open_account(
            owner,
            purpose=purpose,
            unit=unit,
            period=period,
            count_max=count_max,
            name=name,
            funding=funding,
            expires_at_ms=expires_at_ms,
        )
        self._follow()
        return account

    def set_limit(self, owner: str, *, unit: Unit, period: Period, count: int | None, name: str = "") -> Account | None:
        """Bound what an owner uses in each window, or with `None` bound it no longer."""
        account = self._book.set_limit(owner, unit=unit, period=period, count=count, name=name)
        self._follow()
        return account

    def set_count(self, account: str, count: int) -> Account:
        """Say what each window of an account grants from now on; a lower count takes back what is available now.

        Raises:
            NotFound: there is no such account.
            InvalidRequest: the account has what it is given, and no window of it grants anything.
        """
        changed = self._book.set_count(account, count)
        self._follow()
        return changed

    def close_account(self, account: str) -> None:
        """Hold nothing more of an account; what was booked on it stays. One that is closed stays closed."""
        self._book.close_account(account)
        self._follow()

    def reopen_account(self, account: str) -> Account:
        """Open an account again that was closed: what its window has spent stays spent.

        Raises:
            NotFound: there never was such an account.
        """
        opened = self._book.reopen_account(account)
        self._follow()
        return opened

    def top_up(self, account: str, amount: Amount, reference: str) -> Balance:
        """Add to a prepaid wallet. The same reference again changes nothing.

        Raises:
            NotFound: there is no such account.
            InvalidRequest: the account is no prepaid wallet, or the amount is not of its unit or not above zero.
            Conflict: the reference was used for another amount.
        """
        balance = self._book.grant(account, amount, reference, fundings=(Funding.PREPAID,))
        self._follow()
        return balance

    def grant(self, account: str, amount: Amount, reference: str) -> Balance:
        """Add to a wallet of credit, of what is included or of prepaid money. The same reference again changes nothing.

        Raises:
            NotFound: there is no such account.
            InvalidRequest: the account takes no grants, or the amount is not of its unit or not above zero.
            Conflict: the reference was used for another amount.
        """
        balance = self._book.grant(account, amount, reference)
        self._follow()
        return balance

    def standing(self, ids: Iterable[str]) -> dict[AccountId, Balance]:
        """Read where the window of each account stands that runs now; one that nothing was held in yet is full."""
        self._post()
        return self._book.standing(ids)

    def withdraw(self, account: str, amount: Amount, reference: str) -> Amount:
        """Take back what is available of prepaid money or of credit, at most `amount`; say how much it was.

        The same reference again takes nothing and says what it took. Where nothing was available it is free again.

        Raises:
            NotFound: there never was such an account.
            InvalidRequest: it is neither prepaid nor credit, or the amount is not of its unit or not above zero.
        """
        taken = self._book.withdraw(account, amount, reference)
        self._follow()
        return taken

    def nodes(self) -> tuple[NodeStanding, ...]:
        """List the nodes that serve or did, with what they have leased."""
        return self._membership.standings(now_ms=self._clock.now_ms())

    def retire(self, node: str) -> None:
        """Return what a node has leased at once, and let it serve no longer; a later start joins it again.

        What it used and did not post is booked when it comes, on the account or on nobody's grant.

        Raises:
            NotFound: there is no such node.
        """
        self._membership.retire(node, now_ms=self._clock.now_ms())

    def usage(self, asked: UsageFilter = UsageFilter(), by: Sequence[Dimension] = ()) -> tuple[UsageRow, ...]:
        """Sum uses by some dimensions and by currency."""
        self._post()
        with self._book.reading() as db:
            return rollup.read_usage(db, asked, by)

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

    def last_number(self) -> int:
        """Say the number that no receipt posted from now on will be below: where a bill may be cut."""
        self._post()
        with self._book.reading() as db:
            return billable.last_number(db)

    def posted(self, organisation: str, span: billable.Span) -> Iterator[billable.Posted]:
        """Read the receipts that a bill is made from, by number, a few at once."""
        with self._book.reading() as db:
            yield from billable.read_posted(db, organisation, span)

    def posted_of(self, id: str) -> billable.Posted | None:
        """Read the receipt of a request as it stands in the book, or nothing while it is not posted."""
        with self._book.reading() as db:
            return billable.read_one(db, id)

    def first_open(self, organisation: str, span: billable.Span) -> int:
        """Find the first number that is still open once a span is closed."""
        with self._book.reading() as db:
            return billable.first_open(db, organisation, span)

    def number_of(self, id: str) -> int | None:
        """Find the number of a request's receipt, or nothing while it is not posted."""
        with self._book.reading() as db:
            return billable.number_of(db, id)

    def first_moment(self, organisation: str) -> int | None:
        """Find when an organisation's first receipt was settled, or nothing."""
        with self._book.reading() as db:
            return billable.first_moment(db, organisation)

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
