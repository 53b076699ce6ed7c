"""Where the facts of packs come from: a few questions each, which the rooms below answer as they are."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec


class Figure(Protocol):
    """A figure of the law, with its source, its article, and when that was looked up."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> Any: ...


class Figures(Protocol):
    """The policy pack in force."""

    @property
    def pack(self) -> str: ...
    def parameters(self) -> Sequence[Figure]: ...


class Recipients(Protocol):
    """Who else may run requests, and what was done about them."""

    def providers(self) -> Sequence[Any]: ...
    def changes(self) -> Sequence[Any]: ...


class Listed(Protocol):
    """A room's list: purposes, breaches."""

    def list(self) -> Sequence[Any]: ...


class Retentions(Protocol):
    """How long what is kept."""

    def rules(self) -> Sequence[Any]: ...


class Exports(Protocol):
    """How many people's data left, by legal entity and year, and the thresholds of that."""

    def counted(self, year: int | None = None, *, organisation: str | None = None) -> Any: ...


class Labelling(Protocol):
    """What was labelled, and who may do without."""

    def agreements(self) -> Sequence[Any]: ...
    def unlabelled(self, *, organisation: str | None = None, limit: int = 100) -> Sequence[Any]: ...
    def registered(self) -> int: ...


class Safety(Protocol):
    """Evaluations and what they showed."""

    def report(self, run: str) -> Any: ...
    def items(self, run: str) -> Sequence[Any]: ...


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What a house can say. What nobody answers, a pack says so: it is not left out in silence."""

    figures: Figures | None = None
    recipients: Recipients | None = None
    purposes: Listed | None = None
    retentions: Retentions | None = None
    breaches: Listed | None = None
    exports: Exports | None = None
    labelling: Labelling | None = None
    safety: Safety | None = None
