"""Secrets of an installation: from the environment, or from files only the owner may read."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SECRET_BYTES = 32


def variable(name: str) -> str:
    """Name the environment variable that takes a secret's place."""
    return f"COURTYARD_SECRET_{name.upper().replace('-', '_')}"


class Keyring:
    """Named secrets of 32 bytes, made on first use and kept in `directory` with mode 0600.

    `COURTYARD_SECRET_<NAME>` in the environment (64 hex digits; `NODE_2` for `node-2`) takes the place of the file, for
    installations whose secrets come from a manager.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def secret(self, name: str) -> bytes:
        """Read a secret, or make it.

        Raises:
            ValueError: the environment or the file holds something that is not 64 hex digits.
        """
        given = os.environ.get(variable(name))
        text = given if given is not None else self._read_or_make(self._directory / f"{name}.key")
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError as error:
            raise ValueError(f"secret {name!r} must be 64 hex digits") from error
        if len(secret) != _SECRET_BYTES:
            raise ValueError(f"secret {name!r} must be 64 hex digits, not {2 * len(secret)}")
        return secret

    def signing_key(self, name: str) -> Ed25519PrivateKey:
        """Read the secret as an Ed25519 private key (RFC 8032)."""
        return Ed25519PrivateKey.from_private_bytes(self.secret(name))

    def keep(self, name: str, text: str) -> None:
        """Write a text that only the owner may read, in place of any before it."""
        os.replace(self._written(text), self._directory / name)

    def kept(self, name: str) -> str | None:
        """Read a text that was kept, or nothing."""
        path = self._directory / name
        return path.read_text() if path.exists() else None

    def _read_or_make(self, path: Path) -> str:
        """Read a file; where there is none, put a whole one in its place, or take the one that came first."""
        if path.exists():
            return path.read_text()
        whole = self._written(secrets.token_hex(_SECRET_BYTES))
        try:
            with contextlib.suppress(FileExistsError):
                os.link(whole, path)
        finally:
            os.unlink(whole)
        return path.read_text()

    def _written(self, text: str) -> str:
        """Write a text to a file of its own, durable and with mode 0600, and name it."""
        descriptor, name = tempfile.mkstemp(dir=self._directory)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return name
