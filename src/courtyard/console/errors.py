"""Refusals and bugs, as pages and as JSON."""

from typing import Any

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from courtyard.console.page import explain, go, here, language_of, render
from courtyard.console.session import SignInNeeded, Visit
from courtyard.core.errors import CourtyardError
from courtyard.http import ClientGone

_log = structlog.get_logger("courtyard.console")

_ENDPOINTS = "/api/"
_GONE = 499
"""What logs know a client by that left."""
_TITLED = (400, 401, 402, 403, 404, 405, 408, 409, 413, 421, 429, 500, 503)


def on_sign_in_needed(request: Visit, error: SignInNeeded) -> Response[Any]:
    """Lead to the sign-in page and from there back; tell a script plainly."""
    if _is_endpoint(request):
        return _told(request, error.status, error.code, explain(request, error))
    # What was to be changed is not repeated after signing in: its form may be old by then.
    return go("/sign-in", next=here(request)) if request.method == "GET" else go("/sign-in")


def on_refusal(request: Visit, error: CourtyardError) -> Response[Any]:
    """Say what was refused and what to do next."""
    answer = _told(request, error.status, error.code, explain(request, error))
    if error.retry_after_s is not None:
        answer.headers["retry-after"] = str(error.retry_after_s)
    return answer


def on_http_error(request: Visit, error: HTTPException) -> Response[Any]:
    """Say what the framework refused: an address that is not there, a body that is too large."""
    language = language_of(request)
    key = f"error_{error.status_code}"
    told = language.text(key if language.has(key) else "error_400")
    answer = _told(request, error.status_code, f"http_{error.status_code}", told)
    answer.headers.update(error.headers or {})
    return answer


def on_client_gone(request: Visit, error: ClientGone) -> Response[Any]:
    """End a request whose sender left before its end; nobody is there to tell."""
    return Response(None, status_code=_GONE)


def on_bug(request: Visit, error: Exception) -> Response[Any]:
    """Log what should not happen, and say no more than that it did."""
    _log.error("bug", path=request.url.path, exc_info=error)
    return _told(request, 500, "error", language_of(request).text("error_500"))


def _told(request: Visit, status: int, code: str, message: str) -> Response[Any]:
    if _is_endpoint(request):
        return Response({"error": {"code": code, "message": message}}, status_code=status)
    title = f"error_title_{status if status in _TITLED else 500 if status >= 500 else 400}"
    return render(request, "error.html", status=status, status_code=status, title=title, message=message)


def _is_endpoint(request: Visit) -> bool:
    return request.url.path.startswith(_ENDPOINTS)
