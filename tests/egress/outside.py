"""A provider outside: OpenAI's API behind TLS, under a certificate of an authority of its own."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from courtyard.egress.dialing import pin_of
from tests.engines.upstream_server import UpstreamServer, _no_signals

KEY = "sk-of-the-provider"


@dataclass
class Certified:
    """A certificate for this machine, and who stands behind it."""

    file: Path
    key: Path
    ca: str
    pin: str


def certified(directory: Path) -> Certified:
    """Make an authority, and have it certify an address of this machine."""
    directory.mkdir(parents=True, exist_ok=True)
    authority, own = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root = _certificate("Outside CA", authority, "Outside CA", authority, is_authority=True)
    leaf = _certificate("outside", own, "Outside CA", authority, is_authority=False)
    file, key = directory / "outside.pem", directory / "outside.key"
    file.write_bytes(leaf.public_bytes(Encoding.PEM))
    key.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Certified(file, key, root.public_bytes(Encoding.PEM).decode(), pin_of(leaf.public_bytes(Encoding.DER)))


def _certificate(
    name: str, key: EllipticCurvePrivateKey, issuer: str, signs: EllipticCurvePrivateKey, *, is_authority: bool
) -> x509.Certificate:
    now = datetime.now(tz=UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signs.public_key()), critical=False)
        .sign(signs, SHA256())
    )


@asynccontextmanager
async def outside(shown: Certified, **options: Any) -> AsyncIterator[UpstreamServer]:
    """Serve a provider on a free port; `options` are the echo engine's."""
    app = UpstreamServer(**options)
    app.key = KEY
    config = uvicorn.Config(
        app,
        port=0,
        lifespan="off",
        ws="none",
        log_config=None,
        timeout_graceful_shutdown=1,
        ssl_certfile=str(shown.file),
        ssl_keyfile=str(shown.key),
    )
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign] - The test's own loop keeps its handlers.
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it.
        await asyncio.sleep(0.005)
    app.url = f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield app
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def gushing(shown: Certified) -> AsyncIterator[str]:
    """A provider that never stops talking."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.file, shown.key)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        try:
            while True:
                writer.write(b": more\n\n" * 8192)
                await writer.drain()
        except OSError:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
