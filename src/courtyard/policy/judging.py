"""One pack's answer to facts: what its rules allow, and what has to be done for it."""

from collections.abc import Collection

from courtyard.core.errors import GateFailed
from courtyard.policy.cedar import SHADOW, Cedar
from courtyard.policy.facts import Decision, Facts, digest_of
from courtyard.policy.pack import Outcome, Pack, PackRefused, Vector, date_of, day_of


class Judgement:
    """A pack that can be asked. Making one takes milliseconds, asking it microseconds."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.cedar = Cedar(pack)
        self._rules = {rule.id: rule for rule in pack.rules}
        self._all = frozenset(duty.key for duty in pack.duties)
        self._duties = {duty.key: duty.obligation for duty in pack.duties}
        self._from = day_of(pack.manifest.effective_from)
        self._until = day_of(pack.manifest.effective_until) if pack.manifest.effective_until else None

    def decide(self, facts: Facts) -> Decision:
        """Decide. Where only rules are against it that give way to duties, those are what has to be done.

        Raises:
            GateFailed: a rule failed, or the pack is not in effect on that day.
        """
        return self.judge(facts, self._all)

    def judge(self, facts: Facts, duties: frozenset[str]) -> Decision:
        """Decide as if no other duties than these could be done, or raise as `decide` does."""
        self._check_day(facts.day)
        allowed, told = self.cedar.ask(facts, duties)
        lifted = [id.removeprefix(SHADOW) for id in told if id.startswith(SHADOW)]
        rules = [id for id in told if not id.startswith(SHADOW)]
        if not (allowed and rules):  # A shadow alone permits nothing.
            return self._decision(facts, False, tuple(rules), ())
        rules = lifted + rules
        return self._decision(facts, True, tuple(rules), {key for id in rules for key in self._rules[id].duties})

    def _decision(self, facts: Facts, allowed: bool, rules: tuple[str, ...], duties: Collection[str]) -> Decision:
        return Decision(
            allowed=allowed,
            rules=rules,
            reason=self._rules[rules[0]].reason if rules else "no rule permits it",
            articles=tuple(dict.fromkeys(self._rules[id].article for id in rules)),
            obligations=tuple(sorted({self._duties[key] for key in duties})),
            pack=self.pack.title,
            facts=digest_of(facts),
        )

    def _check_day(self, day: int) -> None:
        manifest = self.pack.manifest
        if day < self._from:
            raise GateFailed(f"pack {self.pack.title} takes effect on {manifest.effective_from} only", rule="")
        if self._until is not None and day > self._until:
            raise GateFailed(
                f"pack {self.pack.title} ended on {manifest.effective_until}, and it is {date_of(day)}; what "
                "it does not judge does not run: promote the pack that follows it",
                rule="",
            )


def verdict_of(decision: Decision) -> Outcome:
    """Say in a word what was decided."""
    if not decision.allowed:
        return Outcome.DENY
    return Outcome.REWRITE if any(one.name == "mask" for one in decision.obligations) else Outcome.PASS


def check(pack: Pack) -> Judgement:
    """Run every vector; a pack whose vectors do not come out is no pack.

    Raises:
        PackRefused: the first vector that does not come out, and what came out instead.
    """
    judgement = Judgement(pack)
    for vector in pack.vectors:
        if wrong := failing(judgement, vector):
            raise PackRefused(f"vectors.jsonl, line {vector.line} ({vector.says}): {wrong}")
    return judgement


def failing(judgement: Judgement, vector: Vector) -> str:
    """Say what a vector expects and what came instead; nothing where it comes out."""
    try:
        if vector.duties is None:
            decision = judgement.decide(vector.facts)
        else:
            decision = judgement.judge(vector.facts, vector.duties)
    except GateFailed as error:
        return error.message if error.__cause__ is None else f"{error.message} ({error.__cause__})"
    return _other_verdict(judgement, vector, decision) or _other_obligations(judgement, vector, decision)


def _other_verdict(judgement: Judgement, vector: Vector, decision: Decision) -> str:
    found = verdict_of(decision)
    by = ", ".join(decision.rules) or "no rule"
    if found is not vector.verdict:
        return f"expected {vector.verdict}, and it is {found} by {by}"
    permits = judgement.pack.rule(vector.rule).permits
    if permits == decision.allowed and vector.rule not in decision.rules:
        return f"it is {found} by {by}, and {vector.rule} has no part in that"
    if permits and not decision.allowed and decision.rules:
        return f"it is denied by {by}; to show what {vector.rule} is needed for, no rule may be against it"
    return ""


def _other_obligations(judgement: Judgement, vector: Vector, decision: Decision) -> str:
    if vector.obligations is None:
        return ""
    expected = tuple(sorted({judgement.pack.duty(key).obligation for key in vector.obligations}))
    asked = ", ".join(f"{one.name}:{one.value}" for one in decision.obligations) or "nothing"
    return "" if expected == decision.obligations else f"it asks for {asked}"
