"""So much for a seat and month; what the person who holds it asks for costs nothing more."""

from typing import ClassVar

import msgspec

from courtyard.core.usage import Usage
from courtyard.pricing.model import TOKENS_MAX, Basis, Rate
from courtyard.pricing.rules import half_even


class PerSeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A monthly sum for each seat, by the day where it was held for a part of the month."""

    basis: ClassVar[Basis] = Basis.SEAT

    month: Rate

    def rate(self, usage: Usage) -> int:
        return 0

    def ceiling(self, usage_max: Usage) -> int:
        return 0

    def output_tokens_for(self, nano: int, *, prompt_tokens: int) -> int:
        return TOKENS_MAX

    def period(self, total: Usage, served: int) -> int:
        return 0

    def prorated(self, days_held: int, days_in_month: int) -> int:
        assert 0 <= days_held <= days_in_month
        return half_even(self.month * days_held, days_in_month)
