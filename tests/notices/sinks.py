"""What notices are sent to in tests: a real HTTP server and a real mail server, on sockets of this machine."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Semaphore, Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Heard:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


@dataclass
class Sink:
    """An HTTP server that keeps what it hears and answers as it is told."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard], Answer] = lambda _: (204, {}, b"")


@contextmanager
def http_sink() -> Iterator[Sink]:
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            heard = Heard(
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
                method=self.command,
            )
            sink.heard.append(heard)
            status, headers, body = sink.answer(heard)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """A mail server's address, and what it took."""

    host: str = ""
    port: int = 0
    letters: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuse: str = ""
    sign_ins: list[tuple[str, str]] = field(default_factory=list)
    arrived: Semaphore | None = None
    """Is told of each letter."""


@contextmanager
def smtp_sink(tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """A mail server; with `tls` one that takes letters only from whoever encrypts and signs in."""
    mailbox = Mailbox()

    def signs_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        mailbox.sign_ins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=True)

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            if mailbox.refuse:
                return mailbox.refuse
            assert isinstance(envelope.content, bytes)
            mailbox.letters.append(message_from_bytes(envelope.content))
            mailbox.recipients.extend(envelope.rcpt_tos)
            if mailbox.arrived is not None:
                mailbox.arrived.release()
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        mailbox.host, mailbox.port = free.getsockname()[:2]
    strict = {} if tls is None else {"require_starttls": True, "auth_required": True, "authenticator": signs_in}
    controller = Controller(Handler(), hostname=mailbox.host, port=mailbox.port, tls_context=tls, **strict)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def certificate_for(directory: Path, name: str) -> tuple[Path, Path]:
    """A key, and a certificate for a name that is its own authority."""
    secret = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(tz=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return key, certificate
