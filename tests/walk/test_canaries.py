"""Nothing raw: canaries go through every door, also where it fails, and are found in nothing that the house writes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.walk.server import Running, serving

CANARIES = (
    "Quillfeather Ossington",
    "quill.ossington@canary.example",
    "11010519491231002X",
    "4111111111111111",
    "+49 151 23456789",
    "cn4ry-s3cret-0f-Quill",
    "欧阳翡翠",
    "customer-ossington-77",
)
SAID = (
    "I am Quillfeather Ossington (欧阳翡翠), quill.ossington@canary.example, id 11010519491231002X, "
    "card 4111111111111111, phone +49 151 23456789, password cn4ry-s3cret-0f-Quill."
)
WHO = "customer-ossington-77"


class Collector(ThreadingHTTPServer):
    """Takes traces and keeps them as they came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        thread = Thread(target=collector.serve_forever)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def exchanges() -> list[tuple[str, Any, dict[str, str]]]:
    """What is sent: to each door what it takes, and to each what it refuses, with canaries wherever text may stand."""
    message = {"role": "user", "content": SAID}
    parts = {"role": "user", "content": [{"type": "text", "text": SAID}]}
    tool = {
        "type": "function",
        "function": {"name": "write", "description": SAID, "parameters": {"type": "object", "title": SAID}},
    }
    chat = {"model": "echo", "messages": [message], "user": WHO, "max_tokens": 200}
    good = [
        ("/v1/chat/completions", chat),
        ("/v1/chat/completions", chat | {"stream": True, "messages": [parts]}),
        ("/v1/chat/completions", chat | {"tools": [tool], "tool_choice": "required"}),
        ("/v1/completions", {"model": "echo", "prompt": SAID, "max_tokens": 200, "user": WHO}),
        ("/v1/embeddings", {"model": "echo", "input": [SAID], "user": WHO}),
        ("/v1/responses", {"model": "echo", "input": SAID, "instructions": SAID, "safety_identifier": WHO}),
        ("/v1/messages", {"model": "echo", "max_tokens": 200, "messages": [message], "metadata": {"user_id": WHO}}),
    ]
    refused = [(door, body | wrong) for door, body in good for wrong in ({"model": SAID}, {"max_tokens": SAID})]
    broken: list[tuple[str, Any]] = [
        ("/v1/chat/completions", json.dumps(chat)[:-9]),
        ("/v1/chat/completions", chat | {"messages": [{"role": SAID, "content": SAID}]}),
        ("/v1/chat/completions", chat | {"messages": [{"role": "user", "content": {"deep": SAID}}]}),
        ("/v1/chat/completions", chat | {"messages": SAID}),
        ("/v1/chat/completions", chat | {"stream": SAID, "temperature": SAID}),
        ("/v1/embeddings", {"model": "echo", "input": {"text": SAID}}),
        ("/v1/messages", {"model": "echo", "messages": [message]}),
        ("/v1/responses", {"model": "echo", "input": [{"type": "item_reference", "id": SAID}]}),
    ]
    wrong_key = [(door, body, {"Authorization": "Bearer cy_nobody"}) for door, body in good]
    return [*((door, body, {}) for door, body in (*good, *refused, *broken)), *wrong_key]


def send(server: Running, door: str, body: Any, headers: dict[str, str]) -> int:
    connection = HTTPConnection(*server.address, timeout=30)
    try:
        given = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json", **headers}
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        connection.request("POST", door, text.encode(), given)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def stands(canary: str, content: bytes) -> bool:
    """Whether a canary is in a file, as programs may write it."""
    plain, escaped = canary.encode(), json.dumps(canary)[1:-1].encode()
    return any(one in content for one in (plain, escaped, canary.encode("utf-16-le")))


def test_what_callers_send_is_found_nowhere(tmp_path: Path) -> None:
    """Not in the log, traces, database, journal, evidence, nor any other file, whatever was answered, nor in a core."""
    with collecting() as collector:
        environ = {
            "COURTYARD_TELEMETRY__LOG_FORMAT": "json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        }
        with serving(tmp_path / "data", environ=environ) as server:
            statuses = [send(server, *one) for one in exchanges()]
            limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    files = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written = files | {f"trace {number}": body for number, body in enumerate(collector.bodies)}

    assert statuses.count(200) >= 5
    assert {400, 401, 404} <= set(statuses)
    assert 500 not in statuses
    assert any(name.startswith("trace") for name in written)
    assert [line.split()[4] for line in limits.splitlines() if line.startswith("Max core file size")] == ["0"]
    assert not [(name, canary) for name, content in written.items() for canary in CANARIES if stands(canary, content)]
