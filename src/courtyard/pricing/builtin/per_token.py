"""So much for a million tokens."""

from typing import Annotated

import msgspec

from courtyard.core.usage import Usage
from courtyard.pricing.model import RATE_MAX, TOKENS_MAX
from courtyard.pricing.rules import millions_within, of_millions

Rate = Annotated[int, msgspec.Meta(ge=0, le=RATE_MAX)]
"""Nano-units for a million tokens."""


class PerToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rate for each dimension of usage. Cached input costs as input does and reasoning as output, unless said."""

    input: Rate
    output: Rate
    cached_input: Rate | None = None
    reasoning: Rate | None = None

    def rate(self, usage: Usage) -> int:
        cached_input = self.input if self.cached_input is None else self.cached_input
        reasoning = self.output if self.reasoning is None else self.reasoning
        return of_millions(
            usage.input * self.input
            + usage.cached_input * cached_input
            + usage.output * self.output
            + usage.reasoning * reasoning
        )

    def ceiling(self, usage_max: Usage) -> int:
        return of_millions(usage_max.prompt * self._prompt_max + usage_max.completion * self._completion_max)

    def output_tokens_for(self, nano: int, *, prompt_tokens: int) -> int:
        left = millions_within(nano) - prompt_tokens * self._prompt_max
        if left < 0:
            return 0
        return min(left // self._completion_max, TOKENS_MAX) if self._completion_max else TOKENS_MAX

    @property
    def _prompt_max(self) -> int:
        return max(self.input, self.cached_input or 0)

    @property
    def _completion_max(self) -> int:
        return max(self.output, self.reasoning or 0)
