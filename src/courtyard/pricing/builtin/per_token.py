"""So much for a million tokens, and for whatever else a request used."""

from typing import ClassVar

import msgspec

from courtyard.core.usage import Usage
from courtyard.pricing.model import TOKENS_MAX, Basis, Rate
from courtyard.pricing.rules import MILLION, millions_within, of_millions


class PerToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rate for each dimension of usage: a million tokens or characters, one of anything else.

    What is read from a cache or written to one costs as input does, and reasoning as output, unless said. `request` is
    for each request of which something was delivered.
    """

    basis: ClassVar[Basis] = Basis.REQUEST

    input: Rate
    output: Rate
    cached_input: Rate | None = None
    cache_write: Rate | None = None
    reasoning: Rate | None = None
    characters: Rate = 0
    image: Rate = 0
    audio_second: Rate = 0
    page: Rate = 0
    row: Rate = 0
    request: Rate = 0

    def rate(self, usage: Usage) -> int:
        return of_millions(self._millions(usage, served=int(not usage.is_nothing)))

    def ceiling(self, usage_max: Usage) -> int:
        tokens = usage_max.prompt * self._prompt_max + usage_max.completion * self._completion_max
        return of_millions(tokens + self._others(usage_max, served=int(not usage_max.is_nothing)))

    def output_tokens_for(self, nano: int, *, prompt_tokens: int) -> int:
        left = millions_within(nano) - prompt_tokens * self._prompt_max - self.request * MILLION
        if left < 0:
            return 0
        return min(left // self._completion_max, TOKENS_MAX) if self._completion_max else TOKENS_MAX

    def period(self, total: Usage, served: int) -> int:
        """Say what a period's use costs at these rates, rounded once: what its requests add up to, nearly."""
        return of_millions(self._millions(total, served=served))

    def _millions(self, usage: Usage, *, served: int) -> int:
        cached_input = self.input if self.cached_input is None else self.cached_input
        cache_write = self.input if self.cache_write is None else self.cache_write
        reasoning = self.output if self.reasoning is None else self.reasoning
        return (
            usage.input * self.input
            + usage.cached_input * cached_input
            + usage.cache_write * cache_write
            + usage.output * self.output
            + usage.reasoning * reasoning
            + self._others(usage, served=served)
        )

    def _others(self, usage: Usage, *, served: int) -> int:
        each = (
            usage.images * self.image
            + usage.audio_seconds * self.audio_second
            + usage.pages * self.page
            + usage.rows * self.row
            + served * self.request
        )
        return usage.characters * self.characters + each * MILLION

    @property
    def _prompt_max(self) -> int:
        return max(self.input, self.cached_input or 0, self.cache_write or 0)

    @property
    def _completion_max(self) -> int:
        return max(self.output, self.reasoning or 0)
