"""Usage as OpenAI counts it: totals, with details of their parts."""

import msgspec

from courtyard.core.usage import Usage


class PromptDetails(msgspec.Struct, omit_defaults=True):
    cached_tokens: int
    cache_write_tokens: int = 0


class CompletionDetails(msgspec.Struct):
    reasoning_tokens: int


class OpenAIUsage(msgspec.Struct):
    """Tokens of a chat or a completion."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


def openai_usage(usage: Usage) -> OpenAIUsage:
    """Count a request's tokens as OpenAI does."""
    return OpenAIUsage(
        usage.prompt,
        usage.completion,
        usage.total,
        PromptDetails(usage.cached_input, usage.cache_write),
        CompletionDetails(usage.reasoning),
    )
