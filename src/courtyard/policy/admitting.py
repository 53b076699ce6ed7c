"""From where a request could run to the terms on which it may: candidate by candidate, region by region."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from courtyard.core.admission import Admission, Obligation, Terms
from courtyard.core.chat import Request
from courtyard.core.errors import PolicyDenied
from courtyard.core.ids import HOME, Region
from courtyard.policy.candidates import Candidate, Seen
from courtyard.policy.facts import Decision, Facts, Judge
from courtyard.policy.masks import mask_of, strictest

_FOREIGN = "foreign"


class _Denial(NamedTuple):
    """Why one candidate is out."""

    rule: str
    reason: str
    articles: tuple[str, ...] = ()


class _Judged(NamedTuple):
    """A region that a candidate has, and what the pack asks there."""

    region: Region
    obligations: tuple[Obligation, ...]


def on_terms(
    admission: Admission,
    candidates: Iterable[Candidate],
    *,
    seen: Seen,
    day: int,
    judge: Judge | None,
) -> Admission:
    """Say at which providers, in which of its regions and on which terms an admitted request may run.

    Without a pack in force the operator's own engines and admitted allied ones may serve, and foreign ones may not.

    Raises:
        PolicyDenied: no candidate is left; the rule is the one that a pack gave, or else the first.
        GateFailed: a rule of the pack could not be asked.
    """
    active = judge if judge is not None and judge.active else None
    terms: list[Terms] = []
    denials: list[_Denial] = []
    decided: dict[str, None] = {}
    asked: dict[str, None] = {}
    pack = ""
    for candidate in candidates:
        denial = _standing(candidate, admission, judged=active is not None)
        if denial is not None:
            denials.append(denial)
            continue
        regions = _regions(candidate, admission)
        if active is None:
            judged = [_Judged(region, ()) for region in regions]
        else:
            judged = []
            for region in sorted(regions):
                facts = _facts(admission, candidate, region, seen=seen, day=day)
                decision = active.decide(facts)
                pack = decision.pack
                asked[decision.facts] = None
                decided.update(dict.fromkeys(decision.rules))
                if decision.allowed:
                    judged.append(_Judged(region, decision.obligations))
                else:
                    denials.append(_denial(decision, candidate, region))
        for one in _grouped(candidate, judged):
            if one.mask and not _can_be_masked(admission.request):
                denials.append(_unmaskable(candidate))
            else:
                terms.append(one)
    if not terms:
        raise _refused(denials, tuple(asked), tuple(decided), pack)
    return Admission(
        principal=admission.principal,
        request=admission.request,
        regions=frozenset().union(*[one.regions for one in terms]),
        rules=admission.rules,
        terms=tuple(terms),
        decisions=tuple(decided),
        pack=pack,
        facts=tuple(asked),
        obligations=tuple(sorted({obligation for one in terms for obligation in one.obligations})),
        classes=seen.counts,
    )


def _standing(candidate: Candidate, admission: Admission, *, judged: bool) -> _Denial | None:
    """Ask what the catalogue says of a provider, before any rule: its state, its purposes, its regions."""
    if candidate.refusal:
        return _Denial("providers", f"provider {candidate.provider!r} can't be asked: {candidate.refusal}")
    if candidate.tier == _FOREIGN and not judged:
        return _Denial(
            "providers",
            f"provider {candidate.provider!r} is foreign, and foreign providers are asked only where a policy pack is "
            "in force that lets them; an operator can promote one: `courtyard policy --help`",
        )
    purpose = admission.request.purpose
    if candidate.purposes is not None and purpose not in candidate.purposes:
        allowed = ", ".join(sorted(candidate.purposes)) or "none"
        said = f"not for {purpose!r}" if purpose else "and the request states none"
        return _Denial(
            "purposes",
            f"provider {candidate.provider!r} may be used for {allowed}, {said}; state the purpose in the header "
            "X-Courtyard-Purpose, or with the key",
        )
    if not candidate.is_home and not candidate.regions & admission.regions:
        regions = ", ".join(sorted(admission.regions))
        return _Denial(
            "residency",
            f"provider {candidate.provider!r} stands in {', '.join(sorted(candidate.regions)) or 'no region'}, and the "
            f"request may run in {regions}; choose another model, or ask the operator, who lets it run elsewhere by "
            "`courtyard organisations home`",
        )
    return None


def _regions(candidate: Candidate, admission: Admission) -> frozenset[Region]:
    """Bound a provider's regions by the rules'. At home all are judged: routing says where no engine stands."""
    if candidate.is_home:
        return candidate.regions & admission.regions or admission.regions
    return candidate.regions & admission.regions


def _facts(admission: Admission, candidate: Candidate, region: Region, *, seen: Seen, day: int) -> Facts:
    principal, request = admission.principal, admission.request
    return Facts(
        organisation=principal.organisation,
        project=principal.project,
        role=principal.role,
        kind=request.kind,
        model=request.model,
        purpose=request.purpose,
        classes=frozenset(seen.counts),
        sensitive=seen.sensitive,
        provider=candidate.provider,
        tier=candidate.tier,
        state=candidate.state,
        jurisdiction=candidate.jurisdiction,
        region=region,
        home=principal.home,
        day=day,
        persons=candidate.persons,
        persons_left=candidate.persons_left,
        tokens_left=candidate.tokens_left,
        requests_left=candidate.requests_left,
        agreements=candidate.agreements,
        filed=bool(candidate.filing),
    )


def _grouped(candidate: Candidate, judged: Iterable[_Judged]) -> Iterator[Terms]:
    """Make one set of terms for all regions of which the same is asked."""
    groups: dict[tuple[Obligation, ...], set[Region]] = {}
    for region, obligations in judged:
        groups.setdefault(tuple(sorted(obligations)), set()).add(region)
    for obligations, regions in groups.items():
        yield Terms(
            provider=candidate.provider,
            regions=frozenset(regions),
            mask=strictest(candidate.mask, mask_of(obligations)),
            obligations=obligations,
        )


def _denial(decision: Decision, candidate: Candidate, region: Region) -> _Denial:
    where = region if candidate.provider == HOME else f"{candidate.provider} in {region}"
    because = f" ({'; '.join(decision.articles)})" if decision.articles else ""
    rule = decision.rules[0] if decision.rules else "permit"
    return _Denial(
        rule,
        f"pack {decision.pack} does not let this request run at {where}: {decision.reason}{because}; "
        "`courtyard policy explain` says what would change that",
        decision.articles,
    )


def _can_be_masked(request: Request) -> bool:
    """Whether all of a request is text that can be looked through."""
    return request.is_text and not request.is_tokens


def _unmaskable(candidate: Candidate) -> _Denial:
    return _Denial(
        "mask",
        f"provider {candidate.provider!r} sees masked text only, and this request holds pictures, files or token "
        "numbers, in which personal data can't be found; send text, or choose a model that runs at home",
    )


def _refused(denials: list[_Denial], facts: tuple[str, ...], decisions: tuple[str, ...], pack: str) -> PolicyDenied:
    """Give the pack's own reason where there is one: it names the article."""
    assert denials, "a request has at least one candidate"
    told = next((denial for denial in denials if denial.articles), denials[0])
    return PolicyDenied(
        told.reason, rule=told.rule, articles=told.articles, facts=facts, decisions=decisions, pack=pack
    )
