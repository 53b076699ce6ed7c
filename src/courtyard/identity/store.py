"""Identity's SQL: rows in and nouns out."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from courtyard.core.ids import KeyId, ModelName, OrganisationId, PersonId, ProjectId, Region, SessionId
from courtyard.core.principal import Role
from courtyard.identity.model import Key, Organisation, Person, Project
from courtyard.identity.tables import (
    keys as _keys,
)
from courtyard.identity.tables import (
    links as _links,
)
from courtyard.identity.tables import (
    organisations as _organisations,
)
from courtyard.identity.tables import (
    people as _people,
)
from courtyard.identity.tables import (
    projects as _projects,
)
from courtyard.identity.tables import (
    secrets as _secrets,
)
from courtyard.identity.tables import (
    sessions as _sessions,
)
from courtyard.identity.tables import (
    sign_ons as _sign_ons,
)


class SecretRow(NamedTuple):
    """A secret's digest, and until when it stands for its key."""

    digest: bytes
    key: KeyId
    prefix: str
    number: int
    until_ms: int | None


class SessionRow(NamedTuple):
    """A session as it is kept."""

    digest: bytes
    id: SessionId
    person: PersonId
    begun_at_ms: int
    expires_at_ms: int
    seen_at_ms: int


def read_organisations(db: Connection) -> list[Organisation]:
    rows = db.execute(select(_organisations).order_by(_organisations.c.created_at_ms, _organisations.c.id))
    return [
        Organisation(
            id=OrganisationId(row.id),
            name=row.name,
            home=tuple(Region(region) for region in row.home),
            created_at_ms=row.created_at_ms,
        )
        for row in rows
    ]


def read_projects(db: Connection) -> list[Project]:
    rows = db.execute(select(_projects).order_by(_projects.c.created_at_ms, _projects.c.id))
    return [
        Project(
            id=ProjectId(row.id),
            organisation=OrganisationId(row.organisation),
            name=row.name,
            created_at_ms=row.created_at_ms,
        )
        for row in rows
    ]


def read_people(db: Connection) -> list[Person]:
    """Read those who were not removed."""
    present = select(_people).where(_people.c.removed_at_ms.is_(None))
    return [_person(row) for row in db.execute(present.order_by(_people.c.created_at_ms, _people.c.id))]


def read_keys(db: Connection) -> list[Key]:
    """Read all keys, revoked ones too, each with the prefix of its newest secret."""
    secrets = read_secrets(db)
    newest = {secret.key: secret for secret in secrets}
    overlaps = {secret.key: secret.until_ms for secret in secrets if secret != newest[secret.key]}
    rows = db.execute(select(_keys).order_by(_keys.c.created_at_ms, _keys.c.id))
    return [_key(row, newest[row.id].prefix, overlaps.get(row.id)) for row in rows]


def read_secrets(db: Connection) -> list[SecretRow]:
    """Read every key's secrets, oldest first."""
    rows = db.execute(select(_secrets).order_by(_secrets.c.key, _secrets.c.number))
    return [SecretRow(bytes(row.digest), row.key, row.prefix, row.number, row.until_ms) for row in rows]


def read_sessions(db: Connection, *, now_ms: int) -> list[SessionRow]:
    rows = db.execute(select(_sessions).where(_sessions.c.expires_at_ms > now_ms))
    return [
        SessionRow(bytes(row.digest), row.id, row.person, row.begun_at_ms, row.expires_at_ms, row.seen_at_ms)
        for row in rows
    ]


def read_seen(db: Connection) -> list[tuple[bytes, int]]:
    """Read when each session was last used, as far as it was written."""
    return [
        (bytes(row.digest), row.seen_at_ms) for row in db.execute(select(_sessions.c.digest, _sessions.c.seen_at_ms))
    ]


def read_password(db: Connection, person: PersonId) -> str | None:
    return db.scalar(select(_people.c.password).where(_people.c.id == person))


