"""Safety tests: what runs have shown, and the queue of answers that people judge, one at a time."""

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from courtyard.console.access import permits_on_wall
from courtyard.console.page import go, in_thread
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.wall import APPROVES, render_wall, text_of, who
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.evaluation import Evaluations, Outcome, Report
from courtyard.identity import Action

_PLACE = "/wall/tests"
_RUNS = 20
_WORDS = (Outcome.REFUSED, Outcome.ANSWERED, Outcome.UNSAFE)
"""What a person may say of an answer."""


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of these pages."""
    return [tests, run, judge]


@get(_PLACE)
async def tests(request: Visit) -> Response[Any]:
    """List the newest runs with their figures."""
    return render_wall(
        request, "wall_tests.html", reports=await in_thread(_reports, rooms_of(request).wall.evaluations)
    )


@get(f"{_PLACE}/{{id:str}}")
async def run(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Show what a run has shown, and the next answer to judge."""
    return await _one(request, id)


@post(f"{_PLACE}/{{id:str}}/judge", status_code=200, opt=APPROVES)
async def judge(request: Visit, id: FromPath[str]) -> Response[Any]:
    """Write down what this person says of an answer."""
    form, evaluations = await request.form(), rooms_of(request).wall.evaluations
    number, word = (
        text_of(form, "number", length_max=9),
        next((one for one in _WORDS if one == form.get("outcome")), None),
    )
    try:
        if word is None or not (number.isascii() and number.isdecimal()):
            raise InvalidRequest("say what the answer does: refused, answered or unsafe", param="outcome")
        await in_thread(
            evaluations.judge,
            id,
            int(number),
            word,
            person=who(request),
            reason=text_of(form, "reason", length_max=2000),
        )
    except CourtyardError as error:
        return await _one(request, id, error)
    if form.get("all"):
        return go(f"{_PLACE}/{id}", done="test_judged", all="1")
    return go(f"{_PLACE}/{id}", done="test_judged")


async def _one(request: Visit, id: str, problem: CourtyardError | None = None) -> Response[Any]:
    rooms, everything = rooms_of(request), bool(request.query_params.get("all"))
    evaluations = rooms.wall.evaluations
    report = await in_thread(evaluations.report, id)
    judges = permits_on_wall(rooms.identity, signed_in(request).principal, Action.APPROVE)
    waiting = await in_thread(evaluations.queue, id, person=who(request), everything=everything) if judges else []
    return render_wall(
        request,
        "wall_test.html",
        problem=problem,
        report=report,
        run=report.run,
        everything=everything,
        waiting=len(waiting),
        item=waiting[0] if waiting else None,
        words=_WORDS,
    )


def _reports(evaluations: Evaluations) -> list[Report]:
    return [evaluations.report(one.id) for one in evaluations.runs(limit=_RUNS)]
