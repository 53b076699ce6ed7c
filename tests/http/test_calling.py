"""Calls to others end in time, stay small, follow nobody, and never reach into our own network."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from courtyard.core.clock import SystemClock
from courtyard.core.errors import InvalidRequest
from courtyard.http import CallFailed, CallRefused, addresses_of, call, calling, check_url
from courtyard.http.addresses import is_public
from courtyard.http.calling import ANSWER_BYTES_MAX
from tests.notices.sinks import Sink, certificate_for, http_sink

OURS = ("127.0.0.1", "localhost")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with http_sink() as sink:
        yield sink


def test_a_call_brings_the_answer_back(sink: Sink) -> None:
    """Status, body, headers, and when to come back."""
    sink.answer = lambda _: (429, {"retry-after": "17"}, b"later")

    called = call(f"{sink.url}/a?b=c", body=b"hello", private_hosts=OURS)
    assert (called.status, called.body, called.retry_after_s) == (429, b"later", 17)
    assert called.headers["retry-after"] == "17"
    assert (sink.heard[0].path, sink.heard[0].body) == ("/a?b=c", b"hello")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "0.0.0.0", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[fd00::1]"),
        *("[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "2130706433", "0x7f.1", "100.64.0.1"),
        *("224.0.0.1", "192.0.0.192", "[64:ff9b:1::a9fe:a9fe]", "[::7f00:1]", "[::ffff:0:7f00:1]"),
    ],
)
def test_our_own_network_is_not_called(sink: Sink, host: str) -> None:
    """However an address inside is spelled, nothing is sent to it."""
    port = sink.url.rpartition(":")[2]

    with pytest.raises((CallRefused, CallFailed)) as refused:
        call(f"https://{host}:{port}/", seconds=2)
    assert isinstance(refused.value, CallRefused)
    assert sink.heard == []


def test_metadata_is_not_called_even_where_its_host_is_named() -> None:
    """Who names a host by mistake does not hand out a machine's secrets."""
    with pytest.raises(CallRefused):
        call("http://169.254.169.254/latest", private_hosts=("169.254.169.254",))


def test_what_was_looked_at_is_what_is_connected_to(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that says another address a moment later is not asked twice."""
    answers = ["127.0.0.1", "10.9.9.9"]
    asked: list[str] = []

    def rebinding(host: str, port: int, *arguments: object, **named: object) -> list[tuple[object, ...]]:
        if host == "rebinding.test":
            asked.append(host)
            host = answers[min(len(asked), 2) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    port = sink.url.rpartition(":")[2]

    answer = call(f"http://rebinding.test:{port}/", private_hosts=("rebinding.test",))

    assert answer.status == 204
    assert asked == ["rebinding.test"]
    assert sink.heard[0].headers["host"] == f"rebinding.test:{port}"


def test_redirects_are_not_followed(sink: Sink) -> None:
    """They are an answer like any other."""
    sink.answer = lambda _: (307, {"location": f"{sink.url}/inside"}, b"")

    assert call(sink.url, private_hosts=OURS).status == 307
    assert len(sink.heard) == 1


def test_a_long_answer_is_cut(sink: Sink) -> None:
    """Nobody fills our memory."""
    sink.answer = lambda _: (200, {}, b"x" * (ANSWER_BYTES_MAX + 1))

    with pytest.raises(CallFailed, match="more than"):
        call(sink.url, private_hosts=OURS)


def test_a_slow_answer_is_cut() -> None:
    """A server that sends a byte now and then is no longer listened to than one that sends none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_drip, args=(server,), daemon=True).start()
        clock = SystemClock()
        began = clock.monotonic()

        with pytest.raises(CallFailed):
            call(f"http://127.0.0.1:{server.getsockname()[1]}/", seconds=0.5, private_hosts=OURS)
        assert clock.monotonic() - began < 5


def _drip(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        _drip_into(connection)


def _drip_into(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    connection.settimeout(0.05)
    while True:
        try:
            connection.sendall(b"x-more: 1\r\n")
            if connection.recv(4096) == b"":
                return
        except TimeoutError:
            continue
        except OSError:
            return


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/", "ftp://example.org/", "https://u:p@example.org/", "https:///x", "https://h/#f", "x"),
        *("https://example.org/a b", "https://example.org/\r\nX: y", "https://example.org:99999/"),
    ],
)
def test_what_may_not_be_called_is_refused_when_it_is_named(url: str) -> None:
    """Before anything is sent, and with the reason."""
    with pytest.raises(InvalidRequest):
        check_url(url)


def test_hosts_of_ours_may_be_called_plainly() -> None:
    """Where an operator has named them."""
    assert check_url("http://hooks.inside:8080/a", private_hosts=("hooks.inside",)) == "http://hooks.inside:8080/a"
    assert addresses_of("127.0.0.1", None) == [ip_address("127.0.0.1")]


def test_the_open_network_is_open() -> None:
    """Addresses that anybody may call are fit to be called."""
    assert is_public(ip_address("9.9.9.9"))
    assert is_public(ip_address("2620:fe::fe"))
    assert not is_public(ip_address("64:ff9b::a00:1"))


def test_https_is_checked_by_name_at_the_address_that_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate must be the host's, although the connection goes to an address."""
    key, certificate = certificate_for(tmp_path, "hooks.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(calling, "_context", ssl.create_default_context)
    real = socket.getaddrinfo

    def here(host: str, port: int, *arguments: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host.endswith(".test") else host, port, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    with http_sink() as sink:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        port = int(sink.url.rpartition(":")[2])
        with _tls_front(context, port) as front:
            good = call(f"https://hooks.test:{front}/a", body=b"x", private_hosts=("hooks.test",))
            with pytest.raises(CallFailed, match="certificate"):
                call(f"https://other.test:{front}/b", private_hosts=("other.test",))

    assert good.status == 204
    assert [heard.path for heard in sink.heard] == ["/a"]


@contextmanager
def _tls_front(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """Takes TLS off two connections and passes what one says on to a plain server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=_pass_on, args=(server, context, port), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def _pass_on(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    for _ in range(2):
        plain, _ = server.accept()
        with plain, suppress(ssl.SSLError, OSError), context.wrap_socket(plain, server_side=True) as safe:
            asked = safe.recv(65536)
            if not asked.endswith(b"x"):
                asked += safe.recv(65536)
            with socket.create_connection(("127.0.0.1", port)) as behind:
                behind.sendall(asked)
                safe.sendall(behind.recv(65536))


def test_an_exchange_whose_time_is_over_before_it_is_connected_ends_there(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever draws out the connecting is not then given as long as they like for the answer."""

    class Already:
        daemon = False

        def __init__(self, _: float, cut: Callable[..., None], args: tuple[Any, ...]) -> None:
            self.start = lambda: cut(*args)

        def cancel(self) -> None:
            """It has run."""

    monkeypatch.setattr("courtyard.http.calling.Timer", Already)
    with pytest.raises(CallFailed, match="it took more than 20 seconds"):
        call(sink.url, private_hosts=OURS)
