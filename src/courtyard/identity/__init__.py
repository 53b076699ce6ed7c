"""Knows organisations, projects and people, and tells by key or session who is asking."""

from courtyard.identity.model import (
    IdentitySettings,
    Key,
    NewKey,
    Organisation,
    Person,
    Project,
    Session,
    Setup,
    SignedIn,
)
from courtyard.identity.rules import Action, Reach, grants, permits
from courtyard.identity.service import Identity

__all__ = [
    "Action",
    "Identity",
    "IdentitySettings",
    "Key",
    "NewKey",
    "Organisation",
    "Person",
    "Project",
    "Reach",
    "Session",
    "Setup",
    "SignedIn",
    "grants",
    "permits",
]
