"""Which of two ways of masking is the stricter one."""

from collections.abc import Iterable

from courtyard.core.admission import Obligation

_STRICTNESS = ("", "reversible", "irreversible")


def mask_of(obligations: Iterable[Obligation]) -> str:
    """Say how obligations want a prompt masked; a way that nobody knows is the strictest one."""
    mask = ""
    for obligation in obligations:
        if obligation.name == "mask":
            mask = strictest(mask, obligation.value)
    return mask


def strictest(one: str, other: str) -> str:
    """Return the stricter of two ways of masking."""
    return max(one, other, key=_strictness)


def _strictness(mask: str) -> int:
    return _STRICTNESS.index(mask) if mask in _STRICTNESS else len(_STRICTNESS)
