"""What a rule is, and what it may say."""

from typing import Protocol

import msgspec

from courtyard.core.chat import Request
from courtyard.core.ids import Region
from courtyard.core.principal import Principal


class Pass(msgspec.Struct, frozen=True):
    """The rule has nothing against it."""


class Deny(msgspec.Struct, frozen=True):
    """The request may not run; the reason tells the caller what to do next."""

    reason: str


class Narrow(msgspec.Struct, frozen=True):
    """The request may run in these regions only."""

    regions: frozenset[Region]


class Rewrite(msgspec.Struct, frozen=True):
    """The request may run as this one, which has the same id, kind, model and way of answering."""

    request: Request


Verdict = Pass | Deny | Narrow | Rewrite

PASS = Pass()


class Rule(Protocol):
    """Looks at a request, and says what it thinks of it.

    A rule is asked on every request: it answers from what it is given, in microseconds, and gives the same answer to
    the same question. A `version` beside its name is recorded with each admission.
    """

    @property
    def name(self) -> str: ...

    def __call__(self, principal: Principal, request: Request) -> Verdict: ...
