"""Opens connections to endpoints: to a public address, under a certificate that verifies and whose key is pinned."""

import asyncio
import hmac
import socket
import ssl
from hashlib import sha256
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from courtyard.catalogue import Endpoint
from courtyard.egress.model import Untrusted
from courtyard.engines import Connection
from courtyard.http import Address, ip_of, is_for_machines, is_public


class Dialing:
    """Dials one endpoint.

    The address that was looked at is the one that is dialled, so a name that changes its mind in between leads nowhere.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        parts = urlsplit(endpoint.url)
        assert parts.hostname is not None, "an endpoint has a host"
        self._host = parts.hostname
        self._port = parts.port or 443
        self._endpoint = endpoint
        self._tls = ssl.create_default_context(cadata=endpoint.ca or None)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2

    async def __call__(self) -> Connection:
        """Open a connection to who is known there.

        Raises:
            OSError: nobody answers.
            Untrusted: the address, the certificate or its key is another than may be.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        addresses = [address for entry in found if (address := ip_of(str(entry[4][0])))]
        self._check(addresses)
        failure: OSError = ConnectionError(f"{self._host} stands for no address")
        for address in addresses:
            try:
                transport, connection = await loop.create_connection(
                    Connection, str(address), self._port, ssl=self._tls, server_hostname=self._host
                )
            except ssl.SSLCertVerificationError as error:
                raise Untrusted(f"the certificate of {self._host} does not verify: {error.verify_message}") from error
            except OSError as error:
                failure = error
            else:
                self._check_key(transport, connection)
                return connection
        raise failure

    def _check(self, addresses: list[Address]) -> None:
        """Refuse a name that stands for an address inside, unless the operator said that it may."""
        for address in addresses:
            is_allowed = is_public(address) or (self._endpoint.private and not is_for_machines(address))
            if not is_allowed:
                raise Untrusted(f"{self._host} stands for an address of a private network; say so with private: true")

    def _check_key(self, transport: asyncio.Transport, connection: Connection) -> None:
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        pin = pin_of(certificate)
        if not any(hmac.compare_digest(pin, known) for known in self._endpoint.pins):
            connection.abort()
            raise Untrusted(f"{self._host} shows a certificate whose key is not pinned (its pin is {pin})")


def pin_of(certificate: bytes) -> str:
    """Digest the public key of a certificate: SHA-256 of its SubjectPublicKeyInfo (RFC 5280, 4.1; RFC 7469, 2.4)."""
    key = load_der_x509_certificate(certificate).public_key()
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
