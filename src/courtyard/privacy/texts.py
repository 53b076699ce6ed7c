"""Every text in a request or an answer, read out of its JSON and written back into it."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from courtyard.core.errors import InvalidRequest

_DEPTH_MAX = 64
_NUMBER_MIN = 5
"""A number of fewer digits says nothing of anybody."""

_STRUCTURE = {
    "role": frozenset(("system", "developer", "user", "assistant", "tool", "function")),
    "type": frozenset(
        (
            *("text", "image_url", "input_audio", "file", "function", "refusal", "object", "string", "number", "array"),
            *("integer", "boolean", "null", "json_object", "json_schema", "tool_result", "tool_use", "image"),
            *("document", "input_text", "output_text", "input_image", "input_file", "message", "custom", "base64"),
        )
    ),
}
"""Words of the protocol, which are left alone where they stand: anything else under these names is a text."""

_PICTURES = frozenset(("image_url", "input_image", "image", "video_url", "input_audio", "audio"))
_FILES = frozenset(("file", "input_file", "document"))
_DATA_MEMBERS = frozenset(("data", "file_data", "b64_json", "image_url", "url", "bytes"))
_BASE64 = re.compile(r"(?:data:[\w.+/-]{1,100}(?:;[\w=.-]{1,40}){0,4};base64,)?[A-Za-z0-9+/_\-\r\n]++={0,2}+[\r\n]*+")
_DATA_MIN = 256
"""Shorter pieces of base64 may be words, or a key: they are read."""

Replace = Callable[[str], str]


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a request, in the order in which `rewrite` comes to them."""

    texts: tuple[str, ...]
    opaque: int
    """How many pictures, recordings and files there are: what nobody here can look into. Where a prompt has to be
    masked, they can't pass."""


def read_texts(content: bytes | memoryview | msgspec.Raw) -> Texts:
    """Return every text in a JSON document: messages and their parts, names, the arguments of tools' calls and their
    results, alternative texts, file names, addresses, keys of objects, and numbers of five digits and more.

    Raises:
        InvalidRequest: it is not JSON, or nested too deep to be looked through.
    """
    reader = _Reader(None)
    reader.value(_decode(content), 0)
    return Texts(texts=tuple(reader.texts), opaque=reader.opaque)


def rewrite(content: bytes | memoryview | msgspec.Raw, replace: Replace) -> msgspec.Raw:
    """Write a JSON document again with each of its texts replaced, in the order of `read_texts`.

    JSON inside a text, such as the arguments of a tool's call, stays JSON. A number that is replaced by something else
    becomes a text.

    Raises:
        InvalidRequest: as `read_texts`.
    """
    return msgspec.Raw(msgspec.json.encode(_Reader(replace).value(_decode(content), 0)))


class _Reader:
    def __init__(self, replace: Replace | None) -> None:
        self._replace = replace
        self.texts: list[str] = []
        self.opaque = 0

    def value(self, value: Any, depth: int) -> Any:
        if depth > _DEPTH_MAX:
            raise InvalidRequest(f"its JSON is nested deeper than {_DEPTH_MAX} levels; send it flatter")
        match value:
            case str():
                return self._text(value, depth)
            case bool() | None:
                return value
            case int() | float():
                return self._number(value)
            case dict():
                return self._object(value, depth)
            case _:
                return [self.value(item, depth + 1) for item in value]

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        kind = value.get("type")
        if isinstance(kind, str) and (kind in _PICTURES or kind in _FILES):
            self.opaque += 1
        return {self._key(name): self._member(name, item, depth + 1) for name, item in value.items()}

    def _member(self, name: str, item: Any, depth: int) -> Any:
        if isinstance(item, str) and item in _STRUCTURE.get(name, ()):
            return item
        if isinstance(item, str) and name in _DATA_MEMBERS and len(item) >= _DATA_MIN and _BASE64.fullmatch(item):
            self.opaque += 1
            return item
        return self.value(item, depth)

    def _key(self, name: str) -> str:
        """Names of fields are short words of one script; anything else may be a name of a person."""
        return name if name.isascii() and name.replace("_", "").isalpha() else self._seen(name)

    def _text(self, text: str, depth: int) -> str:
        inner = _inner(text)
        if inner is None:
            return self._seen(text)
        return msgspec.json.encode(self.value(inner, depth + 1)).decode()

    def _number(self, number: int | float) -> Any:
        text = str(number)
        if len(text) < _NUMBER_MIN:
            return number
        seen = self._seen(text)
        return number if seen == text else seen

    def _seen(self, text: str) -> str:
        self.texts.append(text)
        return text if self._replace is None else self._replace(text)


def _decode(content: bytes | memoryview | msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest("it is not JSON that can be looked through") from error


def _inner(text: str) -> Any:
    """Read an object or a list that is written inside a text; nothing where there is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        inner = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return inner
