"""Each unit of a month costs what the tier says that it falls into."""

from courtyard.core.usage import Usage
from courtyard.pricing import rules
from courtyard.pricing.builtin.tiered import Tiered


class Graduated(Tiered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first units cost the first tier's rate, those after them the next one's."""

    def period(self, total: Usage, served: int) -> int:
        units = rules.total(total, self.of, served=served)
        return rules.half_even(rules.graduated(self.tiers, units), rules.per(self.of))
