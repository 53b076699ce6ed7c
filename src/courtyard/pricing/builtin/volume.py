"""All units of a month cost what the tier says that their number falls into."""

from courtyard.core.usage import Usage
from courtyard.pricing import rules
from courtyard.pricing.builtin.tiered import Tiered


class Volume(Tiered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whoever uses more pays the cheaper rate for all of it."""

    def period(self, total: Usage, served: int) -> int:
        units = rules.total(total, self.of, served=served)
        return rules.half_even(rules.volume(self.tiers, units), rules.per(self.of))
