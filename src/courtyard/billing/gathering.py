"""Sums receipts into what lines are made of: memory grows with lines, not with receipts."""

from collections.abc import Callable
from typing import NamedTuple

from courtyard.billing.rules import month_of
from courtyard.core.amount import TOKEN, currency
from courtyard.core.ids import AccountId
from courtyard.core.usage import DIMENSIONS, Usage
from courtyard.ledger import Funding, Posted, Settled
from courtyard.storage import tree


class Key(NamedTuple):
    """What receipts share that stand on one line, in the order of lines."""

    late: bool
    """Whether their month was closed before they came."""
    month: str
    project: str
    model: str
    book: str
    by_tokens: bool
    """Whether tokens paid for them, so that they cost no money."""


class Sum:
    """What the receipts of one line come to."""

    def __init__(self) -> None:
        self.requests = 0
        self.served = 0
        self.tokens = 0
        """What token wallets were charged."""
        self.capped_nano = 0
        """What was used beyond holds, and so is free."""
        self.counts = [0] * len(DIMENSIONS)
        self.covered: dict[str, int] = {}
        self.leaves = tree.Range()

    @property
    def usage(self) -> Usage:
        return Usage(**dict(zip(DIMENSIONS, self.counts, strict=True)))

    @property
    def rated_nano(self) -> int:
        return sum(self.covered.values())

    def add(self, settled: Settled, digest: str, paid: list[tuple[Funding, int]]) -> None:
        """Count a receipt in."""
        self.requests += 1
        if not settled.usage.is_nothing:
            self.served += 1
        for place, name in enumerate(DIMENSIONS):
            self.counts[place] += getattr(settled.usage, name)
        for funding, nano in paid:
            self.covered[funding] = self.covered.get(funding, 0) + nano
        if settled.cost.unit == TOKEN:
            self.tokens += settled.cost.count
        self.leaves.append(bytes.fromhex(digest))


class Gathering:
    """Receipts of one organisation in one currency, summed by line."""

    def __init__(
        self,
        *,
        currency: str,
        closed_ms: int,
        funding: Callable[[AccountId], Funding],
        currency_of: Callable[[str], str],
        rate: Callable[[str, str, Usage], int],
    ) -> None:
        self._currency = currency
        self._closed_ms = closed_ms
        self._funding = funding
        self._currency_of = currency_of
        self._rate = rate
        self.sums: dict[Key, Sum] = {}
        self.accounts: dict[str, str] = {}

    def key(self, settled: Settled) -> Key | None:
        """Find the line of a receipt, or nothing where it is billed in another currency."""
        in_money = currency(settled.cost.unit)
        if (in_money or self._currency_of(settled.price_book)) != self._currency:
            return None
        return Key(
            late=settled.at_ms < self._closed_ms,
            month=month_of(settled.at_ms).name,
            project=settled.project,
            model=settled.model,
            book=settled.price_book,
            by_tokens=in_money is None and settled.cost.count > 0,
        )

    def add(self, posted: Posted) -> None:
        """Count a receipt in, where it is of this currency."""
        settled = posted.settled
        key = self.key(settled)
        if key is None:
            return
        paid: list[tuple[Funding, int]] = []
        capped = False
        for charge in settled.charges:
            funding = self._funding(charge.account)
            if funding == Funding.NONE:
                continue
            self.accounts[charge.account] = funding
            if currency(charge.unit) == self._currency:
                paid.append((funding, charge.count))
            if charge.capped:
                capped = True
        summed = self.sums.setdefault(key, Sum())
        summed.add(settled, posted.digest, paid)
        if capped and not key.by_tokens:
            summed.capped_nano += self._rate(key.book, key.model, settled.usage) - settled.cost.count
