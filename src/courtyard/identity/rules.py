"""Who may do what: one table, and the checks that read it."""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum

from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.ids import OrganisationId, PersonId
from courtyard.core.principal import Principal, Role
from courtyard.identity.model import Person


class Action(StrEnum):
    """What can be permitted."""

    USE_MODELS = "use_models"
    READ_KEYS = "read_keys"
    MANAGE_KEYS = "manage_keys"
    READ_USAGE = "read_usage"
    READ_PROJECTS = "read_projects"
    MANAGE_PROJECTS = "manage_projects"
    READ_PEOPLE = "read_people"
    MANAGE_PEOPLE = "manage_people"
    READ_ORGANISATIONS = "read_organisations"
    MANAGE_ORGANISATIONS = "manage_organisations"
    READ_EVIDENCE = "read_evidence"
    MANAGE_MODELS = "manage_models"
    MANAGE_ACCOUNTS = "manage_accounts"
    READ_WALL = "read_wall"
    """Providers, rule packs, personal data's records and evidence packs, which are the house's."""
    MANAGE_WALL = "manage_wall"
    APPROVE = "approve"
    """Decide what somebody else proposed."""


class Reach(IntEnum):
    """How far a permission goes: to one's own things, the organisation's, or everybody's."""

    NONE = 0
    OWN = 1
    ORGANISATION = 2
    HOUSE = 3


_MEMBER = {
    Action.USE_MODELS: Reach.ORGANISATION,
    Action.READ_KEYS: Reach.OWN,
    Action.MANAGE_KEYS: Reach.OWN,
    Action.READ_USAGE: Reach.OWN,
    Action.READ_PROJECTS: Reach.ORGANISATION,
    Action.READ_ORGANISATIONS: Reach.ORGANISATION,
    Action.READ_PEOPLE: Reach.OWN,
}
_AUDITOR = {
    Action.READ_KEYS: Reach.ORGANISATION,
    Action.READ_USAGE: Reach.ORGANISATION,
    Action.READ_PROJECTS: Reach.ORGANISATION,
    Action.READ_ORGANISATIONS: Reach.ORGANISATION,
    Action.READ_PEOPLE: Reach.ORGANISATION,
    Action.READ_EVIDENCE: Reach.ORGANISATION,
    Action.READ_WALL: Reach.ORGANISATION,
}
_ADMIN = {
    **_AUDITOR,
    Action.USE_MODELS: Reach.ORGANISATION,
    Action.MANAGE_KEYS: Reach.ORGANISATION,
    Action.MANAGE_PROJECTS: Reach.ORGANISATION,
    Action.MANAGE_PEOPLE: Reach.ORGANISATION,
}

_APPROVER = {**_AUDITOR, Action.APPROVE: Reach.ORGANISATION}

PERMISSIONS: Mapping[Role, Mapping[Action, Reach]] = {
    Role.OPERATOR: dict.fromkeys(Action, Reach.HOUSE),
    Role.ADMIN: _ADMIN,
    Role.MEMBER: _MEMBER,
    Role.AUDITOR: _AUDITOR,
    Role.APPROVER: _APPROVER,
}

GRANTS: Mapping[Role, frozenset[Role]] = {
    Role.OPERATOR: frozenset(Role),
    Role.ADMIN: frozenset({Role.ADMIN, Role.MEMBER, Role.AUDITOR}),
    Role.MEMBER: frozenset({Role.MEMBER}),
    Role.AUDITOR: frozenset(),
    Role.APPROVER: frozenset(),
}
"""Which roles a role may give to people and keys, and whose people and keys it may change."""

NAME_LENGTH_MAX = 120
_PURPOSE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EMAIL_LENGTH_MAX = 254
_EXTERNAL_ID_LENGTH_MAX = 200
_PASSWORD_LENGTH_MAX = 1024
_TYPED_LENGTH_MAX = 4096
"""More than this nobody types; it is not read to its end."""
_JOINERS = {0x200C: None, 0x200D: None}
"""Characters that are not seen, and that Persian, Hindi and others need between those that are."""


def permits(
    principal: Principal, action: Action, *, organisation: OrganisationId, person: PersonId | None = None
) -> bool:
    """Say whether the principal may do this to a thing of this organisation, which may be a person's own."""
    match PERMISSIONS[principal.role].get(action, Reach.NONE):
        case Reach.HOUSE:
            return True
        case Reach.ORGANISATION:
            return organisation == principal.organisation
        case Reach.OWN:
            return organisation == principal.organisation and person is not None and person == principal.person
        case Reach.NONE:
            return False


def grants(role: Role, given: Role) -> bool:
    """Say whether somebody of `role` may make, or change, somebody or something of role `given`."""
    return given in GRANTS[role]


