"""What must be done by when, and what may be closed."""

from collections.abc import Iterable, Iterator

from courtyard.core.clock import date_time
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.privacy.register.model import Breach, Case, CaseState, Deadline, Due, Figure, Limit, Whom

DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_TEXT_LENGTH_MAX = 4_000

CONTENTS: dict[str, str] = {
    "nature": "what happened: GDPR article 33(3)(a); PIPL article 57(1)",
    "categories": "kinds of data and of people: GDPR article 33(3)(a); PIPL article 57(1)",
    "people": "about how many people: GDPR article 33(3)(a)",
    "records": "about how many records: GDPR article 33(3)(a)",
    "cause": "why it happened: PIPL article 57(1)",
    "consequences": "what may come of it: GDPR article 33(3)(c); PIPL article 57(1)",
    "measures": "what is done against it: GDPR article 33(3)(d); PIPL article 57(2)",
    "advice": "what people can do themselves: PIPL article 57(2)",
    "contact": "who answers questions: GDPR article 33(3)(b); PIPL article 57(3)",
}
"""What a notification has to say, and which article wants it."""

_STAGES = ((1.0, "over"), (0.75, "soon"), (0.5, "half"))
"""How much of the time has run when somebody is reminded."""


def limit(figure: Figure) -> Limit:
    """Take a figure down as it is now.

    Raises:
        InvalidRequest: it is no number.
    """
    value = figure.value
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRequest(f"the pack's {figure.name} is no number; correct the pack")
    return Limit(
        name=figure.name,
        value=value,
        source=figure.source,
        article=figure.article,
        checked_on=str(figure.checked_on),
    )


def clean(text: str, *, of: str) -> str:
    """Return a text as it is kept, or refuse it."""
    cleaned = " ".join(text.split())
    if not 0 < len(cleaned) <= _TEXT_LENGTH_MAX:
        raise InvalidRequest(f"{of} has 1 to {_TEXT_LENGTH_MAX} characters", param=of)
    return cleaned


def check_open(case: Case) -> Case:
    """Return a case that is still open, or raise `Conflict`."""
    if case.state is not CaseState.OPEN:
        raise Conflict(f"{case.id} was closed on {date_time(case.closed_at_ms or 0):%Y-%m-%d}; open another one")
    return case


def check_told(breach: Breach, *, reason: str) -> None:
    """Let a breach be closed that was told to whom it must be, in full, or that says why not.

    Raises:
        Conflict: neither is so.
    """
    untold = {deadline.whom for deadline in breach.deadlines} - breach.told.keys()
    lacking = missing(breach)
    if (untold or lacking) and not reason.strip():
        open_things = ", ".join([*sorted(f"the {whom} was not told" for whom in untold), *lacking])
        raise Conflict(f"{breach.id} is not finished ({open_things}); finish it, or say why with --reason")


def missing(breach: Breach) -> tuple[str, ...]:
    """Name what a notification still has to say."""
    return tuple(name for name in CONTENTS if not breach.contents.get(name))


def deadlines(figures: Iterable[Figure], *, noticed_at_ms: int, names: Iterable[str] | None) -> tuple[Deadline, ...]:
    """Count the clocks of a breach from when it was noticed: all of the pack's, or those named.

    Raises:
        InvalidRequest: the pack has none of that name.
    """
    known = {figure.name: limit(figure) for figure in figures if figure.name.startswith("breach_hours_")}
    chosen = tuple(known) if names is None else tuple(names)
    if unknown := sorted(set(chosen) - known.keys()):
        raise InvalidRequest(f"the pack in force has no {unknown[0]}; it has {', '.join(known) or 'none'}")
    return tuple(
        Deadline(
            limit=known[name],
            due_at_ms=noticed_at_ms + known[name].value * _HOUR_MS,
            whom=Whom.PEOPLE if name.endswith("_people") else Whom.AUTHORITY,
        )
        for name in chosen
    )


def case_due(case: Case, *, now_ms: int) -> Iterator[Due]:
    """Say whether somebody is to be reminded of a case."""
    if case.state is not CaseState.OPEN or case.due_at_ms is None:
        return
    stage = _stage(case.received_at_ms, case.due_at_ms, now_ms)
    if stage:
        yield Due(
            kind="case.due",
            once=f"{case.id} {case.due_at_ms} {stage}",
            organisation=case.organisation,
            subject=f"{case.right} case {case.id} {_words(stage, case.due_at_ms)}",
            data={"case": case.id, "right": case.right, "due_at_ms": case.due_at_ms, "stage": stage},
        )


def breach_due(breach: Breach, *, now_ms: int) -> Iterator[Due]:
    """Say of which clocks of a breach somebody is to be reminded; of each at once when it begins."""
    for deadline in breach.deadlines:
        if breach.closed_at_ms is not None or deadline.whom in breach.told:
            continue
        stage = _stage(breach.noticed_at_ms, deadline.due_at_ms, now_ms) or "begun"
        yield Due(
            kind="breach.due",
            once=f"{breach.id} {deadline.limit.name} {stage}",
            organisation=breach.organisation,
            subject=f"{breach.id}: telling the {deadline.whom} {_words(stage, deadline.due_at_ms)}",
            data={"breach": breach.id, "limit": deadline.limit.name, "article": deadline.limit.article, "stage": stage},
        )


def _stage(begun_ms: int, due_ms: int, now_ms: int) -> str:
    share = (now_ms - begun_ms) / max(1, due_ms - begun_ms)
    return next((stage for least, stage in _STAGES if share >= least), "")


def _words(stage: str, due_ms: int) -> str:
    when = f"{date_time(due_ms):%Y-%m-%d %H:%M} UTC"
    return f"was due on {when}" if stage == "over" else f"is due on {when}"
