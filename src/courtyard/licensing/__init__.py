"""Says who may use what and who pays for it: plans, contracts, seats, licences, and the accounts of a request."""

from courtyard.licensing.licence import Licence, in_grace, public_hex
from courtyard.licensing.licence import write as write_licence
from courtyard.licensing.licensed import Licensed, LicensingSettings, issue, verify
from courtyard.licensing.memory import ROOM
from courtyard.licensing.model import (
    Bound,
    Contract,
    ContractId,
    Entitlement,
    Listed,
    Plan,
    SeatHold,
    SeatTerms,
    WholesaleLine,
)
from courtyard.licensing.service import Licensing
from courtyard.licensing.wire import read_bound, read_plan, spell_bound, write_plan

__all__ = [
    "ROOM",
    "Bound",
    "Contract",
    "ContractId",
    "Entitlement",
    "Licence",
    "Licensed",
    "Licensing",
    "LicensingSettings",
    "Listed",
    "Plan",
    "SeatHold",
    "SeatTerms",
    "WholesaleLine",
    "in_grace",
    "issue",
    "public_hex",
    "read_bound",
    "read_plan",
    "spell_bound",
    "verify",
    "write_licence",
    "write_plan",
]
