"""What a request used, in dimensions that never overlap."""

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Counts by dimension, disjoint by construction: a token is in exactly one of them.

    `input` is the uncached part of the prompt and `cached_input` the rest of it; `output` excludes `reasoning`.
    """

    input: int = 0
    cached_input: int = 0
    output: int = 0
    reasoning: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            cached_input=self.cached_input + other.cached_input,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
        )

    @property
    def prompt(self) -> int:
        """All prompt tokens, cached ones included."""
        return self.input + self.cached_input

    @property
    def completion(self) -> int:
        """All generated tokens, reasoning included."""
        return self.output + self.reasoning

    @property
    def total(self) -> int:
        return self.prompt + self.completion


def from_totals(*, prompt: int, cached: int = 0, completion: int = 0, reasoning: int = 0) -> Usage:
    """Split the overlapping totals that the wire formats carry; a part larger than its whole is cut to it."""
    prompt, completion = max(prompt, 0), max(completion, 0)
    cached, reasoning = min(max(cached, 0), prompt), min(max(reasoning, 0), completion)
    return Usage(input=prompt - cached, cached_input=cached, output=completion - reasoning, reasoning=reasoning)
