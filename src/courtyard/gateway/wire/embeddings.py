"""OpenAI's embeddings."""

import base64
import sys
from array import array
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw
from msgspec.json import Decoder, encode

from courtyard.core.chat import Embeddings, Kind, Request
from courtyard.core.errors import EngineFailed, InvalidRequest
from courtyard.gateway.model import Bill, Told
from courtyard.gateway.wire.asked import Incoming
from courtyard.gateway.wire.fields import COUNT, NAME, STRING, decode, raw

_TOKENS = Annotated[list[int], Meta(min_length=1)]
_INPUT = Decoder(
    Annotated[str, Meta(min_length=1)]
    | Annotated[list[Annotated[str, Meta(min_length=1)] | int | _TOKENS], Meta(min_length=1)]
)
_FORMAT = Decoder(Literal["float", "base64"] | None)

FIELDS: dict[str, Decoder[Any]] = {
    "model": NAME,
    "input": _INPUT,
    "encoding_format": _FORMAT,
    "dimensions": COUNT,
    "user": STRING,
    "safety_identifier": STRING,
}


class Embed(msgspec.Struct, frozen=True, kw_only=True):
    """An embeddings request understood, and how its vectors are to be written."""

    request: Request
    base64: bool = False
    ignored: tuple[str, ...] = ()

    def whole(self, model: str, embeddings: Embeddings, bill: Bill) -> bytes:
        """Write the vectors in the encoding that was asked for, whichever the engine used."""
        return encode(
            EmbeddingList(
                data=encoded(embeddings.data, base64_wanted=self.base64),
                model=model,
                usage=EmbeddingUsage(bill.usage.prompt, bill.usage.total),
                courtyard=bill.told,
            )
        )


def read_embed(incoming: Incoming) -> Embed:
    """Read an embeddings request."""
    fields = incoming.fields
    content = fields.need_raw("input")
    _check_input(content, incoming.limits.inputs_max)
    model = incoming.model
    wanted = fields.take("encoding_format", _FORMAT) or "float"
    fields.check(FIELDS)
    return Embed(
        request=Request(
            id=incoming.id,
            kind=Kind.EMBEDDING,
            model=model,
            content=content,
            options=fields.rest,
            idempotency_key=incoming.idempotency_key,
            digest=incoming.digest,
            purpose=incoming.purpose,
            subject=incoming.subject,
        ),
        base64=wanted == "base64",
    )


def _check_input(content: Raw, inputs_max: int) -> None:
    read = decode(content, _INPUT, param="input")
    if isinstance(read, str):
        return
    if any(type(one) is not type(read[0]) for one in read):
        raise InvalidRequest("input is a string, a list of strings, or tokens; not a mixture", param="input")
    if not isinstance(read[0], int) and len(read) > inputs_max:
        raise InvalidRequest(f"input has {len(read)} entries; this server takes {inputs_max}", param="input")


class EmbeddingUsage(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(msgspec.Struct, kw_only=True):
    object: str = "list"
    data: Raw
    model: str
    usage: EmbeddingUsage
    courtyard: Told


class Vector(msgspec.Struct):
    embedding: Raw
    index: int
    object: str = "embedding"


_VECTORS = Decoder(list[Vector])
_FLOATS = Decoder(list[float])
_BASE64 = Decoder(str)


def encoded(vectors: Raw, *, base64_wanted: bool) -> Raw:
    """Write vectors in the encoding that is wanted, whichever they came in."""
    try:
        read = _VECTORS.decode(vectors)
        if all(_is_string(vector.embedding) == base64_wanted for vector in read):
            return vectors
        for vector in read:
            vector.embedding = _to_base64(vector.embedding) if base64_wanted else _to_floats(vector.embedding)
    except (msgspec.DecodeError, ValueError) as error:
        raise EngineFailed("the engine's vectors can't be read; try again") from error
    return Raw(encode(read))


def _is_string(embedding: Raw) -> bool:
    return memoryview(embedding)[0] == ord('"')


def _to_base64(embedding: Raw) -> Raw:
    """Write a vector as OpenAI does: 32-bit floats, little-endian."""
    return raw(base64.b64encode(_little_endian(array("f", _FLOATS.decode(embedding))).tobytes()).decode())


def _to_floats(embedding: Raw) -> Raw:
    return raw(_little_endian(array("f", base64.b64decode(_BASE64.decode(embedding), validate=True))).tolist())


def _little_endian(floats: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        floats.byteswap()
    return floats
