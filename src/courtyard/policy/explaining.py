"""Why something was decided, and the smallest change that would have it decided otherwise."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import msgspec

from courtyard.core.errors import GateFailed
from courtyard.policy.facts import Decision, Facts
from courtyard.policy.judging import Judgement, verdict_of
from courtyard.policy.pack import Confidence, Outcome, PackRule

_KNOWN: dict[str, tuple[str, ...]] = {
    "tier": ("home", "allied", "foreign"),
    "state": ("proposed", "complete", "trial", "admitted", "suspended", "expelled"),
    "role": ("operator", "admin", "member", "auditor", "approver"),
    "kind": ("chat", "completion", "embedding"),
}
_COUNTS = ("persons", "day", "persons_left", "tokens_left", "requests_left")
_FIXED = frozenset(("organisation", "project", "provider"))
"""Who asks, and whom: another one would be another question."""
_CHANGES_MAX = 3
_ASKED_MAX = 20_000
"""How many changes are tried at most: about two seconds."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that would have to be another, or one word that would have to be in it or not."""

    fact: str
    now: Any
    then: Any
    """What it would have to be; of a set, the word that would have to come or go."""
    how: str = "is"
    """`is`, or `with` and `without` a word."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, the rules behind it, and what would turn it."""

    facts: Facts
    decision: Decision
    verdict: Outcome
    rules: tuple[PackRule, ...]
    flips: tuple[tuple[Change, ...], ...]
    """The smallest changes that turn an allowance into a refusal or the other way; each alone suffices."""
    tried: int
    """How many changes were tried."""
    to_confirm: tuple[str, ...] = ()
    """Parameters of the pack whose figures nobody has read in the official text yet."""


class _Option(NamedTuple):
    fact: str
    how: str
    value: Any

    @property
    def clashes_with(self) -> tuple[str, Any]:
        """What no other change may be of at the same time."""
        return (self.fact, None) if self.how == "is" else (self.fact, self.value)


def explain(judgement: Judgement, facts: Facts, *, flips_max: int = 8) -> Explanation:
    """Decide once more, and say why.

    Raises:
        GateFailed: a rule could not be asked.
    """
    decision = judgement.decide(facts)
    flips, tried = _flips(judgement, facts, decision, flips_max)
    pack = judgement.pack
    return Explanation(
        facts=facts,
        decision=decision,
        verdict=verdict_of(decision),
        rules=tuple(pack.rule(id) for id in decision.rules),
        flips=flips,
        tried=tried,
        to_confirm=tuple(one.name for one in pack.parameters if one.confidence is Confidence.LOW),
    )


def _flips(
    judgement: Judgement, facts: Facts, now: Decision, flips_max: int
) -> tuple[tuple[tuple[Change, ...], ...], int]:
    """Try one change, then two, then three, and keep the smallest that turn the answer, one of each kind."""
    options = list(_options(judgement, facts))
    found: dict[tuple[tuple[str, str], ...], tuple[Change, ...]] = {}
    tried = 0
    for size in range(1, _CHANGES_MAX + 1):
        for chosen in combinations(options, size):
            kind = tuple((option.fact, option.how) for option in chosen)
            if kind in found or len({option.clashes_with for option in chosen}) < size:
                continue
            if tried == _ASKED_MAX or len(found) == flips_max:
                return tuple(found.values()), tried
            tried += 1
            if _turns(judgement, _changed(facts, chosen), now):
                found[kind] = tuple(_change(facts, option) for option in chosen)
        if found:
            break
    return tuple(found.values()), tried


def _turns(judgement: Judgement, facts: Facts, now: Decision) -> bool:
    """Whether other facts get the other answer; what can't be judged is no answer."""
    try:
        return judgement.decide(facts).allowed != now.allowed
    except GateFailed:
        return False


def _changed(facts: Facts, chosen: Sequence[_Option]) -> Facts:
    for option in chosen:
        value = option.value
        if option.how == "with":
            value = getattr(facts, option.fact) | {value}
        elif option.how == "without":
            value = getattr(facts, option.fact) - {value}
        facts = msgspec.structs.replace(facts, **{option.fact: value})
    return facts


def _change(facts: Facts, option: _Option) -> Change:
    now = getattr(facts, option.fact)
    now = sorted(now) if isinstance(now, frozenset) else now
    return Change(fact=option.fact, now=now, then=option.value, how=option.how)


def _options(judgement: Judgement, facts: Facts) -> Iterator[_Option]:
    """Name the changes that could matter: what rules compare a fact with, and nothing that is there already."""
    for fact, values in sorted(judgement.cedar.compared.items()):
        if fact in _FIXED or fact == "duties":
            continue
        now = getattr(facts, fact)
        if isinstance(now, frozenset):
            yield from (_Option(fact, "without", word) for word in sorted(now))
            words = (facts.region,) if fact == "home" else sorted(values, key=str)
            yield from (_Option(fact, "with", word) for word in words if word not in now)
        else:
            yield from (_Option(fact, "is", value) for value in _values(judgement, fact, now) if value != now)


def _values(judgement: Judgement, fact: str, now: Any) -> Iterable[Any]:
    if isinstance(now, bool):
        return (not now,)
    if fact == "purpose":
        return ("", *(purpose.name for purpose in judgement.pack.taxonomy.purposes))
    if fact in _KNOWN:
        return _KNOWN[fact]
    values = judgement.cedar.compared[fact]
    if fact in _COUNTS:
        return _around({value for value in values if isinstance(value, int)})
    return sorted(values, key=str)


def _around(numbers: set[int]) -> Iterable[int]:
    """Name the numbers at which a comparison turns."""
    return sorted({0} | {number + step for number in numbers for step in (-1, 0, 1) if number + step >= 0})
