"""A JSON object read once: known fields are taken out and checked, and what is left passes through."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw
from msgspec.json import Decoder

from courtyard.core.errors import InvalidRequest

T = TypeVar("T")

STRING = Decoder(str | None)
NAME = Decoder(Annotated[str, Meta(min_length=1, max_length=256)] | None)
FLAG = Decoder(bool | None)
COUNT = Decoder(Annotated[int, Meta(ge=1, le=2**31 - 1)] | None)
OBJECT = Decoder(dict[str, Raw] | None)
ANY = Decoder(Any)

_OBJECT = Decoder(dict[str, Raw])


class Fields:
    """The fields of an object, each checked when it is taken. A field that is `null` was not given."""

    __slots__ = ("_within", "rest")

    def __init__(self, rest: dict[str, Raw], *, within: str = "") -> None:
        self.rest = rest
        self._within = within

    @classmethod
    def of(cls, body: bytes) -> "Fields":
        """Read a request's body.

        Raises:
            InvalidRequest: it is not UTF-8, not JSON, nested beyond reason, or not an object.
        """
        try:
            str(body, "utf-8")  # Values that pass through raw are not looked into otherwise.
            return cls(_OBJECT.decode(body))
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"the body must be UTF-8; byte {error.start} is not") from None
        except msgspec.ValidationError:
            raise InvalidRequest("the body must be a JSON object") from None
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"the body is not JSON: {_lower(str(error))}") from None
        except RecursionError:
            raise InvalidRequest("the body is nested too deeply") from None

    def take(self, name: str, kind: Decoder[T]) -> T | None:
        """Take a field out and return its value, or `None` where it was not given.

        Raises:
            InvalidRequest: it is of another type, or out of its range.
        """
        raw = self.rest.pop(name, None)
        if raw is None:
            return None
        return decode(raw, kind, param=self._within + name)

    def need(self, name: str, kind: Decoder[T | None]) -> T:
        """Take a field out that must be there."""
        value = self.take(name, kind)
        if value is None:
            raise InvalidRequest(f"{self._within}{name} is required", param=self._within + name)
        return value

    def need_raw(self, name: str) -> Raw:
        """Take a field out as it came."""
        raw = self.rest.pop(name, None)
        if raw is None or is_null(raw):
            raise InvalidRequest(f"{self._within}{name} is required", param=self._within + name)
        return raw

    def drop(self, *names: str) -> None:
        """Leave fields out."""
        for name in names:
            self.rest.pop(name, None)

    def given(self, name: str) -> bool:
        """Whether a field is here and not `null`."""
        raw = self.rest.get(name)
        return raw is not None and not is_null(raw)

    def check(self, kinds: dict[str, Decoder[Any]]) -> None:
        """Check the types of fields that pass through, so that a mistake is named here and not by an engine."""
        for name, raw in self.rest.items():
            kind = kinds.get(name)
            if kind is not None:
                decode(raw, kind, param=self._within + name)


def decode(raw: Raw, kind: Decoder[T], *, param: str) -> T:
    """Read a value, or say which field is wrong and why."""
    try:
        return kind.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{param}: {_lower(str(error))}", param=param.partition("[")[0]) from None
    except RecursionError:
        raise InvalidRequest(f"{param} is nested too deeply", param=param) from None


def is_null(raw: Raw) -> bool:
    """Whether a value is `null`."""
    return memoryview(raw).nbytes == 4 and bytes(raw) == b"null"


def raw(value: Any) -> Raw:
    """Write a value as JSON that passes through."""
    return Raw(msgspec.json.encode(value))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
