"""What graduated and volume prices share: tiers over the units of a month, charged ahead at the first one's rate."""

from typing import Annotated, ClassVar

import msgspec

from courtyard.core.usage import Usage
from courtyard.pricing import rules
from courtyard.pricing.model import Basis, Measure, Tier


class Tiered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tiers that get cheaper. Requests are charged the first one's rate; the invoice gives back the rest."""

    basis: ClassVar[Basis] = Basis.PERIOD

    tiers: Annotated[tuple[Tier, ...], msgspec.Meta(min_length=1, max_length=32)]
    of: Measure = "tokens"

    def __post_init__(self) -> None:
        rules.check_tiers(self.tiers)

    def rate(self, usage: Usage) -> int:
        return rules.advance(rules.measured(usage, self.of), self.tiers[0].rate, rules.per(self.of))

    def ceiling(self, usage_max: Usage) -> int:
        return rules.advance(rules.bound(usage_max, self.of), self.tiers[0].rate, rules.per(self.of))

    def output_tokens_for(self, nano: int, *, prompt_tokens: int) -> int:
        rate, parts = self.tiers[0].rate, rules.per(self.of)
        return rules.advance_tokens_for(nano, rate, parts, self.of, prompt_tokens=prompt_tokens)
