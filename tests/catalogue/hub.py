"""A hub on this machine: real HTTP in the layouts of both kinds, with ranges, redirects, and lines that break."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

REPO = "maker/model-gguf"
COMMIT = "c0ffee"


@dataclass
class LocalHub:
    """What it holds and how it behaves; it writes down what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """By file name, all of one repository."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each of the next answers breaks off."""
    takes_ranges: bool = True
    states_digests: bool = True
    redirect_to: str | None = None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and range of each request."""

    @property
    def ranges(self) -> list[str | None]:
        return [range for method, _, range in self.asked if method == "GET"]


@contextmanager
def local_hub(**files: bytes) -> Iterator[LocalHub]:
    hub = LocalHub(files=dict(files))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            parts = urlsplit(self.path)
            hub.asked.append((self.command, self.path, self.headers.get("range")))
            if parts.path == f"/api/v1/models/{REPO}/repo/files":
                assert parse_qs(parts.query)["Revision"] == ["master"]
                self._send(200, json.dumps(_listing(hub)).encode())
                return
            where = _file_of(parts.path)
            data = hub.files.get(where or "")
            if data is None:
                self._send(404, b"no such file")
            elif hub.redirect_to is not None and not parts.path.startswith("/cdn/"):
                self._redirect(hub.redirect_to.format(file=where), data)
            else:
                self._send_file(data, body=body)

        def _redirect(self, to: str, data: bytes) -> None:
            self.send_response(302)
            self.send_header("location", to)
            self._facts(data)
            self.send_header("content-length", "0")
            self.end_headers()

        def _facts(self, data: bytes) -> None:
            if hub.states_digests:
                self.send_header("x-linked-etag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("x-linked-size", str(len(data)))
            self.send_header("x-repo-commit", COMMIT)

        def _send_file(self, data: bytes, *, body: bool) -> None:
            begin = 0
            asked = self.headers.get("range")
            if asked and hub.takes_ranges:
                begin = int(asked.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                self.send_header("content-range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            self._facts(data)
            self.send_header("content-length", str(len(data) - begin))
            self.end_headers()
            if body and hub.cuts:
                self.wfile.write(data[begin : begin + hub.cuts.pop(0)])
                self.close_connection = True
            elif body:
                with suppress(BrokenPipeError, ConnectionResetError):  # Who asked was killed, or has seen enough.
                    self.wfile.write(data[begin:])

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _file_of(path: str) -> str | None:
    """`/maker/model-gguf/resolve/main/x.gguf`, the same behind `/models`, or `/cdn/x.gguf`."""
    path = path.removeprefix("/models")
    for prefix in (f"/{REPO}/resolve/main/", f"/{REPO}/resolve/master/", f"/{REPO}/resolve/{COMMIT}/", "/cdn/"):
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    return None


def _listing(hub: LocalHub) -> dict[str, object]:
    files = [
        {"Path": name, "Size": len(data), "Sha256": hashlib.sha256(data).hexdigest() if hub.states_digests else ""}
        for name, data in hub.files.items()
    ]
    return {"Code": 200, "Data": {"Files": files}}
