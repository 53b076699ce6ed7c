"""What is written of a walk when it is over: its use for the journal, its record for the evidence."""

from courtyard.core.admission import Obligation
from courtyard.core.errors import CourtyardError, PolicyDenied
from courtyard.core.ids import HOME
from courtyard.evidence import Decision, Record
from courtyard.ledger import Use
from courtyard.serving.walk import Ending, Walk


def use_of(walk: Walk, ending: Ending) -> Use:
    """Say what was used, for the receipt."""
    principal, request = walk.principal, walk.request
    assert walk.entitlement is not None
    return Use(
        id=request.id,
        organisation=principal.organisation,
        project=principal.project,
        key=principal.key,
        person=principal.person,
        kind=request.kind,
        model=request.model,
        engine=walk.route.engine if walk.route else None,
        region=walk.route.region if walk.route else None,
        usage=ending.usage,
        outcome=ending.outcome,
        estimated=ending.estimated,
        price_book=walk.entitlement.priced.book,
        idempotency_key=walk.claim.key if walk.claim else None,
        request_digest=request.digest.hex(),
    )


def record_of(walk: Walk, ending: Ending, *, now_ms: int) -> Record:
    """Say what was decided, and what became of it."""
    principal, admission, request, route = walk.principal, walk.admission, walk.request, walk.route
    judged = admission or (ending.error if isinstance(ending.error, PolicyDenied) else None)
    return Record(
        id=request.id,
        at_ms=now_ms,
        organisation=principal.organisation,
        project=principal.project,
        who=walk.who,
        kind=request.kind,
        model=request.model,
        decision=_decision(walk, ending),
        rules=admission.rules if admission else (),
        regions=tuple(sorted(admission.regions)) if admission else (),
        engine=route.engine if route else None,
        region=route.region if route else None,
        receipt=walk.receipt.digest if walk.receipt else None,
        outcome=ending.outcome if walk.hold else None,
        error=ending.error.code if ending.error else None,
        rule=ending.error.rule if isinstance(ending.error, PolicyDenied) else None,
        duration_ms=now_ms - walk.begun_ms,
        subject=walk.subject,
        purpose=request.purpose,
        provider=route.provider if route else "",
        tier=walk.tier,
        pack=judged.pack if judged else "",
        decisions=judged.decisions if judged else (),
        facts=judged.facts if judged else (),
        obligations=tuple([_words(one) for one in admission.obligations]) if admission else (),
        classes=walk.seen.counts,
        masked=walk.masked,
        label=walk.label,
        passages=walk.grounded.documents if walk.grounded else {},
        model_digest=(walk.model.digest or "") if walk.model and (route is None or route.provider == HOME) else "",
    )


def _words(obligation: Obligation) -> str:
    return f"{obligation.name}:{obligation.value}" if obligation.value else obligation.name


def _decision(walk: Walk, ending: Ending) -> Decision:
    match ending.error:
        case PolicyDenied():
            return Decision.DENIED
        case CourtyardError() if walk.receipt is None:
            return Decision.REFUSED
        case CourtyardError():
            return Decision.FAILED
        case None:
            return Decision.ADMITTED
