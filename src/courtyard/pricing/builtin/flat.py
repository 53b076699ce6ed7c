"""So much for a request, whatever it used."""

from typing import ClassVar

import msgspec

from courtyard.core.usage import Usage
from courtyard.pricing.model import TOKENS_MAX, Basis, Rate


class Flat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sum for each request of which something was delivered."""

    basis: ClassVar[Basis] = Basis.REQUEST

    request: Rate

    def rate(self, usage: Usage) -> int:
        return 0 if usage.is_nothing else self.request

    def ceiling(self, usage_max: Usage) -> int:
        return self.rate(usage_max)

    def output_tokens_for(self, nano: int, *, prompt_tokens: int) -> int:
        return TOKENS_MAX if nano >= self.request else 0

    def period(self, total: Usage, served: int) -> int:
        return served * self.request
