"""What a candidate pack would do otherwise: the nouns of dry-runs and replays."""

import msgspec

from courtyard.policy.facts import Decision, Facts


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that a candidate decides otherwise than the pack in force, and how often they came."""

    facts: Facts
    now: Decision
    then: Decision | None
    """What the candidate says; nothing where it failed."""
    failed: str = ""
    count: int = 1
    last_ms: int = 0

    @property
    def changes(self) -> str:
        """Say in a word what would change."""
        if self.then is None:
            return "fails"
        if self.now.allowed != self.then.allowed:
            return "refused then" if self.now.allowed else "allowed then"
        return "other obligations"


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that runs beside the pack in force, or ran."""

    number: int
    pack: str
    digest: str
    began_by: str
    began_at_ms: int
    ended_at_ms: int | None = None
    judged: int = 0
    """Decisions on which it was asked too."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial counted since it was last written down."""

    judged: int = 0
    differences: dict[str, Difference] = {}
    """By the digest of their facts."""


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has to hear that a pack let a request through: told once a day, organisation, provider and channel."""

    once: str
    organisation: str
    subject: str
    data: dict[str, str]
    kind: str = "policy.notify"


def hearings(facts: Facts, decision: Decision) -> tuple[Hearing, ...]:
    """Say who has to hear of a decision."""
    return tuple(
        Hearing(
            once=f"{facts.day}|{one.value}|{facts.organisation}|{facts.provider}",
            organisation=facts.organisation,
            subject=f"for {one.value}: {decision.pack} let {facts.organisation} use provider {facts.provider}",
            data={
                "channel": one.value,
                "provider": facts.provider,
                "tier": facts.tier,
                "region": facts.region,
                "pack": decision.pack,
                "rules": ", ".join(decision.rules),
            },
        )
        for one in decision.obligations
        if one.name == "notify"
    )


def differs(now: Decision, then: Decision) -> bool:
    """Whether two decisions would have a request treated otherwise."""
    return now.allowed != then.allowed or now.obligations != then.obligations
