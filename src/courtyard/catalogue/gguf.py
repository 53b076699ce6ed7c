"""What a GGUF file says about itself: how long its context is, and what each token of it takes in memory."""

import mmap
import struct
from pathlib import Path

import msgspec

from courtyard.catalogue.model import ModelUnavailable, WrongFile

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _LIST = 8, 9
_FACTS_MAX = 4096
_HALF_BYTES = 2
"""Keys and values are kept in 16 bits."""


class Gguf(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a file that serving it depends on."""

    architecture: str
    context_tokens: int
    licence: str | None
    is_chat: bool
    """Whether it has a template for chats; what has none was trained to go on with a text, not to answer."""
    memory_bytes_per_token: int


def read_gguf(path: Path) -> Gguf:
    """Read a file's facts.

    Raises:
        WrongFile: it is no GGUF file, or a broken one.
        ModelUnavailable: it can't be read.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            facts = _Reader(data).facts()
    except (ValueError, struct.error, UnicodeDecodeError, IndexError) as error:
        raise WrongFile(f"{path.name} is no GGUF file that can be served: {error}") from error
    except OSError as error:
        raise ModelUnavailable(f"{path.name} can't be read: {error.strerror}") from error
    architecture = str(facts.get("general.architecture", ""))
    licence = facts.get("general.license")
    return Gguf(
        architecture=architecture,
        context_tokens=_whole(facts, f"{architecture}.context_length"),
        licence=str(licence) if licence else None,
        is_chat="tokenizer.chat_template" in facts,
        memory_bytes_per_token=_per_token(facts, architecture),
    )


class _Reader:
    """Reads the key-value pairs at the head of a file; lists are passed over."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def facts(self) -> dict[str, object]:
        if self._data[:4] != _MAGIC:
            raise ValueError("it does not begin with GGUF")
        self._at = 4
        version, _tensors, count = self._take("<I"), self._take("<Q"), self._take("<Q")
        if version not in _VERSIONS or count > _FACTS_MAX:
            raise ValueError(f"version {version} with {count} facts is not known")
        return dict(self._fact() for _ in range(count))

    def _fact(self) -> tuple[str, object]:
        return self._text(), self._value(self._take("<I"))

    def _value(self, kind: int) -> object:
        if kind == _TEXT:
            return self._text()
        if kind == _LIST:
            self._pass_over(self._take("<I"), self._take("<Q"))
            return None
        if kind not in _SCALARS:
            raise ValueError(f"values of kind {kind} are not known")
        return self._take(_SCALARS[kind])

    def _pass_over(self, kind: int, count: int) -> None:
        if kind in _SCALARS:
            self._move(struct.calcsize(_SCALARS[kind]) * count)
            return
        if kind != _TEXT:
            raise ValueError("lists of lists are not known")
        for _ in range(count):
            self._move(self._take("<Q"))

    def _text(self) -> str:
        length, begin = self._take("<Q"), self._at
        self._move(length)
        return self._data[begin : self._at].decode()

    def _take(self, layout: str) -> int:
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return value  # type: ignore[no-any-return]

    def _move(self, bytes: int) -> None:
        if self._at + bytes > len(self._data):
            raise ValueError("it ends too early")
        self._at += bytes


def _per_token(facts: dict[str, object], architecture: str) -> int:
    heads = _whole(facts, f"{architecture}.attention.head_count")
    key_value_heads = _whole(facts, f"{architecture}.attention.head_count_kv") or heads
    width = _whole(facts, f"{architecture}.embedding_length")
    each = width // heads if heads else 0
    key = _whole(facts, f"{architecture}.attention.key_length") or each
    value = _whole(facts, f"{architecture}.attention.value_length") or each
    return _whole(facts, f"{architecture}.block_count") * key_value_heads * (key + value) * _HALF_BYTES


def _whole(facts: dict[str, object], name: str) -> int:
    value = facts.get(name)
    return value if isinstance(value, int) else 0
