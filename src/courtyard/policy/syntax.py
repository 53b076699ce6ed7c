"""Cedar's rules as JSON: what they look at, what they compare it with, and how they give way."""

from collections.abc import Iterator
from typing import Any

from courtyard.policy.pack import PackRefused

STANDING = frozenset(
    (
        "organisation",
        "project",
        "role",
        "provider",
        "tier",
        "state",
        "jurisdiction",
        "region",
        "home",
        "day",
        "filed",
        "agreements",
        "duties",
    )
)
"""Facts that stay what they are from request to request: kept prepared in Cedar, as attributes of the provider."""

_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">=", "contains", "containsAny", "containsAll"))


def gives_way_to(condition: Any) -> str:
    """Name the duty to which a clause gives way; nothing where it is another clause."""
    match condition:
        case {
            "kind": "unless",
            "body": {
                "contains": {
                    "left": {".": {"left": {"Var": "context"}, "attr": "duties"}},
                    "right": {"Value": str(key)},
                }
            },
        }:
            return key
    return ""


def shadow(policy: dict[str, Any]) -> dict[str, Any]:
    conditions = [condition for condition in policy["conditions"] if not gives_way_to(condition)]
    return policy | {"effect": "permit", "conditions": conditions}


def at_provider(tree: Any) -> Any:
    """Have rules look for what stands where it is kept: `context.tier` becomes `resource.tier`."""
    match tree:
        case {".": {"left": {"Var": "context"}, "attr": str(name)}} if name in STANDING:
            return {".": {"left": {"Var": "resource"}, "attr": name}}
        case {"has": {"left": {"Var": "context"}, "attr": str(name)}} if name in STANDING:
            return {"has": {"left": {"Var": "resource"}, "attr": name}}
        case dict():
            return {key: at_provider(value) for key, value in tree.items()}
        case list():
            return [at_provider(value) for value in tree]
    return tree


def mentioned(tree: Any) -> Iterator[str]:
    """Name every fact that is looked at.

    Raises:
        PackRefused: `context` stands by itself, so that it can't be said what is looked at.
    """
    match tree:
        case {".": {"left": {"Var": "context"}, "attr": str(name)}} | {
            "has": {"left": {"Var": "context"}, "attr": str(name)}
        }:
            yield name
        case {"Var": "context"}:
            raise PackRefused("policies.cedar: context stands by itself; a rule looks at context.tier and the like")
        case dict():
            for value in tree.values():
                yield from mentioned(value)
        case list():
            for value in tree:
                yield from mentioned(value)


def compared(tree: Any) -> Iterator[tuple[str, str | int]]:
    """Pair each fact with the words and numbers that it is compared with; a parameter is named by `$` and its name."""
    match tree:
        case dict():
            for operator, operands in tree.items():
                if operator in _COMPARISONS:
                    values = list(_values(operands))
                    yield from ((fact, value) for fact in mentioned(operands) for value in values)
                yield from compared(operands)
        case list():
            for value in tree:
                yield from compared(value)


def _values(tree: Any) -> Iterator[str | int]:
    match tree:
        case {".": {"left": {"Value": {"__entity": _}}, "attr": str(name)}}:
            yield f"${name}"
        case {"Value": str() | int() as value} if not isinstance(value, bool):
            yield value
        case dict():
            for value in tree.values():
                yield from _values(value)
        case list():
            for value in tree:
                yield from _values(value)
