"""People in records that nobody can change: keyed digests, each under a key of the person's own.

Where a log only grows, it holds such a digest. Erasing a person destroys their key: the digest stays, and nobody can
say any more whose it was (GDPR article 17; PIPL article 47).
"""

import asyncio
import hmac
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha256

from courtyard.core.clock import Clock
from courtyard.privacy import store
from courtyard.privacy.model import Name
from courtyard.privacy.vault import Wrapping
from courtyard.storage import Database, Keyring, bump

_SALT_BYTES = 32
_REMEMBERED_MAX = 100_000


class Digests:
    """Digests of people, keys and end users, 64 hex digits each. From memory, but for the first time in a process."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._wrapping = Wrapping(keyring, "salts")
        self._known: OrderedDict[str, str] = OrderedDict()
        self._restricted: frozenset[str] | None = None
        self._lock = threading.Lock()

    def known(self, organisation: str, kind: str, value: str) -> str | None:
        """Return a digest that this process has used, or nothing."""
        return self._known.get(self._name(organisation, kind, value))

    async def of(self, organisation: str, kind: str, value: str) -> str:
        """Return the digest of a person (`person`), a key (`key`) or an end user whom a caller named (`subject`)."""
        known = self.known(organisation, kind, value)
        return await asyncio.to_thread(self.digest, organisation, kind, value) if known is None else known

    def digest(self, organisation: str, kind: str, value: str) -> str:
        """Return the same, reading or making their key by SQL if need be."""
        return self._digest(self._name(organisation, kind, value), make=True)

    def is_restricted(self, digest: str) -> bool:
        """Whether somebody's data is kept and not used (GDPR article 18; PIPL article 47), if this process met them."""
        return self._restricted is not None and digest in self._restricted

    def find(self, organisation: str, names: Iterable[Name]) -> dict[Name, str]:
        """Return the digests of those who have one: nobody gets one by being looked for."""
        found = {name: self._digest(self._name(organisation, name.kind, name.value), make=False) for name in names}
        return {name: digest for name, digest in found.items() if digest}

    def destroy(self, organisation: str, names: Iterable[Name]) -> int:
        """Destroy the keys of these, and say of how many."""
        with self._database.transaction() as db:
            destroyed = [store.destroy_salt(db, self._name(organisation, one.kind, one.value)) for one in names]
            bump(db, "privacy")
        store.shred(self._database)
        self.reload()
        return sum(destroyed)

    def reload(self) -> None:
        """Forget what is in memory, where somebody may have been erased."""
        with self._lock:
            self._known.clear()
            self._restricted = None

    def _name(self, organisation: str, kind: str, value: str) -> str:
        return self._wrapping.digest(organisation, kind, value)

    def _digest(self, name: str, *, make: bool) -> str:
        with self._database.reading() as db:
            sealed = store.read_salt(db, name)
            restricted = store.read_restricted(db)
        if sealed is None and not make:
            return ""
        if sealed is None:
            sealed = self._made(name)
        digest = hmac.digest(self._wrapping.open(sealed, name), name.encode(), sha256).hex()
        with self._lock:
            self._restricted = restricted
            self._known[name] = digest
            if len(self._known) > _REMEMBERED_MAX:
                self._known.popitem(last=False)
        return digest

    def _made(self, name: str) -> bytes:
        with self._database.transaction() as db:
            new = self._wrapping.seal(os.urandom(_SALT_BYTES), name)
            store.write_salt(db, name, new, at_ms=self._clock.now_ms())
            sealed = store.read_salt(db, name)
        assert sealed is not None, "a salt was just written"
        return sealed
