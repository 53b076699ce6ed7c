"""So much for a package of so many, and every one that a month began is paid whole."""

from typing import ClassVar

import msgspec

from courtyard.core.usage import Usage
from courtyard.pricing import rules
from courtyard.pricing.model import Basis, Measure, Rate, Size


class Package(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packages of `size` at `price`. Requests are charged their part; the invoice adds the rest of the last one."""

    basis: ClassVar[Basis] = Basis.PERIOD

    size: Size
    price: Rate
    of: Measure = "tokens"

    def rate(self, usage: Usage) -> int:
        return rules.advance(rules.measured(usage, self.of), self.price, self.size)

    def ceiling(self, usage_max: Usage) -> int:
        return rules.advance(rules.bound(usage_max, self.of), self.price, self.size)

    def output_tokens_for(self, nano: int, *, prompt_tokens: int) -> int:
        return rules.advance_tokens_for(nano, self.price, self.size, self.of, prompt_tokens=prompt_tokens)

    def period(self, total: Usage, served: int) -> int:
        return rules.rounded_up(rules.total(total, self.of, served=served), self.size) * self.price