def is_password(db: Connection, person: PersonId, hashed: str) -> bool:
    """Whether this is still a person's hash; it stays so until the transaction ends."""
    unchanged = select(_people.c.id).where(_people.c.id == person, _people.c.password == hashed)
    return db.scalar(unchanged.with_for_update()) is not None


def lock_person(db: Connection, person: PersonId) -> None:
    """Let one transaction at a time change a person and what is theirs.

    Each locks the person before keys, sessions and links, so that no two wait for each other.
    """
    db.execute(select(_people.c.id).where(_people.c.id == person).with_for_update())


def lock_operators(db: Connection) -> None:
    """Let one transaction at a time change who is an operator, so that two do not each count on the other's."""
    operators = select(_people.c.id).where(_people.c.role == Role.OPERATOR.value)
    db.execute(operators.order_by(_people.c.id).with_for_update())


def write_organisation(db: Connection, organisation: Organisation) -> None:
    db.execute(
        insert(_organisations).values(
            id=organisation.id,
            name=organisation.name,
            home=list(organisation.home),
            created_at_ms=organisation.created_at_ms,
        )
    )


def set_home(db: Connection, organisation: OrganisationId, home: Iterable[Region]) -> None:
    db.execute(update(_organisations).where(_organisations.c.id == organisation).values(home=list(home)))


def write_project(db: Connection, project: Project) -> None:
    db.execute(
        insert(_projects).values(
            id=project.id, organisation=project.organisation, name=project.name, created_at_ms=project.created_at_ms
        )
    )


def write_person(db: Connection, person: Person) -> None:
    db.execute(
        insert(_people).values(
            id=person.id,
            organisation=person.organisation,
            email=person.email,
            name=person.name,
            role=person.role.value,
            created_at_ms=person.created_at_ms,
        )
    )


def set_person(db: Connection, person: PersonId, *, name: str, email: str) -> None:
    db.execute(update(_people).where(_people.c.id == person).values(name=name, email=email))


def set_suspended(db: Connection, person: PersonId, *, at_ms: int | None) -> None:
    db.execute(update(_people).where(_people.c.id == person).values(suspended_at_ms=at_ms))


def set_external_id(db: Connection, person: PersonId, external_id: str | None) -> None:
    db.execute(update(_people).where(_people.c.id == person).values(external_id=external_id))


def set_role(db: Connection, person: PersonId, role: Role) -> None:
    db.execute(update(_people).where(_people.c.id == person).values(role=role.value))


def set_password(db: Connection, person: PersonId, hashed: str) -> None:
    db.execute(update(_people).where(_people.c.id == person).values(password=hashed))


def remove_person(db: Connection, person: PersonId, *, now_ms: int) -> None:
    """Take away a person's keys, sessions and links, and forget their name and address."""
    end_links(db, person)
    end_sessions(db, person)
    db.execute(delete(_sign_ons).where(_sign_ons.c.person == person))
    owned = _keys.c.person == person, _keys.c.revoked_at_ms.is_(None)
    db.execute(update(_keys).where(*owned).values(revoked_at_ms=now_ms))
    gone = {"email": None, "name": "removed", "password": None, "external_id": None, "removed_at_ms": now_ms}
    db.execute(update(_people).where(_people.c.id == person).values(gone))


def write_key(db: Connection, key: Key, digest: bytes) -> None:
    db.execute(
        insert(_keys).values(
            id=key.id,
            organisation=key.organisation,
            project=key.project,
            person=key.person,
            name=key.name,
            role=key.role.value,
            models=None if key.models is None else list(key.models),
            purpose=key.purpose,
            created_at_ms=key.created_at_ms,
            expires_at_ms=key.expires_at_ms,
        )
    )
    db.execute(insert(_secrets).values(digest=digest, key=key.id, prefix=key.prefix, number=1))


