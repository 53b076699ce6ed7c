"""The nouns of identity: who there is, what they hold, and what they may show only once."""

import hmac
from pathlib import Path
from typing import NamedTuple

import msgspec

from courtyard.core.ids import KeyId, ModelName, OrganisationId, PersonId, ProjectId, Region, SessionId
from courtyard.core.principal import Principal, Role

NEVER_MS = 2**63 - 1
"""When what does not expire expires: later than any clock tells."""


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long sign-ins last, and what passwords must bear."""

    session_idle_s: int = 12 * 3600
    """A session that nobody used for so long is over."""
    session_s_max: int = 7 * 24 * 3600
    """However much it is used, a session is over after so long."""
    link_s: int = 15 * 60
    """How long a one-time link is good."""
    password_length_min: int = 12
    argon2_memory_kib: int = 64 * 1024
    argon2_time_cost: int = 3
    argon2_parallelism: int = 4
    failures_per_email: int = 5
    """Failed sign-ins with one e-mail address before the next must wait, each time twice as long."""
    failures_per_address: int = 20
    """The same for one network address, whichever e-mail addresses it tries."""


class SignOnSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider of OpenID Connect with which the people of one organisation sign in."""

    issuer: str
    """Its address, as it calls itself: `https://login.example.org/realms/staff`."""
    client_id: str
    """What it knows this house by."""
    client_secret_env: str | None = None
    """The environment variable that holds the client's secret."""
    client_secret_file: Path | None = None
    """The file that does."""
    label: str = ""
    """What the button says; its name when not given."""
    organisation: str = ""
    """Whose people they are, by id or name; the first organisation when not given."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    """What is asked of it."""
    join: bool = True
    """Whether somebody who comes for the first time becomes a member; else they must be there already."""
    required: bool = False
    """Whether that organisation's people sign in this way and by no password."""
    trust_email: bool = False
    """Whether an e-mail address counts that it does not call verified, where it knows only its own people."""
    groups_claim: str = "groups"
    """Which claim says what groups somebody is in."""
    roles: dict[str, Role] = {}
    """The role that a group gives, at each sign-in; the first group that fits, or else `member`. Empty: roles stay."""
    private_hosts: tuple[str, ...] = ()
    """Hosts of its own that may be called though they are not in the open network."""


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant: what belongs to it is seen by nobody else's people."""

    id: OrganisationId
    name: str
    home: tuple[Region, ...] = ()
    """Regions where its requests may run; none named means where the house stands."""
    created_at_ms: int


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an organisation that keys and budgets belong to."""

    id: ProjectId
    organisation: OrganisationId
    name: str
    created_at_ms: int


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in."""

    id: PersonId
    organisation: OrganisationId
    email: str
    name: str
    role: Role
    has_password: bool = False
    is_suspended: bool = False
    """Whether they are kept out for now: neither sessions nor keys of theirs work."""
    external_id: str | None = None
    """What the directory that provisions them calls them."""
    created_at_ms: int


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its secret: that was shown once. Rotating changes the secret and nothing else."""

    id: KeyId
    organisation: OrganisationId
    project: ProjectId
    person: PersonId | None = None
    """Whose key it is; a key without a person belongs to its project."""
    name: str
    role: Role = Role.MEMBER
    models: tuple[ModelName, ...] | None = None
    """Models it may ask; `None` is all."""
    purpose: str = ""
    """What its requests are for, where they do not say."""
    prefix: str
    """The first characters of the newest secret, for telling keys apart."""
    created_at_ms: int
    expires_at_ms: int | None = None
    revoked_at_ms: int | None = None
    overlap_until_ms: int | None = None
    """Until when the secret before the last rotation works too."""
    used_at_ms: int | None = None
    """When it was last used, to about a minute."""

    def is_good(self, now_ms: int) -> bool:
        """Whether it opens the door now."""
        return self.revoked_at_ms is None and (self.expires_at_ms is None or now_ms < self.expires_at_ms)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A person who is signed in."""

    id: SessionId
    principal: Principal
    person: Person
    csrf: str
    """What forms carry to show that they came from our own pages."""
    begun_at_ms: int
    expires_at_ms: int

    def accepts(self, csrf: str) -> bool:
        """Whether a form's token is this session's."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode("utf-8", "surrogatepass"))

    def __repr__(self) -> str:
        return f"Session(id={self.id!r}, person={self.person.id!r})"


class PeopleDirectory(msgspec.Struct, frozen=True, kw_only=True):
    """A directory that provisions an organisation's people, without its token: that was shown once."""

    id: str
    organisation: OrganisationId
    name: str
    prefix: str
    """The first characters of its token, for telling directories apart."""
    created_at_ms: int
    used_at_ms: int | None = None
    revoked_at_ms: int | None = None


class NewToken(NamedTuple):
    """A directory and its token, which is a secret."""

    directory: PeopleDirectory
    token: str

    def __repr__(self) -> str:
        return f"NewToken(directory={self.directory!r})"


class NewKey(NamedTuple):
    """A key and its secret, which nobody can read again."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        return f"NewKey(key={self.key!r})"


class SignedIn(NamedTuple):
    """A session and the token that its cookie carries."""

    session: Session
    token: str

    def __repr__(self) -> str:
        return f"SignedIn(session={self.session!r})"


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Where an installation begins."""

    organisation: Organisation
    project: Project
    person: Person
    created: bool
    """Whether this call made them."""


class Credential(NamedTuple):
    """What a key's digest stands for on the request path."""

    key: KeyId
    principal: Principal
    expires_at_ms: int
    expired: str
    """What to say once it has expired."""
