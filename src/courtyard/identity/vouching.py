"""SQL of those who vouch for people: providers of single sign-on, and directories."""

from sqlalchemy import Connection, insert, select, update

from courtyard.core.ids import OrganisationId, PersonId
from courtyard.identity.model import PeopleDirectory
from courtyard.identity.tables import directories as _directories
from courtyard.identity.tables import sign_ons as _sign_ons


def read_sign_on(db: Connection, issuer: str, subject: str) -> PersonId | None:
    """Read who somebody is that a provider vouches for."""
    return db.scalar(select(_sign_ons.c.person).where(_sign_ons.c.issuer == issuer, _sign_ons.c.subject == subject))


def is_another(db: Connection, issuer: str, subject: str, person: PersonId) -> bool:
    """Whether a provider knows somebody by another subject already."""
    known = select(_sign_ons.c.subject).where(_sign_ons.c.issuer == issuer, _sign_ons.c.person == person)
    return db.scalar(known.where(_sign_ons.c.subject != subject).limit(1)) is not None


def write_sign_on(db: Connection, issuer: str, subject: str, person: PersonId, *, at_ms: int) -> None:
    db.execute(insert(_sign_ons).values(issuer=issuer, subject=subject, person=person, at_ms=at_ms))


def write_directory(db: Connection, directory: PeopleDirectory, digest: bytes) -> None:
    db.execute(
        insert(_directories).values(
            id=directory.id,
            organisation=directory.organisation,
            name=directory.name,
            digest=digest,
            prefix=directory.prefix,
            created_at_ms=directory.created_at_ms,
        )
    )


def read_directories(db: Connection, *, organisation: OrganisationId | None) -> list[PeopleDirectory]:
    query = select(_directories).order_by(_directories.c.created_at_ms, _directories.c.id)
    if organisation is not None:
        query = query.where(_directories.c.organisation == organisation)
    return [
        PeopleDirectory(
            id=row.id,
            organisation=row.organisation,
            name=row.name,
            prefix=row.prefix,
            created_at_ms=row.created_at_ms,
            used_at_ms=row.used_at_ms,
            revoked_at_ms=row.revoked_at_ms,
        )
        for row in db.execute(query)
    ]


def use_directory(db: Connection, digest: bytes, *, now_ms: int) -> OrganisationId | None:
    """Note that a directory was here, and say whose people it provisions."""
    good = _directories.c.digest == digest, _directories.c.revoked_at_ms.is_(None)
    db.execute(update(_directories).where(*good).values(used_at_ms=now_ms))
    return db.scalar(select(_directories.c.organisation).where(*good))


def revoke_directory(db: Connection, id: str, *, now_ms: int) -> bool:
    good = _directories.c.id == id, _directories.c.revoked_at_ms.is_(None)
    return db.execute(update(_directories).where(*good).values(revoked_at_ms=now_ms)).rowcount == 1
