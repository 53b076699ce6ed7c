"""The fold: every rule is asked in turn, and one that refuses or fails ends it."""

from collections.abc import Iterable

from courtyard.core.admission import Admission
from courtyard.core.chat import Request
from courtyard.core.errors import PolicyDenied
from courtyard.core.ids import Region
from courtyard.core.principal import Principal
from courtyard.policy.model import Deny, Narrow, Pass, Rewrite, Rule


class RuleFailed(PolicyDenied):
    """A rule could not decide. A request that no rule judged never runs, so it is refused."""


def admit(
    rules: Iterable[tuple[str, Rule]], principal: Principal, request: Request, *, regions: frozenset[Region] | None
) -> Admission:
    """Admit the request to the regions that every rule leaves it, or refuse it.

    `rules` come with the names to record. Where neither `regions` nor a rule says where the request may run, it stays
    at home.

    Raises:
        PolicyDenied: a rule refused, or left no region.
        RuleFailed: a rule raised or said something that is no verdict.
    """
    asked: list[str] = []
    for name, rule in rules:
        asked.append(name)
        try:
            verdict = rule(principal, request)
            match verdict:
                case Pass():
                    continue
                case Narrow(allowed):
                    regions = allowed if regions is None else regions & allowed
                case Rewrite(rewritten):
                    request = _rewritten(request, rewritten)
                    continue
                case Deny(reason):
                    pass
                case _:
                    raise TypeError(f"{type(verdict).__name__} is no verdict")
        except Exception as error:
            raise RuleFailed(
                f"rule {name!r} failed, and a request that it has not judged can't run; tell the operator", rule=name
            ) from error
        if isinstance(verdict, Deny):
            raise PolicyDenied(f"rule {name!r} refuses this request: {reason}", rule=name)
        if not regions:
            raise PolicyDenied(f"rule {name!r} leaves this request no region to run in; tell the operator", rule=name)
    return Admission(
        principal=principal,
        request=request,
        regions=principal.home if regions is None else regions,
        rules=tuple(asked),
    )


def _rewritten(request: Request, rewritten: Request) -> Request:
    """Take a rewrite that is still the request that was asked, priced and promised an answer."""
    assert rewritten.id == request.id, "a rewrite keeps the request's id"
    assert rewritten.kind == request.kind, "a rewrite keeps the request's kind"
    assert rewritten.model == request.model, "a rewrite keeps the model, which other rules have judged"
    assert rewritten.stream == request.stream, "a rewrite keeps the way of answering"
    return rewritten
