"""The decision explorer: what was decided of each request, by which rules, and what would have turned it."""

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console import exports
from courtyard.console.page import go, in_thread
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of
from courtyard.console.wall import DAY_MS, asked_day, render_wall
from courtyard.console.wall_view import why
from courtyard.core.errors import CourtyardError, NotFound
from courtyard.evidence import Decision, Evidence, Filter, Record
from courtyard.policy import Explanation, Facts, Judgement, explain

_SHOWN, _FILE_MAX = 50, 5000
_PAGE, _PAGES_MAX = 200, 50
"""How far a search goes at a time: 10,000 records."""
_EXPLAINED_MAX = 4
_WORD_LENGTH_MAX, _ID_LENGTH_MAX = 100, 200


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A record in a file: names, counts and digests."""

    request: str
    at_ms: int
    organisation: str
    who: str
    model: str
    decision: str
    error: str
    rules: str
    provider: str
    tier: str
    region: str
    purpose: str
    pack: str
    obligations: str
    classes: str
    masked: int
    label: str


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    filter: Filter
    rule: str
    provider: str

    def takes(self, record: Record) -> bool:
        rules = (*record.decisions, *record.rules, record.rule or "", record.error or "")
        return (not self.rule or any(self.rule in one.casefold() for one in rules)) and (
            not self.provider or self.provider == record.provider
        )


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [decisions, decision]


@get(exports.paths("/wall/decisions"))
async def decisions(request: Visit) -> Response[Any]:
    """List decisions, the newest first; an id leads to its own page."""
    if id := str(request.query_params.get("id", "")).strip()[:_ID_LENGTH_MAX]:
        return go(f"/wall/decisions/{quote(id, safe='')}")
    rooms, asked = rooms_of(request), _asked(request)
    if exports.asked_file(request):
        found, _ = await in_thread(_search, rooms.evidence, asked, before=None, wanted=_FILE_MAX)
        return exports.table(request, "decisions", DecisionRow, [_row(one) for one in found])
    try:
        before = request.query_params.get("before")
        found, later = await in_thread(_search, rooms.evidence, asked, before=before, wanted=_SHOWN)
    except CourtyardError as error:
        return _page(request, [], None, problem=error)
    return _page(request, found, later)


@get("/wall/decisions/{id:str}")
async def decision(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Explain one decision."""
    rooms = rooms_of(request)
    record = await in_thread(rooms.evidence.record, id)
    explained, failed = await in_thread(_explained, rooms, record)
    organisation = next((one.name for one in rooms.identity.organisations() if one.id == record.organisation), "")
    return render_wall(
        request,
        "wall_decision.html",
        record=record,
        why=why(record),
        explained=explained,
        failed=failed,
        facts_of=_facts,
        organisation=organisation or record.organisation,
    )


def _page(
    request: Visit, found: list[Record], later: str | None, *, problem: CourtyardError | None = None
) -> Response[Any]:
    rooms, query = rooms_of(request), request.query_params
    return render_wall(
        request,
        "wall_decisions.html",
        problem=problem,
        found=found,
        later=later,
        first="before" not in query,
        asked={
            name: str(query.get(name, ""))[:_WORD_LENGTH_MAX]
            for name in ("decision", "rule", "provider", "day", "left")
        },
        searched=any(query.get(name) for name in ("decision", "rule", "provider", "day", "left")),
        decisions=tuple(Decision),
        providers=[one.id for one in rooms.wall.providers.providers()],
        why=why,
    )


def _asked(request: Visit) -> _Asked:
    query = request.query_params
    day = asked_day(request, "day")
    return _Asked(
        filter=Filter(
            since_ms=day,
            until_ms=None if day is None else day + DAY_MS,
            decision=next((one for one in Decision if one == query.get("decision")), None),
            left_home=query.get("left") is not None,
        ),
        rule=str(query.get("rule", ""))[:_WORD_LENGTH_MAX].strip().casefold(),
        provider=str(query.get("provider", ""))[:_WORD_LENGTH_MAX].strip(),
    )


def _search(evidence: Evidence, asked: _Asked, *, before: str | None, wanted: int) -> tuple[list[Record], str | None]:
    """Read until enough was found, or far enough was looked; says where to go on. Reads the record."""
    found: list[Record] = []
    for _ in range(_PAGES_MAX):
        page = evidence.records(asked.filter, before=before, limit=min(_PAGE, wanted))
        found += [record for record in page.records if asked.takes(record)]
        before = page.next
        if before is None or len(found) >= wanted:
            break
    return found, before


def _explained(rooms: ConsoleRooms, record: Record) -> tuple[list[Explanation], str]:
    """Judge once more what was judged, by the pack that did. Runs SQL, and thinks for a second."""
    if not record.facts:
        return [], ""
    packs = rooms.wall.packs
    rooms.wall.gate.flush()
    known = packs.facts(record.facts)
    try:
        judgement = Judgement(packs.pack(record.pack))
        facts = [known[digest] for digest in record.facts if digest in known][:_EXPLAINED_MAX]
        if not facts:
            raise NotFound("it is not kept (any more) what was judged for this request")
        return [explain(judgement, one) for one in facts], ""
    except CourtyardError as error:
        return [], error.message


def _facts(facts: Facts) -> list[tuple[str, str]]:
    """Write facts as people read them."""
    return [
        (name, ", ".join(sorted(value)) if isinstance(value, frozenset) else "" if value is None else str(value))
        for name, value in msgspec.structs.asdict(facts).items()
    ]


def _row(record: Record) -> DecisionRow:
    return DecisionRow(
        request=record.id,
        at_ms=record.at_ms,
        organisation=record.organisation,
        who=record.who,
        model=record.model,
        decision=record.decision,
        error=record.error or "",
        rules=" ".join(why(record)),
        provider=record.provider,
        tier=record.tier,
        region=record.region or "",
        purpose=record.purpose,
        pack=record.pack,
        obligations=" ".join(record.obligations),
        classes=" ".join(f"{kind}:{count}" for kind, count in sorted(record.classes.items())),
        masked=record.masked,
        label=record.label,
    )
