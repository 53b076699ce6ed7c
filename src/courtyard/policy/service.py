"""The rules in force, and the one way to an admission."""

from collections.abc import Callable, Mapping, Sequence
from traceback import extract_tb
from typing import Any

import msgspec
import structlog

from courtyard import plugins
from courtyard.core.admission import Admission
from courtyard.core.chat import Request
from courtyard.core.errors import GateFailed
from courtyard.core.ids import Region
from courtyard.core.principal import Principal
from courtyard.policy import rules as folding
from courtyard.policy.admitting import on_terms
from courtyard.policy.candidates import NOTHING, Candidate, Seen
from courtyard.policy.facts import Judge
from courtyard.policy.model import Rule
from courtyard.policy.rules import RuleFailed

_log = structlog.get_logger("courtyard.policy")


class Policy:
    """Asks its rules in order. A rule that fails refuses the request, and is an incident in the log."""

    def __init__(
        self, rules: Sequence[Rule], *, regions: frozenset[Region] | None = None, gate: Judge | None = None
    ) -> None:
        """Ask `rules`, and then the pack that is in force at the `gate`, if there is one."""
        self._rules = tuple((_recorded(rule), rule) for rule in rules)
        self._regions = regions
        self._gate = gate

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        *,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        regions: frozenset[Region] | None = None,
        gate: Judge | None = None,
    ) -> "Policy":
        """Make a policy of the installed rules of these names; a rule's fields are set from its `options`.

        Raises:
            ValueError: a name that is no rule, or options that do not fit it.
        """
        installed = plugins.load("rules")
        given = options or {}
        for name in (*names, *given):
            if name not in installed:
                known = ", ".join(sorted(installed))
                raise ValueError(f"policy: {name!r} is not an installed rule; there are {known}")
        return cls([_make(name, installed[name], given.get(name, {})) for name in names], regions=regions, gate=gate)

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules in force, as admissions record them."""
        return tuple(name for name, _ in self._rules)

    def admit(
        self,
        principal: Principal,
        request: Request,
        candidates: Sequence[Candidate] = (),
        *,
        look: Callable[[Request], Seen] | None = None,
        day: int = 0,
    ) -> Admission:
        """Admit the request to the providers and regions where every rule lets it run, or refuse it.

        `candidates` are the providers of the model; where none is named, or only the operator's own and no pack is in
        force, it runs at home in the regions that the rules leave. `look` finds the personal data in it, and is asked
        once the rules are done with it. `day` is what rules with dates go by.

        Raises:
            PolicyDenied: a rule refused, left no region or no provider, or failed.
            DetectorFailed: what is in it could not be found.
        """
        try:
            admission = folding.admit(self._rules, principal, request, regions=self._regions)
        except RuleFailed as refusal:
            _log.error("rule_failed", rule=refusal.rule, request_id=request.id, **_incident(refusal.__cause__))
            raise
        seen = NOTHING if look is None else look(admission.request)
        if (self._gate is None or not self._gate.active) and all(candidate.is_plain for candidate in candidates):
            return msgspec.structs.replace(admission, classes=seen.counts) if seen.counts else admission
        try:
            return on_terms(admission, candidates or _at_home(admission), seen=seen, day=day, judge=self._gate)
        except GateFailed as refusal:
            _log.error("gate_failed", rule=refusal.rule, request_id=request.id, **_incident(refusal.__cause__))
            raise


def _at_home(admission: Admission) -> tuple[Candidate, ...]:
    return (Candidate(regions=admission.regions),)


def _recorded(rule: Rule) -> str:
    version = getattr(rule, "version", None)
    return rule.name if version is None else f"{rule.name}@{version}"


def _make(name: str, plugin: Any, options: Mapping[str, Any]) -> Rule:
    rule: Any
    try:
        if isinstance(plugin, type) and issubclass(plugin, msgspec.Struct):
            rule = msgspec.convert(dict(options), plugin, strict=False)
        else:
            rule = plugin(**options)
    except (TypeError, msgspec.ValidationError) as error:
        raise ValueError(f"policy: options of rule {name!r}: {error}") from error
    made: Rule = rule
    return made


def _incident(error: BaseException | None) -> dict[str, str]:
    """Say what failed and where. The error's own words may hold the request's content, so they stay out of the log."""
    if error is None:
        return {}
    frame = extract_tb(error.__traceback__)[-1]
    return {"reason": type(error).__name__, "where": f"{frame.filename}:{frame.lineno}"}
