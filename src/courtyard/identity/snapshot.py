"""What identity knows, in memory: read on every request, replaced as a whole when something changed."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from courtyard.core.clock import date_time
from courtyard.core.ids import KeyId, OrganisationId, PersonId, ProjectId, Region
from courtyard.core.principal import Principal
from courtyard.identity import rules, store
from courtyard.identity.model import NEVER_MS, Credential, Key, Organisation, Person, Project, Session
from courtyard.identity.store import SecretRow, SessionRow
from courtyard.identity.tokens import Digester


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody and everything at one moment."""

    organisations: Mapping[OrganisationId, Organisation] = {}
    projects: Mapping[ProjectId, Project] = {}
    people: Mapping[PersonId, Person] = {}
    by_email: Mapping[str, Person] = {}
    keys: Mapping[KeyId, Key] = {}
    credentials: Mapping[bytes, Credential] = {}
    sessions: Mapping[bytes, Session] = {}
    seen: Mapping[bytes, int] = {}
    """When each session was last used, as far as it was written."""

    def first_project(self, organisation: OrganisationId) -> Project:
        """Where an organisation's people work unless they say otherwise."""
        return next(project for project in self.projects.values() if project.organisation == organisation)


def take(db: Connection, *, home: Region, digester: Digester, now_ms: int) -> Snapshot:
    """Read everything, and prepare what the request path looks up."""
    known = Snapshot(
        organisations={organisation.id: organisation for organisation in store.read_organisations(db)},
        projects={project.id: project for project in store.read_projects(db)},
        people={person.id: person for person in store.read_people(db)},
        keys={key.id: key for key in store.read_keys(db)},
    )
    rows = store.read_sessions(db, now_ms=now_ms)
    sessions = [row for row in rows if row.person in known.people and not known.people[row.person].is_suspended]
    homes = {id: frozenset(organisation.home or (home,)) for id, organisation in known.organisations.items()}
    return msgspec.structs.replace(
        known,
        by_email={person.email: person for person in known.people.values()},
        credentials=dict(_credentials(known, homes, store.read_secrets(db))),
        sessions={row.digest: _session(known, homes, row, digester) for row in sessions},
        seen={row.digest: row.seen_at_ms for row in sessions},
    )


_Homes = Mapping[OrganisationId, frozenset[Region]]


def _credentials(known: Snapshot, homes: _Homes, secrets: list[SecretRow]) -> list[tuple[bytes, Credential]]:
    """Pair digests with what they stand for; those of revoked keys stand for nothing, nor do a suspended person's."""
    present = {person.id for person in known.people.values() if not person.is_suspended}
    good = {
        key.id: key
        for key in known.keys.values()
        if key.revoked_at_ms is None and (key.person is None or key.person in present)
    }
    principals = {key.id: _key_principal(known, homes, key) for key in good.values()}
    return [
        (secret.digest, _credential(good[secret.key], secret, principal))
        for secret in secrets
        if (principal := principals.get(secret.key)) is not None
    ]


def _credential(key: Key, secret: SecretRow, principal: Principal) -> Credential:
    key_ends = NEVER_MS if key.expires_at_ms is None else key.expires_at_ms
    if secret.until_ms is not None and secret.until_ms < key_ends:
        at = date_time(secret.until_ms)
        expired = (
            f"the API key {secret.prefix} was rotated and worked until {at:%Y-%m-%d %H:%M} UTC; use its new secret"
        )
        return Credential(key.id, principal, secret.until_ms, expired)
    if key.expires_at_ms is None:
        return Credential(key.id, principal, NEVER_MS, "")
    at = date_time(key.expires_at_ms)
    expired = f"the API key {secret.prefix} expired at {at:%Y-%m-%d %H:%M} UTC; create another"
    return Credential(key.id, principal, key_ends, expired)


def _key_principal(known: Snapshot, homes: _Homes, key: Key) -> Principal | None:
    role = key.role if key.person is None else rules.lesser(key.role, known.people[key.person].role)
    if role is None:
        return None
    return Principal(
        organisation=key.organisation,
        project=key.project,
        person=key.person,
        key=key.id,
        role=role,
        home=homes[key.organisation],
        models=None if key.models is None else frozenset(key.models),
        purpose=key.purpose,
    )


def _session(known: Snapshot, homes: _Homes, row: SessionRow, digester: Digester) -> Session:
    person = known.people[row.person]
    principal = Principal(
        organisation=person.organisation,
        project=known.first_project(person.organisation).id,
        person=person.id,
        role=person.role,
        home=homes[person.organisation],
    )
    return Session(
        id=row.id,
        principal=principal,
        person=person,
        csrf=digester.bound_to(b"csrf", row.digest),
        begun_at_ms=row.begun_at_ms,
        expires_at_ms=row.expires_at_ms,
    )
