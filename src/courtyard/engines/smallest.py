"""The smallest JSON value that a schema admits."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_PARTS_MAX = 2048


def smallest(schema: Any) -> Any:
    """Return a value that the schema admits, as small as it allows.

    Understands types, `enum`, `const`, `default`, `required`, lower and upper bounds, the first of `anyOf` and `oneOf`,
    all of `allOf`, and references within the schema. Patterns and formats are not looked at.

    Raises:
        ValueError: it is no schema, or what it admits is large.
    """
    try:
        return _Maker(schema).make(schema)
    except (AttributeError, IndexError, TypeError, RecursionError) as error:
        raise ValueError("it is no JSON schema") from error


class _Maker:
    """Makes a value part by part, and only so many of them: a short schema can ask for a huge value."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _PARTS_MAX

    def make(self, schema: Any) -> Any:
        self._spend(1)
        if schema is True:
            return None
        schema = self._resolved(schema)
        for name in ("const", "default"):
            if name in schema:
                return schema[name]
        for name in ("anyOf", "oneOf"):
            if schema.get(name):
                return self.make(schema[name][0])
        if schema.get("enum"):
            return schema["enum"][0]
        return self._of_kind(schema)

    def _of_kind(self, schema: Schema) -> Any:
        match _kind(schema):
            case "object":
                properties = schema.get("properties", {})
                return {name: self.make(properties.get(name, True)) for name in schema.get("required", ())}
            case "array":
                return [self.make(schema.get("items", True)) for _ in range(schema.get("minItems", 0))]
            case "string":
                self._spend(schema.get("minLength", 0))
                return "x" * schema.get("minLength", 0)
            case "integer" | "number":
                return _number(schema)
            case kind:
                return False if kind == "boolean" else None

    def _resolved(self, schema: Schema) -> Schema:
        """Follow references, and put all of `allOf` together."""
        self._spend(1)
        if "$ref" in schema:
            return self._resolved(self._at(schema["$ref"]))
        parts: list[Schema] = [self._resolved(part) for part in schema.get("allOf", ())]
        if not parts:
            return schema
        merged = {name: value for part in (*parts, schema) for name, value in part.items() if name != "allOf"}
        merged["properties"] = {
            name: at for part in (*parts, schema) for name, at in part.get("properties", {}).items()
        }
        merged["required"] = [name for part in (*parts, schema) for name in part.get("required", ())]
        return merged

    def _at(self, reference: str) -> Schema:
        found: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            found = found.get(step.replace("~1", "/").replace("~0", "~"))
        return found  # type: ignore[no-any-return]

    def _spend(self, parts: int) -> None:
        self._left -= max(parts, 0)
        if self._left < 0:
            raise ValueError(f"what it admits has more than {_PARTS_MAX} parts")


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0]
    if isinstance(kind, str):
        return kind
    return "object" if schema.get("properties") or schema.get("required") else ""


def _number(schema: Schema) -> int | float:
    """Return zero where it is allowed, and else the bound next to it."""
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    high = schema.get("maximum", schema.get("exclusiveMaximum", 1) - 1)
    return low if low > 0 else min(high, 0)  # type: ignore[no-any-return]
