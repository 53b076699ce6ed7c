"""The noun of licensing."""

import msgspec

from courtyard.ledger import Account
from courtyard.pricing import Priced


class Entitlement(msgspec.Struct, frozen=True, kw_only=True):
    """A request that somebody pays for: the paying wallet first, then every limit on it, always in one order."""

    accounts: tuple[Account, ...]
    priced: Priced
