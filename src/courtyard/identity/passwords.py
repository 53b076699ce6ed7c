"""Passwords: hashed with argon2id, checked in constant time, a few at a time."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from courtyard.core.errors import Busy
from courtyard.identity.model import IdentitySettings

_AT_ONCE = 2
"""Each hashing takes its memory, so a flood of sign-ins waits instead of filling the machine."""
_WAITING_MAX = 2
"""Each one that waits takes a thread, and others need threads too."""
_RETRY_S = 2


class Passwords:
    """Hashes and verifies. Both take tens of milliseconds by design: call them from a thread.

    Raises `Busy` where too many are at it already.
    """

    def __init__(self, settings: IdentitySettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
        )
        self._places = BoundedSemaphore(_AT_ONCE)
        self._seats = BoundedSemaphore(_AT_ONCE + _WAITING_MAX)
        self._decoy = _nobodys_hash(settings)

    def hash(self, password: str) -> str:
        """Hash a password with a fresh salt."""
        with self._place():
            return self._hasher.hash(_bytes(password))

    def verify(self, password: str, hashed: str | None) -> bool:
        """Check a password. Without a hash it takes as long, and is wrong: nobody learns who has one."""
        with self._place():
            try:
                return self._hasher.verify(hashed or self._decoy, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False

    def is_dated(self, hashed: str) -> bool:
        """Whether a hash was made with other parameters than are set now."""
        return self._hasher.check_needs_rehash(hashed)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._seats.acquire(blocking=False):
            raise Busy("too many people are signing in; try again", retry_after_s=_RETRY_S)
        try:
            with self._places:
                yield
        finally:
            self._seats.release()


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # What is no text is a password all the same: a wrong one.


def _nobodys_hash(settings: IdentitySettings) -> str:
    """Write a hash that no password has, with the parameters in force."""
    cost = f"m={settings.argon2_memory_kib},t={settings.argon2_time_cost},p={settings.argon2_parallelism}"
    salt, digest = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19${cost}${salt}${digest}"