def covers(owner: Role, role: Role) -> bool:
    """Say whether everything that `role` may do, `owner` may do too."""
    wide = PERMISSIONS[owner]
    return all(reach <= wide.get(action, Reach.NONE) for action, reach in PERMISSIONS[role].items())


def lesser(role: Role, owner: Role) -> Role | None:
    """Cap a key's role by its owner's: a person who is demoted takes their keys along.

    Of a member and an auditor neither does all that the other may; a key between them does nothing.
    """
    if covers(owner, role):
        return role
    return owner if covers(role, owner) else None


def check_owner(owner: Person, *, organisation: OrganisationId, role: Role) -> None:
    """Refuse a key that its owner could not use.

    Raises:
        InvalidRequest: the owner is of another organisation, or their role and the key's have nothing in common.
    """
    if owner.organisation != organisation:
        raise InvalidRequest("a key's person and project belong to one organisation", param="person")
    if lesser(role, owner.role) is None:
        raise InvalidRequest(f"{owner.role}s have no {role}'s keys; give the key another role", param="role")


def check_still_operated(people: Iterable[Person], leaving: PersonId) -> None:
    """Refuse to take the last operator's role away.

    Raises:
        Conflict: nobody else could run the house.
    """
    others = (person for person in people if person.id != leaving and not person.is_suspended)
    if not any(person.role is Role.OPERATOR for person in others):
        raise Conflict("this is the last operator, and a house needs one; make another person an operator first")


def clean_external_id(id: str | None) -> str | None:
    """Take what a directory calls somebody, or refuse what no table holds.

    Raises:
        InvalidRequest: it is too long, or not printable.
    """
    if id is not None and (len(id) > _EXTERNAL_ID_LENGTH_MAX or not id.isprintable()):
        raise InvalidRequest(f"an external id has up to {_EXTERNAL_ID_LENGTH_MAX} printable characters")
    return id


def clean_purpose(purpose: str) -> str:
    """Take the name of a purpose, or refuse what is none.

    Raises:
        InvalidRequest: it is none.
    """
    if purpose and not _PURPOSE.fullmatch(purpose):
        raise InvalidRequest("a purpose is up to 64 letters, digits, dots, dashes and underscores", param="purpose")
    return purpose


def clean_name(name: str, *, of: str) -> str:
    """Trim a name, or refuse one that is empty, too long or not printable.

    Raises:
        InvalidRequest: it is no name.
    """
    trimmed = " ".join(unicodedata.normalize("NFC", name[:_TYPED_LENGTH_MAX]).split())
    seen = trimmed.translate(_JOINERS)
    if not seen or len(trimmed) > NAME_LENGTH_MAX or not seen.isprintable():
        raise InvalidRequest(f"{of} needs a name of 1 to {NAME_LENGTH_MAX} printable characters", param="name")
    return trimmed


def network(address: str) -> str:
    """Name what one subscriber has: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False))


def spelled(typed: str) -> str:
    """Bring what was typed to one spelling, however a keyboard composed it."""
    return unicodedata.normalize("NFKC", typed[:_TYPED_LENGTH_MAX])


def spelled_email(email: str) -> str:
    """Bring an e-mail address to the one spelling under which it is kept, whether or not it is one."""
    # Unicode's compatibility caseless form: folding and composing once each would not be stable.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", email[:_TYPED_LENGTH_MAX]).casefold())
    return unicodedata.normalize("NFKC", folded.casefold()).strip()


def clean_email(email: str) -> str:
    """Bring an e-mail address to the one spelling under which it is kept, or refuse what is none.

    Raises:
        InvalidRequest: it is no e-mail address.
    """
    cleaned = spelled_email(email)
    user, _, host = cleaned.partition("@")
    plain = cleaned.isprintable() and " " not in cleaned and "@" not in host
    if not (user and host and plain) or len(cleaned) > _EMAIL_LENGTH_MAX:
        raise InvalidRequest("that is not an e-mail address; write it like ada@example.org", param="email")
    return cleaned


def clean_password(password: str, *, length_min: int) -> str:
    """Bring a new password to the form that is hashed: the same characters however a keyboard composed them.

    Raises:
        InvalidRequest: it is too short, or too long to be typed.
    """
    cleaned = spelled(password)
    if len(cleaned) < length_min:
        raise InvalidRequest(f"a password has at least {length_min} characters", param="password")
    if len(cleaned) > _PASSWORD_LENGTH_MAX:
        raise InvalidRequest(f"a password has at most {_PASSWORD_LENGTH_MAX} characters", param="password")
    return cleaned


def wait_s(failures: int, *, free: int, wait_s_max: int) -> int:
    """Say how long the next attempt must wait: not at all after a few failures, then twice as long after each."""
    if failures < free:
        return 0
    return int(min(2 ** min(failures - free, 32), wait_s_max))
