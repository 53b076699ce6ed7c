"""What the wall's pages share: who looks, what they may change, and how a refusal is told on the page itself."""

from datetime import UTC, datetime
from typing import Any

from litestar import Response

from courtyard.console.access import permits_on_wall
from courtyard.console.page import explain, render
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.clock import date_time
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.identity import Action

DAY_MS = 86_400_000
APPROVES = {"action": Action.APPROVE}
"""`opt` of a handler that decides what somebody proposed: operators and approvers."""
READS = {"action": Action.READ_WALL}
"""`opt` of a handler that is sent a form and changes nothing: auditors too."""

_TEXT_LENGTH_MAX = 4000


def render_wall(
    request: Visit, template: str, *, problem: CourtyardError | None = None, **context: Any
) -> Response[str]:
    """Make a page that says what was refused, and offers only what this person may do."""
    identity, principal = rooms_of(request).identity, signed_in(request).principal
    return render(
        request,
        template,
        status=200 if problem is None else problem.status,
        problem=None if problem is None else told(request, problem),
        may_manage=permits_on_wall(identity, principal, Action.MANAGE_WALL),
        may_approve=permits_on_wall(identity, principal, Action.APPROVE),
        me=who(request),
        **context,
    )


def who(request: Visit) -> str:
    """Name the person who does something, as the wall's records name people."""
    return signed_in(request).person.email


def told(request: Visit, error: CourtyardError) -> str:
    """Say what was refused; what names a line or a file is said as it is, whatever the reader's language."""
    return error.message if isinstance(error, InvalidRequest) else explain(request, error)


def text_of(form: Any, name: str, *, length_max: int = _TEXT_LENGTH_MAX) -> str:
    """Read a field of a form, with the line ends of every other text here."""
    return str(form.get(name, ""))[:length_max].replace("\r\n", "\n").strip()


def reason_of(form: Any) -> str:
    """Read why something is done.

    Raises:
        InvalidRequest: nothing is said.
    """
    reason = text_of(form, "reason")
    if not reason:
        raise InvalidRequest("say why; it is kept with what is done", param="reason")
    return reason


def begun_ms(now_ms: int) -> int:
    """Return when this day began, in UTC."""
    return now_ms - now_ms % DAY_MS


def asked_day(request: Visit, name: str) -> int | None:
    """Return when the day began that the address asks for; what is no day asks for none."""
    return day_ms(str(request.query_params.get(name, "")))


def day_ms(text: str) -> int | None:
    """Return when a day such as `2026-11-28` began, in UTC; nothing where it is none."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        return None


def day_of(at_ms: int) -> str:
    """Write the day of a moment, in UTC."""
    return f"{date_time(at_ms):%Y-%m-%d}"
