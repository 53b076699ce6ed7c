"""Counts the tokens of texts, before they are sent where too many are an error of the server and not of the caller."""

import msgspec
from msgspec.json import Decoder, encode

from courtyard.core.errors import EngineFailed
from courtyard.engines.transport import Transport, Unreached

_ANSWER_BYTES_MAX = 64 * 1024 * 1024
_WAIT_S = 60.0


class Tokens(msgspec.Struct):
    tokens: list[int]


_decode = Decoder(Tokens).decode


async def count(url: str, key: str, text: str) -> int:
    """Ask llama.cpp how many tokens it reads a text as.

    Raises:
        EngineFailed: it does not say.
    """
    transport = Transport(url, key=key, connect_s=_WAIT_S)
    body = encode({"content": text, "add_special": True})
    try:
        reply = await transport.send("POST", "/tokenize", body, request_id="tokenize", wait_s=_WAIT_S)
        try:
            read = await reply.body(bytes_max=_ANSWER_BYTES_MAX, wait_s=_WAIT_S)
        finally:
            await reply.close()
        return len(_decode(read).tokens)
    except (Unreached, msgspec.DecodeError) as error:
        raise EngineFailed("the engine does not count tokens; try again") from error
    finally:
        await transport.close()
