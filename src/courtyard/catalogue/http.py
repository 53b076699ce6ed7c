"""Reading from a hub: quick to see that nobody is there, patient with a slow line, careful where it is led."""

import socket
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from ipaddress import ip_address
from threading import Thread
from typing import IO, Any, Protocol, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener, getproxies, proxy_bypass

from courtyard.catalogue.model import ModelUnavailable

_REACH_S = 5.0
_STALL_S = 30.0
_REDIRECTS_MAX = 5


class Unreachable(ModelUnavailable):
    """Nobody answers there, or the line broke; trying again may help."""

    code = "model_source_unreachable"


class Refused(ModelUnavailable):
    """The hub answered, and has no such thing for us."""

    code = "model_source_refused"


class Response(Protocol):
    """A response whose body is read piece by piece."""

    status: int
    headers: HTTPMessage

    def read(self, amount: int = ...) -> bytes: ...

    def close(self) -> None: ...


def open_url(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, follow: bool = True
) -> Response:
    """Send a request and return its response, once its head is here.

    Raises:
        Unreachable: nobody answers, or not in time.
        Refused: the answer is neither a success nor, unless they are to be followed, a redirect.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refused("a hub's address begins with http:// or https://")
    _check_reachable(url)
    request = Request(url, method=method, headers={"accept-encoding": "identity", **(headers or {})})  # noqa: S310
    try:
        response: Response = _opener(follow=follow).open(request, timeout=_STALL_S)
    except HTTPError as error:
        if not follow and error.code in (301, 302, 303, 307, 308):
            return cast("Response", error)  # It is one, too.
        error.close()
        raise Refused(f"{_host(url)} answers with HTTP {error.code}{_meaning(error.code)}") from error
    except URLError as error:
        raise Unreachable(f"{_host(url)} can't be reached: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{_host(url)} broke off: {error or type(error).__name__}") from error
    return response


class _Careful(HTTPRedirectHandler):
    """Follows few redirects, never down from HTTPS, and never to an address where only a machine's secrets live."""

    max_redirections = _REDIRECTS_MAX

    def redirect_request(  # noqa: PLR0917 - As urllib calls it.
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        was, to = urlsplit(req.full_url), urlsplit(newurl)
        if to.scheme != "https" and (was.scheme, to.scheme) != ("http", "http"):
            raise URLError(f"it redirects from {was.scheme} to {to.scheme or 'nowhere'}")
        if _is_link_local(to.hostname or ""):
            raise URLError("it redirects to a link-local address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _NotFollowed(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> Request | None:
        return None


def _opener(*, follow: bool) -> OpenerDirector:
    return build_opener(_Careful if follow else _NotFollowed)


def _check_reachable(url: str) -> None:
    """See within seconds whether anybody is there: a resolver or a firewall that says nothing would take minutes."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return  # The proxy is asked; it knows more than we do.
    failures: list[str] = ["no answer in time"]
    knock = Thread(target=_knock, args=(host, parts.port or {"http": 80}.get(parts.scheme, 443), failures), daemon=True)
    knock.start()
    knock.join(_REACH_S)
    if failures:
        raise Unreachable(f"{_host(url)} can't be reached: {failures[-1]}")


def _knock(host: str, port: int, failures: list[str]) -> None:
    try:
        socket.create_connection((host, port), timeout=_REACH_S).close()
    except OSError as error:
        failures.append(error.strerror or str(error) or type(error).__name__)
    else:
        failures.clear()


def _is_link_local(host: str) -> bool:
    try:
        return ip_address(host).is_link_local
    except ValueError:
        return False


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the hub"


def _meaning(status: int) -> str:
    return {401: ": it wants a sign-in", 403: ": it wants a sign-in", 404: ": it has no such file"}.get(status, "")
