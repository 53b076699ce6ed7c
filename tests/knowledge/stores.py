"""Servers for sources: pages that change and lead elsewhere, and a bucket that checks signatures."""

import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-test-1"


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve on a free port of this machine, and say which."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet(BaseHTTPRequestHandler):
    """Answers and says nothing of it."""

    def log_message(self, *_: Any) -> None: ...

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def pages(known: dict[str, tuple[int, bytes, dict[str, str]]], asked: list[tuple[str, int]]) -> type[Quiet]:
    """Answer by a table of paths; what has not changed is said to be so."""

    class Pages(Quiet):
        def do_GET(self) -> None:
            status, body, headers = known.get(self.path, (404, b"", {}))
            if status == 200 and headers.get("etag") and self.headers.get("if-none-match") == headers["etag"]:
                status, body = 304, b""
            asked.append((self.path, status))
            self.answer(status, body, **headers)

    return Pages


def bucket(name: str, objects: dict[str, bytes], asked: list[str], *, page: int = 2) -> type[Quiet]:
    """Answer as a store with one bucket, to those who know the secret key; a list has `page` objects a piece."""

    class Bucket(Quiet):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            asked.append(path)
            if not _is_signed(self):
                self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
            elif path == f"/{name}" and query.get("list-type") == "2":
                self.answer(200, _listing(objects, query, page), content_type="application/xml")
            elif (found := objects.get(unquote(path).removeprefix(f"/{name}/"))) is not None:
                self.answer(200, found)
            else:
                self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    return Bucket


def _listing(objects: dict[str, bytes], query: dict[str, str], page: int) -> bytes:
    keys = sorted(
        key for key in objects if key.startswith(query["prefix"]) and key > query.get("continuation-token", "")
    )
    entries = "".join(
        f"<Contents><Key>{key}</Key><Size>{len(objects[key])}</Size>"
        f"<ETag>{hashlib.md5(objects[key]).hexdigest()}</ETag></Contents>"
        for key in keys[:page]
    )
    more = len(keys) > page
    token = f"<NextContinuationToken>{keys[page - 1]}</NextContinuationToken>" if more else ""
    head = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    return f"{head}<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>".encode()


def _is_signed(request: BaseHTTPRequestHandler) -> bool:
    """Check a signature as the store does, from what came in alone."""
    said = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,SignedHeaders=([^,]+),Signature=(\w+)",
        request.headers.get("authorization", ""),
    )
    if said is None or (said[1], said[3]) != (KEY, REGION):
        return False
    path, _, query = request.path.partition("?")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join(
        [
            "GET",
            path,
            "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs),
            *(f"{name}:{request.headers[name]}" for name in said[4].split(";")),
            "",
            said[4],
            request.headers["x-amz-content-sha256"],
        ]
    )
    scope = f"{said[2]}/{said[3]}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    key = ("AWS4" + SECRET).encode()
    for part in (said[2], said[3], "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex() == said[5]
