"""What an engine says was used, in the words of OpenAI, DeepSeek, LiteLLM and Anthropic."""

import msgspec

from courtyard.core.usage import Usage, from_totals


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None
    """What LiteLLM calls tokens that were written to the cache."""


class CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class Totals(msgspec.Struct, gc=False):
    """Usage as OpenAI counts it, and in the words of those who count otherwise."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    """What DeepSeek calls cached tokens."""
    cache_read_input_tokens: int | None = None
    """What Anthropic calls them, where a proxy passes its words on beside the totals."""
    cache_creation_input_tokens: int | None = None

    def usage(self) -> Usage:
        """Split the totals. Where the total is more than its parts, the rest is reasoning that wasn't shown."""
        prompt, completion = self.prompt_tokens or 0, self.completion_tokens or 0
        details = self.prompt_tokens_details or _NO_DETAILS
        cached = details.cached_tokens or self.prompt_cache_hit_tokens or self.cache_read_input_tokens
        written = details.cache_write_tokens or details.cache_creation_tokens or self.cache_creation_input_tokens
        reasoning = (self.completion_tokens_details and self.completion_tokens_details.reasoning_tokens) or 0
        hidden = max((self.total_tokens or 0) - prompt - completion, 0)
        return from_totals(
            prompt=prompt,
            cached=cached or 0,
            written=written or 0,
            completion=completion + hidden,
            reasoning=max(reasoning, hidden),
        )

    def prompt(self) -> Usage:
        """Split the prompt alone."""
        used = self.usage()
        return Usage(input=used.input, cached_input=used.cached_input, cache_write=used.cache_write)

    @property
    def tells_all(self) -> bool:
        """Whether tokens of the answer are told, be they none: an empty usage is not a usage of zero."""
        return self.completion_tokens is not None or self.total_tokens is not None


_NO_DETAILS = PromptDetails()
