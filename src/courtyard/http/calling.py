"""Calling others over HTTP, from a thread: bounded in time and size, led nowhere, and never into our own network."""

import socket
import ssl
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.http.addresses import Address, addresses_of, is_for_machines, is_public

ANSWER_BYTES_MAX = 1 << 20


class CallFailed(CourtyardError):
    """Somebody that the house called can't be reached, or said what is no answer."""

    code = "call_failed"
    status = 502


class CallRefused(CallFailed):
    """The address is one that the house must not call."""

    code = "call_refused"


class Called(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    retry_after_s: int | None = None
    headers: Mapping[str, str] = {}
    """By their names in small letters."""


def check_url(url: str, *, private_hosts: Collection[str] = ()) -> str:
    """Return an address that may be called over HTTPS, or over HTTP where its host is named as one of our own.

    Whether its host stands for an address in the open network is seen when it is called: until then that may change.

    Raises:
        InvalidRequest: it is no such address.
    """
    parts = _split(url.strip())
    if parts.scheme != "https" and not (parts.scheme == "http" and _host(parts) in private_hosts):
        raise InvalidRequest("an address to be called begins with https://; http:// is for hosts named in the settings")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidRequest("an address to be called holds no user, no password and no fragment")
    return url.strip()


def call(
    url: str,
    *,
    method: str = "POST",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    seconds: float = 20.0,
    private_hosts: Collection[str] = (),
    bytes_max: int = ANSWER_BYTES_MAX,
) -> Called:
    """Send one request, follow no redirect, and return the answer; all of it takes at most `seconds`.

    The address that is connected to is one that was looked at: a name that says another one a moment later gains
    nothing. Addresses outside the open network are refused, but those of `private_hosts`.

    Raises:
        CallRefused: the host has no address that may be called.
        CallFailed: nobody answered in time, or not in HTTP, or with too much.
    """
    parts = _split(check_url(url, private_hosts=private_hosts))
    place = f"{_host(parts)}:{parts.port}" if parts.port else _host(parts)
    address = _callable(parts, private_hosts)
    connection = _connection(parts, address, seconds)
    late = Event()
    timer = Timer(seconds, _cut, (connection, late))
    timer.daemon = True
    timer.start()
    try:
        connection.connect()
        if late.is_set():  # While it connected there was nothing to cut yet.
            raise TimeoutError(f"it took more than {seconds:g} seconds")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body, headers={"user-agent": "Courtyard", **(headers or {})})
        answer = connection.getresponse()
        read = answer.read(bytes_max + 1)
    except (OSError, HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise CallFailed(f"{place} can't be reached: {reason}") from error
    finally:
        timer.cancel()
        connection.close()
    if late.is_set():  # What was read until then may look whole.
        raise CallFailed(f"{place} did not answer within {seconds:g} seconds")
    if len(read) > bytes_max:
        raise CallFailed(f"{place} answered with more than {bytes_max} bytes")
    later = answer.headers.get("retry-after", "")
    after_s = int(later) if later.isascii() and later.isdigit() and len(later) < 7 else None
    return Called(answer.status, read, after_s, {name.lower(): value for name, value in answer.headers.items()})


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidRequest(f"{url[:80]!r} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        raise InvalidRequest(f"{url[:80]!r} is no address: write https://, a host and a path")
    if " " in url:
        raise InvalidRequest(f"{url[:80]!r} is no address: it has a space")
    return parts


def _host(parts: SplitResult) -> str:
    return parts.hostname or ""


def _callable(parts: SplitResult, private_hosts: Collection[str]) -> Address:
    """Pick the address to connect to; where a name stands for several, every one must be fit to be called."""
    found = addresses_of(_host(parts), parts.port)
    if not found:
        raise CallFailed(f"{_host(parts)} can't be reached: the name stands for no address")
    is_ours = _host(parts) in private_hosts
    for address in found:
        if is_for_machines(address) or not (is_ours or is_public(address)):
            raise CallRefused(
                f"{_host(parts)} stands for {address}, which is not in the open network; "
                "an operator can name the host in `private_hosts`"
            )
    return found[0]


def _connection(parts: SplitResult, address: Address, seconds: float) -> HTTPConnection:
    if parts.scheme == "http":
        plain = HTTPConnection(_host(parts), parts.port, timeout=seconds)
        plain._create_connection = _to(address)  # type: ignore[attr-defined]
        return plain
    safe = HTTPSConnection(_host(parts), parts.port, timeout=seconds, context=_context())
    safe._create_connection = _to(address)  # type: ignore[attr-defined]
    return safe


class _to:  # noqa: N801 - It stands where http.client has a function.
    """Connects to an address that was looked at, whatever the name stands for by now."""

    def __init__(self, address: Address) -> None:
        self._address = str(address)

    def __call__(self, place: tuple[str, int], timeout: float | None = None, *_: object) -> socket.socket:
        return socket.create_connection((self._address, place[1]), timeout=timeout)


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _cut(connection: HTTPConnection, late: Event) -> None:
    """End an exchange whose time is over, wherever it waits."""
    late.set()
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
