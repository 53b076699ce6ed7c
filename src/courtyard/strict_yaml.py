"""YAML as people write it, read without guesses: every value is the text that stands there, and has a line.

`0.10` stays `0.10`, where YAML would make a float of it; `no` stays a word. No tags, anchors or names that come twice.
"""

from collections.abc import Iterator
from typing import Any, NoReturn

from courtyard.core.errors import InvalidRequest

BYTES_MAX = 1 << 20
"""How long a file may be."""

_DEPTH_MAX = 20
_PLAIN_TAG = "tag:yaml.org,2002:"
_NOTHING = frozenset(("", "~", "null"))


class Field:
    """A value of a file, and where it stands."""

    def __init__(self, node: Any, path: str) -> None:
        self._node = node
        self.path = path
        self.line: int = node.start_mark.line + 1

    def wrong(self, what: str) -> InvalidRequest:
        """Make a refusal that says where it stands."""
        where = f"line {self.line}: {self.path}: " if self.path else f"line {self.line}: "
        return InvalidRequest(where + what)

    @property
    def is_list(self) -> bool:
        return bool(self._node.id == "sequence")

    @property
    def is_mapping(self) -> bool:
        return bool(self._node.id == "mapping")

    @property
    def is_nothing(self) -> bool:
        """Whether nothing stands there, or `null`."""
        return bool(self._node.id == "scalar" and self._node.style is None and self._node.value in _NOTHING)

    def fields(self, *known: str, needed: tuple[str, ...] = ()) -> dict[str, "Field"]:
        """Read a mapping; where names are `known`, no other is let through. What is null is as good as left out.

        Raises:
            InvalidRequest: it is none, a name is not known, or one that is needed is not there.
        """
        if not self.is_mapping:
            raise self.wrong(f"{'names with values' if self.path else 'a file of names with values'} must stand here")
        found: dict[str, Field] = {}
        for key, value in self._node.value:
            name = Field(key, self.path).text()
            field = Field(value, f"{self.path}.{name}" if self.path else name)
            if name in found:
                raise Field(key, field.path).wrong("it is given twice")
            if known and name not in known:
                raise Field(key, field.path).wrong(f"there is no such name; there are {', '.join(known)}")
            found[name] = field
        given = {name: field for name, field in found.items() if not field.is_nothing}
        for name in needed:
            if name not in given:
                raise self.wrong(f"{name} is missing")
        return given

    def items(self) -> Iterator["Field"]:
        """Read a list.

        Raises:
            InvalidRequest: it is none.
        """
        if not self.is_list:
            raise self.wrong("a list must stand here")
        for number, node in enumerate(self._node.value):
            yield Field(node, f"{self.path}[{number}]")

    def text(self) -> str:
        """Read one value as it is written.

        Raises:
            InvalidRequest: it is a list or a mapping.
        """
        if self._node.id != "scalar":
            raise self.wrong("one value must stand here")
        return str(self._node.value)

    def plain(self) -> Any:
        """Read everything below as mappings, lists and texts, for whoever knows what they should be.

        Raises:
            InvalidRequest: a name comes twice.
        """
        if self.is_mapping:
            return {name: field.plain() for name, field in self.fields().items()}
        return [one.plain() for one in self.items()] if self.is_list else self.text()

    def whole(self) -> int:
        """Read a whole number.

        Raises:
            InvalidRequest: it is none.
        """
        text = self.text()
        digits = text.replace("_", "")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
            raise self.wrong(f"{text!r} is no whole number")
        return int(digits)


def read(text: str) -> Field:
    """Read a file.

    Raises:
        InvalidRequest: it is too long, or no YAML, or has what is not read here: tags, anchors, names that come twice.
    """
    import yaml  # noqa: PLC0415 - Few commands read a file.

    if len(text.encode(errors="surrogatepass")) > BYTES_MAX:
        raise InvalidRequest(f"the file is longer than {BYTES_MAX:,} bytes; take it apart")
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # That in C is forty times as fast.
        _check_events(yaml.parse(text, Loader=loader))
        node = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        _refuse(error, lines=text.count("\n") + 1)
    if node is None:
        raise InvalidRequest("the file is empty")
    return Field(node, "")


def write(value: Any) -> str:
    """Write names with values, lists and words as a file that `read` reads."""
    import yaml  # noqa: PLC0415

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    return text


def _check_events(events: Any) -> None:
    """Look at a file piece by piece, before anything is made of it."""
    depth = 0
    for event in events:
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            raise InvalidRequest(f"line {line}: anchors and aliases are not read here; write the value again")
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise InvalidRequest(f"line {line}: tags such as {tag.replace(_PLAIN_TAG, '!!')!r} are not read here")
        kind = type(event).__name__
        depth += kind.endswith(("MappingStartEvent", "SequenceStartEvent"))
        depth -= kind.endswith(("MappingEndEvent", "SequenceEndEvent"))
        if depth > _DEPTH_MAX:
            raise InvalidRequest(f"line {line}: lists and mappings are nested more than {_DEPTH_MAX} deep")


def _refuse(error: Any, *, lines: int) -> NoReturn:
    mark = getattr(error, "problem_mark", None)
    where = f"line {min(mark.line + 1, lines)}: " if mark is not None else ""
    raise InvalidRequest(f"{where}this is no YAML: {getattr(error, 'problem', None) or error}") from error
