"""Says who pays for a request and what bounds it: the accounts it bears on, and the price in force."""

from courtyard.licensing.model import Entitlement
from courtyard.licensing.service import Licensing

__all__ = ["Entitlement", "Licensing"]
