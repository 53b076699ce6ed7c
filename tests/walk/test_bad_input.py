"""Whatever comes in, a clear error goes out, in the caller's dialect, and the next request is served."""

import contextlib
import json
import socket

import pytest

from tests.walk.load import BODY, post
from tests.walk.wire import wired

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


def _deep(levels: int) -> bytes:
    return b'{"model":"echo","messages":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b"", 400, "invalid_request"),
        (b'{"model": "echo", "messages": "\xff\xfe"}', 400, "invalid_request"),
        (_deep(100_000), 400, "invalid_request"),
        ({"model": "echo"}, 400, "invalid_request"),
        ({"model": 7, "messages": []}, 400, "invalid_request"),
        ({"model": "echo", "messages": [{"role": "user", "content": 7}]}, 400, "invalid_request"),
        (BODY | {"model": "no-such-model"}, 404, "model_not_found"),
        (BODY | {"max_tokens": -1}, 400, "invalid_request"),
    ],
)
@pytest.mark.parametrize("door", [CHAT, MESSAGES])
def test_what_makes_no_sense_is_refused(server, door, body, status, code):
    """Each mistake has its status and its code, at both doors."""
    if isinstance(body, dict) and door == MESSAGES:
        body = {"max_tokens": 10} | body
    answered, headers, answer = post(server, door, body)
    error = json.loads(answer)

    assert (answered, error["error"]["code"]) == (status, code)
    assert error["error"]["message"]
    assert ("request_id" in error) == (door == MESSAGES)
    assert headers["x-request-id"]


def test_a_body_of_100_mb_is_refused_at_once(server):
    """It is declared, so not a byte of it is read."""
    with wired(server) as wire:
        wire.send(wire.head(CHAT, length=100 * 1024 * 1024))
        refused = wire.answer()

    assert (refused.status, refused.error["code"]) == (413, "body_too_large")


def test_a_body_without_a_length_is_refused_when_it_grows_too_large(server):
    """Chunk by chunk, it is cut off at its first byte too many."""
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(server.address) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.api_key}\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        connection.settimeout(20)
        answer = b""
        try:
            for _ in range(1600):
                connection.sendall(piece)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            answer = connection.recv(65536)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("key", ["", "cy_wrong", "x" * 10_000, "cy_\u00e9"])
def test_a_key_that_nobody_knows_is_a_401(server, key):
    """Unknown keys are refused before the body is read, and are not repeated in the answer."""
    with socket.create_connection(server.address) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        connection.sendall(f"{head}Content-Length: 2\r\n\r\n{{}}".encode("latin-1"))
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 401")
    assert not key or key.encode("latin-1") not in answer


def test_the_server_serves_on(server):
    """After all of that, a plain question is answered."""
    status, _, _ = post(server, CHAT, BODY)

    assert status == 200
