"""Keys of organisations, wrapped by the keyring, and what their tokens stand for where that is kept.

A request's tokens are made from the key and forgotten with the request: the vault keeps an entry only where somebody
asked for it, since what is not stored needs no erasing. Destroying the key makes entries unreadable and tokens made
before untraceable.
"""

import hmac
import os
import threading
from collections.abc import Mapping
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, NotFound
from courtyard.core.ids import new_id
from courtyard.privacy import store
from courtyard.privacy.folding import fold
from courtyard.privacy.store import Entry, KeyRow
from courtyard.storage import Database, Keyring, bump

_SECRET = "pepper"  # noqa: S105 - It is a name.
"""The secret of the keyring from which those here are derived: every machine of a house has the same one."""

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Wrapping:
    """Seals small secrets under the keyring's, each for one name: moved to another place it does not open."""

    def __init__(self, keyring: Keyring, use: str) -> None:
        self._secret = hmac.digest(keyring.secret(_SECRET), f"courtyard-privacy/1 {use}".encode(), sha256)
        self._cipher = AESGCM(self._secret)

    def seal(self, secret: bytes, name: str) -> bytes:
        """Seal a secret."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Open what was sealed for this name.

        Raises:
            Conflict: it was not, or the keyring's secret is another one.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise Conflict(f"secret {_SECRET!r} is not the one that sealed this; bring that one back") from None

    def digest(self, *names: str) -> str:
        """Digest names under the secret."""
        return hmac.digest(self._secret, "\0".join(names).encode("utf-8", "surrogatepass"), sha256).hex()


class Vault:
    """The organisations' keys. What reads one for the first time runs SQL, so call it from a thread."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._wrapping = Wrapping(keyring, "keys")
        self._keys: dict[str, tuple[str, bytes]] = {}
        self._lock = threading.Lock()

    def key(self, organisation: str) -> bytes:
        """Return the key that an organisation's tokens are made with, and make it if there is none."""
        return _derived(self._key(organisation)[1], "tokens")

    def remember(self, organisation: str, tokens: Mapping[str, str]) -> None:
        """Keep what tokens stand for, so that a text can be restored another day."""
        id, key = self._key(organisation)
        entries = [_sealed(key, token, value) for token, value in tokens.items()]
        with self._database.transaction() as db:
            store.write_entries(db, id, entries, at_ms=self._clock.now_ms())

    def tokens(self, organisation: str) -> dict[str, str]:
        """Return all that was kept for an organisation: what stands for what."""
        id, key = self._key(organisation)
        with self._database.reading() as db:
            sealed = store.read_entries(db, id)
        return dict(_opened(key, one) for one in sealed)

    def forget(self, organisation: str, tokens: Mapping[str, str]) -> int:
        """Delete what some tokens stand for."""
        id, key = self._key(organisation)
        with self._database.transaction() as db:
            deleted = store.delete_entries(db, id, [_digest(key, token) for token in tokens])
        store.shred(self._database)
        return deleted

    def destroy(self, organisation: str) -> str:
        """Destroy an organisation's key, and return its id. What was made with it stays unreadable for ever.

        Raises:
            NotFound: it has none.
        """
        with self._database.transaction() as db:
            found = store.read_key(db, organisation)
            if found is None:
                raise NotFound("this organisation has no key: nothing of it was masked yet")
            store.destroy_key(db, found.id, at_ms=self._clock.now_ms())
            bump(db, "privacy")
        store.shred(self._database)
        self.reload()
        return found.id

    def reload(self) -> None:
        """Forget what is in memory: it is read again when it is needed."""
        with self._lock:
            self._keys = {}

    def _key(self, organisation: str) -> tuple[str, bytes]:
        known = self._keys.get(organisation)
        if known is None:
            known = self._read_or_make(organisation)
            with self._lock:
                self._keys[organisation] = known
        return known

    def _read_or_make(self, organisation: str) -> tuple[str, bytes]:
        with self._database.transaction() as db:
            found = store.read_key(db, organisation)
            if found is None:
                id = new_id("vault")
                wrapped = self._wrapping.seal(os.urandom(_KEY_BYTES), f"{organisation}\0{id}")
                store.write_key(db, organisation, KeyRow(id, wrapped), at_ms=self._clock.now_ms())
                found = store.read_key(db, organisation)
                assert found is not None, "a key was just written"
        return found.id, self._wrapping.open(found.wrapped, f"{organisation}\0{found.id}")


def _derived(key: bytes, use: str) -> bytes:
    return hmac.digest(key, f"courtyard-vault/1 {use}".encode(), sha256)


def _digest(key: bytes, token: str) -> str:
    return hmac.digest(_derived(key, "digests"), fold(token).encode(), sha256).hex()


def _cipher(key: bytes) -> AESSIV:
    """The same value is sealed to the same bytes (RFC 5297), so that keeping it twice keeps it once."""
    return AESSIV(_derived(key, "entries 1") + _derived(key, "entries 2"))


def _sealed(key: bytes, token: str, value: str) -> Entry:
    return Entry(_digest(key, token), _cipher(key).encrypt(msgspec.json.encode((token, value)), None))


def _opened(key: bytes, sealed: bytes) -> tuple[str, str]:
    return msgspec.json.decode(_cipher(key).decrypt(sealed, None), type=tuple[str, str])
