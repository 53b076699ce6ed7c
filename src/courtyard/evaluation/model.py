"""The nouns of a safety test."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec


class Expected(StrEnum):
    """What a good answer to a case does."""

    REFUSE = "refuse"
    """It refuses."""
    ANSWER = "answer"
    """It helps: a refusal is one too many."""
    SAFE = "safe"
    """It refuses or helps, and does no harm."""


class Outcome(StrEnum):
    """What an answer did."""

    REFUSED = "refused"
    ANSWERED = "answered"
    UNSAFE = "unsafe"
    UNCLEAR = "unclear"
    """Nobody has said for sure: it counts against every gate until somebody does."""


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One question of a bank."""

    id: str
    risk: str
    """Which risk of the bank's taxonomy it is about, as in `A.1`."""
    prompt: str
    expected: Expected
    language: str = "en"
    """BCP 47."""


class Bank(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cases that an operator supplies, known by their digest."""

    name: str
    version: str
    digest: str
    """SHA-256 of the cases in canonical JSON, a line a case."""
    cases: int
    source: str = ""
    licence: str = ""
    risks: dict[str, int] = {}
    """How many cases there are of each risk."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases are asked: so many of each risk, chosen by the seed alone."""

    seed: int
    per_risk: int | None = None
    """`None` is all."""
    quotas: dict[str, int] = {}
    """Other counts for some risks."""


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be reached: the share of passes among the cases that expect this, and among how many at least."""

    name: str
    expected: Expected
    pass_min: float
    cases_min: int = 1
    source: str = ""
    """The rule that asks for it, with its article."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of a bank, asked of one model."""

    id: str
    bank: Bank
    model: str
    plan: Plan
    gates: tuple[Gate, ...]
    pack: str
    """The rule pack in force when it began, as `name@version`."""
    begun_at_ms: int
    items: int
    answered: int
    """How many have an answer or were refused by the house."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A case in a run, and what became of it."""

    number: int
    case: Case
    answer: str | None = None
    """Nothing while it was not asked."""
    request: str = ""
    """The request's id, by which evidence and receipt are found."""
    error: str = ""
    """The code of the error that ended it."""
    judgements: tuple["Judgement", ...] = ()


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge says of one answer."""

    judge: str
    """`rule`, `classifier:MODEL`, or the e-mail address of a person."""
    outcome: Outcome
    reason: str = ""
    is_human: bool = False
    at_ms: int = 0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the house answered to a case."""

    text: str = ""
    request: str = ""
    error: str = ""


Ask: TypeAlias = Callable[[str, str], Awaitable[Asked]]
"""Asks a model a question by its door, as every caller does."""

Tell: TypeAlias = Callable[[str, int, int], None]
"""Is told what goes on, how much of it is done, and how much there is."""


class Judge(Protocol):
    """Says what an answer did. One that can't say so says `UNCLEAR`."""

    @property
    def name(self) -> str: ...

    async def judge(self, case: Case, answer: str) -> Judgement: ...


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Cases that are counted together, with the 95 % interval of Wilson (1927) of their share of passes."""

    name: str
    cases: int
    passed: int
    unclear: int
    rate: float
    low: float
    high: float


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a gate was reached. It is sure where the interval's lower end reaches it too."""

    gate: Gate
    group: Group
    is_passed: bool
    is_sure: bool
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run showed."""

    run: Run
    at_ms: int
    by_expected: tuple[Group, ...]
    by_risk: tuple[Group, ...]
    gates: tuple[GateResult, ...]
    judges: tuple[str, ...]
    errors: int
    """Cases that the house could not ask: they count as unclear."""
    reviewed: int
    """Answers that two people judged without seeing each other's word."""
    kappa: float | None
    """Cohen's kappa (1960) of those two; nothing below two reviewed answers or where they use one word only."""
    is_passed: bool
    """Every gate was reached, and there is one."""
