"""What a request asks beyond its text: tools, shapes of the answer, adapters."""

from typing import Any, Literal

import msgspec
from msgspec.json import encode

from courtyard.core.chat import Prompt
from courtyard.core.errors import InvalidRequest

_SCHEMA_ENTRIES_MAX = 2000
_SCHEMA_DEPTH_MAX = 64


class Function(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class Tool(msgspec.Struct):
    type: Literal["function"]
    function: Function


class Chosen(msgspec.Struct):
    """A tool that must be called, by name."""

    function: Function


class SchemaFormat(msgspec.Struct):
    schema: dict[str, Any] | bool


class Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFormat | None = None


class LoraScale(msgspec.Struct, forbid_unknown_fields=True):
    """An adapter by number, in llama.cpp's words."""

    id: int
    scale: float = 1.0


class RequestOptions(msgspec.Struct):
    """The options that are looked into here."""

    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | Chosen | None = None
    parallel_tool_calls: bool | None = None
    response_format: Format | None = None
    lora: str | list[LoraScale] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    grammar: Any = None

    @property
    def names(self) -> frozenset[str]:
        """Tools that may be called."""
        if self.tool_choice == "none":
            return frozenset()
        return frozenset(tool.function.name for tool in self.tools or ())

    @property
    def stops(self) -> list[str]:
        """Texts that end the answer. An empty one would end it before it began."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [stop for stop in stops if stop]

    @property
    def is_forced(self) -> bool:
        """Whether the answer must be a call."""
        return self.tool_choice == "required" or isinstance(self.tool_choice, Chosen)


def read_options(prompt: Prompt) -> RequestOptions:
    """Read the options that are looked into.

    Raises:
        InvalidRequest: one is of another type, or asks for a tool that is not there.
    """
    options = prompt.request.options
    looked_into = {name: options[name] for name in RequestOptions.__struct_fields__ if name in options}
    try:
        given = msgspec.json.decode(encode(looked_into), type=RequestOptions)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"options: {error}") from error
    if given.is_forced and not given.tools:
        raise InvalidRequest("tool_choice asks for a call, and there are no tools", param="tool_choice")
    if isinstance(given.tool_choice, Chosen) and given.tool_choice.function.name not in given.names:
        raise InvalidRequest(f"tool_choice: there is no tool {given.tool_choice.function.name!r}", param="tool_choice")
    _check_shapes(given)
    return given


def _check_shapes(given: RequestOptions) -> None:
    """Refuse shapes that llama.cpp would take minutes to understand."""
    shape = given.response_format
    if shape is not None and shape.type == "json_schema" and shape.json_schema is None:
        raise InvalidRequest("response_format: json_schema is missing", param="response_format")
    if shape is not None and shape.json_schema is not None:
        _check_size(shape.json_schema.schema, param="response_format")
    _check_size([tool.function.parameters for tool in given.tools or ()], param="tools")
    if given.grammar is not None:
        # A few lines of rules can grow without bound in memory or time, and nothing tells beforehand which do.
        raise InvalidRequest("grammar is not taken here; give a JSON schema in response_format", param="grammar")


def _check_size(schema: Any, *, param: str) -> None:
    """Count properties and values, however deep; the time that a schema takes grows with their square."""
    left: list[tuple[Any, int]] = [(schema, 0)]
    entries = 0
    while left:
        value, depth = left.pop()
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        entries += len(inner)
        if entries > _SCHEMA_ENTRIES_MAX or depth > _SCHEMA_DEPTH_MAX:
            raise InvalidRequest(
                f"{param}: a schema has at most {_SCHEMA_ENTRIES_MAX} entries, nested {_SCHEMA_DEPTH_MAX} deep",
                param=param,
            )
        left += [(one, depth + 1) for one in inner]