def rotate_key(db: Connection, key: KeyId, digest: bytes, prefix: str, *, until_ms: int) -> None:
    """Give a key a new secret; the newest of before works until `until_ms`, and any older one no longer."""
    latest = db.scalar(select(func.max(_secrets.c.number)).where(_secrets.c.key == key))
    assert latest is not None, f"key {key} has no secret"
    db.execute(delete(_secrets).where(_secrets.c.key == key, _secrets.c.number < latest))
    db.execute(update(_secrets).where(_secrets.c.key == key).values(until_ms=until_ms))
    db.execute(insert(_secrets).values(digest=digest, key=key, prefix=prefix, number=latest + 1))


def revoke_key(db: Connection, key: KeyId, *, now_ms: int) -> None:
    db.execute(update(_keys).where(_keys.c.id == key, _keys.c.revoked_at_ms.is_(None)).values(revoked_at_ms=now_ms))


def note_use(db: Connection, keys: Iterable[tuple[KeyId, int]], sessions: Iterable[tuple[bytes, int]]) -> None:
    """Write when keys and sessions were last used."""
    # In one order, so that no two processes wait for each other; and never back, since others write later uses.
    for key, at_ms in sorted(keys):
        earlier = _keys.c.used_at_ms.is_(None) | (_keys.c.used_at_ms < at_ms)
        db.execute(update(_keys).where(_keys.c.id == key, earlier).values(used_at_ms=at_ms))
    for digest, at_ms in sorted(sessions):
        before = _sessions.c.seen_at_ms < at_ms
        db.execute(update(_sessions).where(_sessions.c.digest == digest, before).values(seen_at_ms=at_ms))


def write_session(db: Connection, session: SessionRow) -> None:
    db.execute(insert(_sessions).values(session._asdict()))


def end_session(db: Connection, digest: bytes) -> None:
    db.execute(delete(_sessions).where(_sessions.c.digest == digest))


def end_sessions(db: Connection, person: PersonId) -> None:
    db.execute(delete(_sessions).where(_sessions.c.person == person))


def write_link(db: Connection, digest: bytes, person: PersonId, *, expires_at_ms: int) -> None:
    db.execute(insert(_links).values(digest=digest, person=person, expires_at_ms=expires_at_ms))


def end_links(db: Connection, person: PersonId) -> None:
    db.execute(delete(_links).where(_links.c.person == person))


def read_link(db: Connection, digest: bytes) -> PersonId | None:
    """Read whose a link is."""
    return db.scalar(select(_links.c.person).where(_links.c.digest == digest))


def use_link(db: Connection, digest: bytes, *, now_ms: int) -> bool:
    """Use a link up, or say that it is. Of those who try at once, one succeeds."""
    unused = _links.c.digest == digest, _links.c.used_at_ms.is_(None), _links.c.expires_at_ms > now_ms
    return db.execute(update(_links).where(*unused).values(used_at_ms=now_ms)).rowcount == 1


def sweep(db: Connection, *, now_ms: int, seen_since_ms: int) -> None:
    """Delete sessions and links that are over."""
    db.execute(delete(_links).where(_links.c.expires_at_ms <= now_ms))
    over = (_sessions.c.expires_at_ms <= now_ms) | (_sessions.c.seen_at_ms <= seen_since_ms)
    db.execute(delete(_sessions).where(over))


def _person(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        organisation=row.organisation,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        has_password=row.password is not None,
        is_suspended=row.suspended_at_ms is not None,
        external_id=row.external_id,
        created_at_ms=row.created_at_ms,
    )


def _key(row: Row[Any], prefix: str, overlap_until_ms: int | None) -> Key:
    return Key(
        id=KeyId(row.id),
        organisation=OrganisationId(row.organisation),
        project=ProjectId(row.project),
        person=row.person,
        name=row.name,
        role=Role(row.role),
        models=None if row.models is None else tuple(ModelName(name) for name in row.models),
        purpose=row.purpose,
        prefix=prefix,
        created_at_ms=row.created_at_ms,
        expires_at_ms=row.expires_at_ms,
        revoked_at_ms=row.revoked_at_ms,
        overlap_until_ms=overlap_until_ms,
        used_at_ms=row.used_at_ms,
    )
