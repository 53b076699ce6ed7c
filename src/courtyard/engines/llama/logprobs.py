"""Log probabilities of completions, from llama.cpp's form, which is that of chats, to OpenAI's."""

import msgspec
from msgspec import Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Delta


class Top(msgspec.Struct):
    token: str
    logprob: float


class Entry(msgspec.Struct):
    token: str
    logprob: float
    top_logprobs: list[Top] = []


class Logprobs(msgspec.Struct):
    content: list[Entry] | None = None


_decode = Decoder(Logprobs).decode


class Legacy:
    """Writes the lists of a completion, and counts where each token stands in the text."""

    def __init__(self) -> None:
        self._offset = 0

    def take(self, delta: Delta) -> Delta:
        """Return the delta with its log probabilities in OpenAI's form."""
        if delta.logprobs is None:
            return delta
        entries = _decode(delta.logprobs).content or []
        offsets = []
        for entry in entries:
            offsets.append(self._offset)
            self._offset += len(entry.token)
        lists = {
            "tokens": [entry.token for entry in entries],
            "token_logprobs": [entry.logprob for entry in entries],
            "top_logprobs": [{top.token: top.logprob for top in entry.top_logprobs} for entry in entries],
            "text_offset": offsets,
        }
        return msgspec.structs.replace(delta, logprobs=Raw(encode(lists)))
