"""Which accounts an owner may use, from memory."""

from collections.abc import Iterable, Sequence

from courtyard.ledger import rules
from courtyard.ledger.model import Account


class Owners:
    """Open accounts by owner, without those that have expired."""

    def __init__(self) -> None:
        self._accounts: Sequence[Account] = ()
        self._by_owner: dict[str, tuple[Account, ...]] = {}
        self._expires_at_ms = rules.NEVER_MS

    def owned(self, owners: Iterable[str], *, now_ms: int) -> tuple[Account, ...]:
        """List what some owners may use now."""
        if now_ms >= self._expires_at_ms:
            self.know(self._accounts, now_ms=now_ms)
        by_owner = self._by_owner
        return tuple([account for owner in owners for account in by_owner.get(owner, ())])

    def know(self, accounts: Sequence[Account], *, now_ms: int) -> None:
        """Gather by owner what may be used, until the next account expires."""
        by_owner: dict[str, tuple[Account, ...]] = {}
        expires_at_ms = rules.NEVER_MS
        for account in accounts:
            if rules.has_expired(account, now_ms):
                continue
            by_owner[account.owner] = (*by_owner.get(account.owner, ()), account)
            expires_at_ms = min(expires_at_ms, account.expires_at_ms or rules.NEVER_MS)
        self._accounts = accounts
        self._by_owner = by_owner
        self._expires_at_ms = expires_at_ms
