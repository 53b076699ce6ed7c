"""Says why an account refused a request, and who can change that."""

from courtyard.core.amount import Amount
from courtyard.core.errors import BudgetExhausted, CourtyardError, RateLimited
from courtyard.ledger import rules
from courtyard.ledger.model import Account, Period, Purpose


def refusal(account: Account, *, left: int, needed: Amount, ends_ms: int, now_ms: int) -> CourtyardError:
    """Say why an account can't cover a request, and who can change that."""
    what = f"{account.name!r} has {rules.words(Amount(left, account.unit))} left"
    need = f"the request may use {rules.words(needed)}"
    if account.period == Period.MINUTE:
        if needed.count > (account.count_max or 0):
            most = rules.words(Amount(account.count_max or 0, account.unit))
            return RateLimited(f"{need}, and {account.name!r} allows {most} a minute; ask for fewer tokens")
        seconds = max(1, -(-(ends_ms - now_ms) // 1000))
        return RateLimited(f"{what} for this minute and {need}; try again in {seconds} s", retry_after_s=seconds)
    if account.purpose == Purpose.WALLET and account.count_max is None:
        return BudgetExhausted(f"{what} and {need}; an operator can top it up")
    spell = "" if account.period == Period.FOREVER else f" this {account.period}"
    return BudgetExhausted(f"{what}{spell} and {need}; an operator or an admin can raise it")
