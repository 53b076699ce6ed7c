"""Things as people call them on the command line: by id, or by a name that only one of them has."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from courtyard.app import House
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.identity import Key, Organisation, Person, Project

_NOTHING_YET = "nothing is set up here yet; `courtyard serve` does it when it starts"


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


_Thing = TypeVar("_Thing", bound=_Named)


def organisation_of(house: House, text: str | None) -> Organisation:
    """Find an organisation; without a word, the only one there is."""
    organisations = house.identity.organisations()
    if text is not None:
        return _one(organisations, text, what="organisation")
    if len(organisations) > 1:
        names = ", ".join(repr(organisation.name) for organisation in organisations)
        raise InvalidRequest(f"there are several organisations, so say which: {names}")
    if not organisations:
        raise NotFound(_NOTHING_YET)
    return organisations[0]


def project_of(house: House, text: str | None) -> Project:
    """Find a project; without a word, the oldest of the only organisation."""
    if text is not None:
        return _one(house.identity.projects(), text, what="project")
    return house.identity.projects(organisation=organisation_of(house, None).id)[0]


def person_of(house: House, text: str) -> Person:
    """Find a person by id or e-mail address."""
    for person in house.identity.people():
        if person.id == text:
            return person
    return house.identity.person_by_email(text)


def key_of(house: House, text: str) -> Key:
    """Find a key. Of those that share a name, the one that still works."""
    return _one(_keys(house, text), text, what="key")


def owner_of(house: House, text: str) -> str:
    """Return the id of an account's owner: an organisation, a project, a key, or a person."""
    if "@" in text:
        return person_of(house, text).id
    identity = house.identity
    owners: tuple[_Named, ...] = (
        *identity.organisations(),
        *identity.projects(),
        *identity.people(),
        *_keys(house, text),
    )
    return _one(owners, text, what="organisation, project, key or person").id


def _keys(house: House, name: str) -> Iterable[Key]:
    keys = house.identity.keys()
    now_ms = house.clock.now_ms()
    return [key for key in keys if key.is_good(now_ms) and key.name == name] or keys


def _one(things: Iterable[_Thing], text: str, *, what: str) -> _Thing:
    found = [thing for thing in things if thing.id == text] or [thing for thing in things if thing.name == text]
    if not found:
        raise NotFound(f"there is no {what} {text!r}")
    if len(found) > 1:
        ids = ", ".join(thing.id for thing in found)
        raise InvalidRequest(f"several are named {text!r}, so say which by its id: {ids}")
    return found[0]
