"""What a request used, in dimensions that never overlap."""

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Counts by dimension, disjoint by construction: a token is in exactly one of them.

    `input` is the part of the prompt that was neither read from a cache (`cached_input`) nor written to one
    (`cache_write`); `output` excludes `reasoning`. What is not counted in tokens stands after them.
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    images: int = 0
    audio_seconds: int = 0
    characters: int = 0
    pages: int = 0
    rows: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            cached_input=self.cached_input + other.cached_input,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            images=self.images + other.images,
            audio_seconds=self.audio_seconds + other.audio_seconds,
            characters=self.characters + other.characters,
            pages=self.pages + other.pages,
            rows=self.rows + other.rows,
        )

    @property
    def prompt(self) -> int:
        """All prompt tokens, those that a cache had or took included."""
        return self.input + self.cached_input + self.cache_write

    @property
    def completion(self) -> int:
        """All generated tokens, reasoning included."""
        return self.output + self.reasoning

    @property
    def total(self) -> int:
        """All tokens; what is counted in something else is not among them."""
        return self.prompt + self.completion

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was delivered: such a request costs nothing, whatever its price."""
        return self == NOTHING


NOTHING = Usage()
DIMENSIONS = Usage.__struct_fields__
"""The names of the dimensions, in one order."""


def from_totals(*, prompt: int, cached: int = 0, written: int = 0, completion: int = 0, reasoning: int = 0) -> Usage:
    """Split the overlapping totals that the wire formats carry; a part larger than its whole is cut to it."""
    prompt, completion = max(prompt, 0), max(completion, 0)
    cached, reasoning = min(max(cached, 0), prompt), min(max(reasoning, 0), completion)
    written = min(max(written, 0), prompt - cached)
    return Usage(
        input=prompt - cached - written,
        cached_input=cached,
        cache_write=written,
        output=completion - reasoning,
        reasoning=reasoning,
    )
