"""Knows organisations, projects and people, and tells by key or session who is asking."""

from courtyard.identity.api import ScimDoor
from courtyard.identity.holder import HeldPeople, subject_of
from courtyard.identity.model import (
    IdentitySettings,
    Key,
    NewKey,
    NewToken,
    Organisation,
    PeopleDirectory,
    Person,
    Project,
    Session,
    Setup,
    SignedIn,
    SignOnSettings,
)
from courtyard.identity.openid import WAY_S
from courtyard.identity.rules import Action, Reach, grants, permits
from courtyard.identity.service import Identity

__all__ = [
    "WAY_S",
    "Action",
    "HeldPeople",
    "Identity",
    "IdentitySettings",
    "Key",
    "NewKey",
    "NewToken",
    "Organisation",
    "PeopleDirectory",
    "Person",
    "Project",
    "Reach",
    "ScimDoor",
    "Session",
    "Setup",
    "SignOnSettings",
    "SignedIn",
    "grants",
    "permits",
    "subject_of",
]
