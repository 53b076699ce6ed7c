"""Last week's decisions, asked of a candidate: what would have come out otherwise, and for how many requests."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from courtyard.core.errors import CourtyardError
from courtyard.policy.facts import Decision, Facts
from courtyard.policy.judging import Judgement
from courtyard.policy.trials import Difference, differs

_BATCH = 500


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A request of the record, as far as a replay needs it."""

    request: str
    at_ms: int
    facts: tuple[str, ...]
    """Digests of what was judged for it."""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate would have done with requests that are on record."""

    pack: str
    against: str
    """The pack whose decisions it is compared with."""
    requests: int = 0
    """Requests that a pack judged."""
    unknown: int = 0
    """Requests of which it is not kept any more what was judged."""
    decisions: int = 0
    differences: tuple[Difference, ...] = ()
    """The most frequent first."""

    @property
    def changed(self) -> int:
        """Decisions that would be others."""
        return sum(difference.count for difference in self.differences)


def replay(
    judged: Iterable[Judged],
    *,
    candidate: Judgement,
    against: Judgement,
    facts: Callable[[list[str]], Mapping[str, Facts]],
) -> Replay:
    """Ask a candidate what it makes of what was judged, beside the pack in force.

    `facts` finds what was judged by its digest. What came often is asked once, and counts as often as it came.
    """
    counts: Counter[str] = Counter()
    lasts: dict[str, int] = {}
    known: dict[str, Facts] = {}
    requests = unknown = 0
    batch: list[Judged] = []

    def take() -> None:
        nonlocal unknown
        missing = {digest for one in batch for digest in one.facts} - known.keys()
        known.update(facts(sorted(missing)))
        for one in batch:
            if not known.keys() >= set(one.facts):
                unknown += 1
                continue
            for digest in one.facts:
                counts[digest] += 1
                lasts[digest] = max(lasts.get(digest, 0), one.at_ms)
        batch.clear()

    for one in judged:
        requests += 1
        batch.append(one)
        if len(batch) == _BATCH:
            take()
    take()
    found = [
        difference
        for digest, count in counts.most_common()
        if (difference := _difference(known[digest], candidate, against, count=count, last_ms=lasts[digest]))
    ]
    return Replay(
        pack=candidate.pack.title,
        against=against.pack.title,
        requests=requests,
        unknown=unknown,
        decisions=counts.total(),
        differences=tuple(found),
    )


def _difference(
    facts: Facts, candidate: Judgement, against: Judgement, *, count: int, last_ms: int
) -> Difference | None:
    now = _decided(against, facts)
    then = _decided(candidate, facts)
    if isinstance(now, str):
        now = Decision(allowed=False, reason=now, pack=against.pack.title)
    if isinstance(then, str):
        return Difference(facts=facts, now=now, then=None, failed=then, count=count, last_ms=last_ms)
    return Difference(facts=facts, now=now, then=then, count=count, last_ms=last_ms) if differs(now, then) else None


def _decided(judgement: Judgement, facts: Facts) -> Decision | str:
    """Decide, or say why that failed: a request whose judgement fails is refused."""
    try:
        return judgement.decide(facts)
    except CourtyardError as error:
        return error.message
