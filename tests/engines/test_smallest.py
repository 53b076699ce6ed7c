"""Small values of many schemas, and no large ones."""

import pytest

from courtyard.engines.smallest import smallest


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": ""}),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
        ({"type": "array"}, []),
        ({"type": ["string", "null"]}, ""),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "number", "exclusiveMaximum": 5}, 0),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 7}, 7),
        ({"type": "string", "default": "d"}, "d"),
        ({"anyOf": [{"type": "boolean"}, {"type": "string"}]}, False),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}}, 0),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}]}, {"a": 0}),
        ({"type": "null"}, None),
        ({}, None),
        (True, None),
        ({"type": "object", "required": ["a"]}, {"a": None}),
    ],
)
def test_a_value_is_the_smallest_that_is_admitted(schema, value):
    """Only what must be there is."""
    assert smallest(schema) == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 10**12},
        {"type": "array", "minItems": 10**12},
        {"type": "array", "minItems": 100, "items": {"type": "array", "minItems": 100}},
        {
            "required": ["a", "b"],
            "properties": {
                "a": {"type": "string", "minLength": -(10**12)},
                "b": {"type": "string", "minLength": 10**8},
            },
        },
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
    ],
)
def test_a_short_schema_cannot_ask_for_a_large_value(schema):
    """Nor for one without end."""
    with pytest.raises(ValueError, match=r"parts|schema"):
        smallest(schema)


@pytest.mark.parametrize("schema", [7, "text", None, [], {"type": "array", "items": 7, "minItems": 1}, {"$ref": "#/x"}])
def test_what_is_no_schema_is_refused(schema):
    """Whatever it is instead."""
    with pytest.raises(ValueError, match="schema"):
        smallest(schema)
