"""The snapshot in force, and the one way to change what it shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, NotFound
from courtyard.core.ids import KeyId, OrganisationId, PersonId, ProjectId, Region
from courtyard.identity import snapshot, store
from courtyard.identity.model import IdentitySettings, Key, Organisation, Person, Project
from courtyard.identity.snapshot import Snapshot
from courtyard.identity.tokens import Digester
from courtyard.storage import Database, Keyring, bump

ROOM = "identity"

_Name = TypeVar("_Name", KeyId, bytes)
_Thing = TypeVar("_Thing")


class Memory:
    """What all of identity stands on. Reads are from memory; a change is a transaction, and then a new snapshot."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        home: Region,
        settings: IdentitySettings = IdentitySettings(),
    ) -> None:
        self._database = database
        self._clock = clock
        self._home = home
        self._settings = settings
        self._digest = Digester(keyring.secret("pepper"))
        self._known = Snapshot()
        self._keys_used: dict[KeyId, int] = {}
        self._sessions_seen: dict[bytes, int] = {}
        self._written: dict[KeyId | bytes, int] = {}
        self._reloading = Lock()
        self.reload()

    @property
    def settings(self) -> IdentitySettings:
        """How long sign-ins last, and what passwords must bear."""
        return self._settings

    def reload(self) -> None:
        """Read everything again: another process changed something."""
        # What is read later is also put in place later, or a slow reader would bring back what was revoked.
        with self._reloading, self._database.reading() as db:
            self._known = snapshot.take(db, home=self._home, digester=self._digest, now_ms=self._clock.now_ms())

    def flush(self) -> None:
        """Write when keys and sessions were last used here, and read when sessions were used elsewhere.

        Cheap enough for every minute, and needed more often than sessions may idle.
        """
        keys = _due(self._keys_used.copy(), self._written)
        sessions = _due(self._sessions_seen.copy(), self._written)
        if keys or sessions:
            with self._database.transaction() as db:
                store.note_use(db, keys, sessions)
            self._written.update(keys)
            self._written.update(sessions)
        with self._database.reading() as db:
            elsewhere = store.read_seen(db)
        for digest, at_ms in elsewhere:
            if at_ms > self._sessions_seen.get(digest, 0):
                self._sessions_seen[digest] = self._written[digest] = at_ms
        known = self._known.sessions
        for digest in [digest for digest in self._sessions_seen.copy() if digest not in known]:
            self._sessions_seen.pop(digest, None)
            self._written.pop(digest, None)

    def organisation(self, organisation: OrganisationId) -> Organisation:
        """Look up an organisation, or raise `NotFound`."""
        return _found(self._known.organisations.get(organisation), "organisation", organisation)

    def project(self, project: ProjectId) -> Project:
        """Look up a project, or raise `NotFound`."""
        return _found(self._known.projects.get(project), "project", project)

    def person(self, person: PersonId) -> Person:
        """Look up a person, or raise `NotFound`."""
        return _found(self._known.people.get(person), "person", person)

    def key(self, key: KeyId) -> Key:
        """Look up a key, or raise `NotFound`."""
        return _found(self._known.keys.get(key), "key", key)

    @contextmanager
    def _changing(self, *, taken: str = "that stands already") -> Iterator[Connection]:
        """Open a transaction that other processes hear of, and whose outcome is in memory when the block has ended.

        `taken` is what to say when it breaks a uniqueness.
        """
        try:
            with self._database.transaction() as db:
                yield db
                bump(db, ROOM)
        except IntegrityError:
            # The driver's message holds what was written, so it is not carried along.
            raise Conflict(taken) from None
        self.reload()


def _due(used: dict[_Name, int], written: dict[KeyId | bytes, int]) -> list[tuple[_Name, int]]:
    return [(name, at_ms) for name, at_ms in used.items() if at_ms > written.get(name, 0)]


def _found(thing: _Thing | None, what: str, id: str) -> _Thing:
    if thing is None:
        raise NotFound(f"there is no {what} {id!r}")
    return thing
