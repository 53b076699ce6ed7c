"""Who asks."""

from enum import StrEnum

import msgspec

from courtyard.core.ids import KeyId, ModelName, OrganisationId, PersonId, ProjectId, Region


class Role(StrEnum):
    """What a person may do.

    An operator runs the house, an admin an organisation; a member uses it; an auditor reads all and changes nothing; an
    approver reads all, and decides what operators propose.
    """

    OPERATOR = "operator"
    ADMIN = "admin"
    MEMBER = "member"
    AUDITOR = "auditor"
    APPROVER = "approver"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated caller. Only `identity` makes one, from a key or a session."""

    organisation: OrganisationId
    project: ProjectId
    person: PersonId | None = None
    key: KeyId | None = None
    role: Role = Role.MEMBER
    home: frozenset[Region]
    """Regions where this organisation's requests may run."""
    models: frozenset[ModelName] | None = None
    """Models the key is scoped to; `None` is all."""
    purpose: str = ""
    """What the key is for, where a request does not say."""
