"""Secrets that all machines of one house share: the database knows them by fingerprint, and refuses a stranger."""

from collections.abc import Iterable
from hashlib import sha256

from sqlalchemy import BigInteger, Column, Connection, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from courtyard.core.clock import Clock
from courtyard.core.errors import Unavailable
from courtyard.storage.database import Database, metadata
from courtyard.storage.keyring import Keyring

_secrets = Table(
    "secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)


class WrongSecrets(Unavailable):
    """The secrets of this machine are not those that the database was made with."""

    code = "wrong_secrets"


def fingerprint(name: str, secret: bytes) -> str:
    """Say which secret it is, and nothing of what it is: it has 256 random bits."""
    return sha256(b"courtyard-secret/1\n" + name.encode() + b"\n" + secret).hexdigest()


class SharedSecrets:
    """The secrets of these names, here and in the database."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock, names: Iterable[str]) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._names = tuple(names)

    def check(self) -> None:
        """Have the database know the secrets of this machine, or refuse them.

        Raises:
            WrongSecrets: the database knows others.
        """
        here = self._here()
        known = self._known()
        if missing := here.keys() - known.keys():
            self._write({name: here[name] for name in missing})
            known = self._known()
        if wrong := sorted(name for name in here if known[name] != here[name]):
            raise WrongSecrets(
                f"this machine has another secret than its database was made with: {', '.join(wrong)}; bring those "
                "of a machine that serves it with `courtyard secrets export` there and `courtyard secrets import` "
                "here, or, if they are lost for ever, see `courtyard secrets accept --help`"
            )

    def accept(self) -> None:
        """Have the database know the secrets of this machine from now on, whatever it knew."""
        here = self._here()
        with self._database.transaction() as db:
            db.execute(delete(_secrets).where(_secrets.c.name.in_(here)))
            self._insert(db, here)

    def _here(self) -> dict[str, str]:
        return {name: fingerprint(name, self._keyring.secret(name)) for name in self._names}

    def _known(self) -> dict[str, str]:
        with self._database.reading() as db:
            return {row.name: row.fingerprint for row in db.execute(select(_secrets.c.name, _secrets.c.fingerprint))}

    def _write(self, prints: dict[str, str]) -> None:
        try:
            with self._database.transaction() as db:
                self._insert(db, prints)
        except IntegrityError:
            return  # Another process was first; whether with the same secrets is looked at next.

    def _insert(self, db: Connection, prints: dict[str, str]) -> None:
        now_ms = self._clock.now_ms()
        db.execute(
            insert(_secrets),
            [{"name": name, "fingerprint": printed, "at_ms": now_ms} for name, printed in prints.items()],
        )
