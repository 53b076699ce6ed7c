"""People who sign in, as the desk for people's requests sees them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from courtyard.core.ids import OrganisationId, PersonId
from courtyard.identity.model import Key, Person
from courtyard.identity.service import Identity
from courtyard.privacy import Erased, Found, Name, Purpose, Subject


class HeldPeople:
    """A person's account and keys. Erasing it forgets their name and address, and ends their sessions and keys."""

    name = "people"

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def find(self, subject: Subject) -> Found:
        return Found(holder=self.name, count=len(self._of(subject)), what="accounts, with their keys and sessions")

    def export(self, subject: Subject) -> Any:
        people = self._of(subject)
        keys = [key for person in people for key in _keys(self._identity, person)]
        return msgspec.to_builtins({"people": people, "keys": keys})

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        people = self._of(subject)
        wanted = changes.keys() & {"name", "email"}
        for person in people if wanted else ():
            self._identity.correct_person(person.id, name=changes.get("name"), email=changes.get("email"))
        return len(people) if wanted else 0

    def erase(self, subject: Subject) -> Erased:
        people = self._of(subject)
        for person in people:
            self._identity.remove_person(person.id)
        return Erased(holder=self.name, erased=len(people))

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        return 0  # An account rests on its contract, and not on a consent to something else.

    def _of(self, subject: Subject) -> list[Person]:
        ids = set(subject.values("person"))
        return [
            person
            for person in self._identity.people(organisation=OrganisationId(subject.organisation))
            if person.id in ids
        ]


def subject_of(
    identity: Identity,
    organisation: str,
    *,
    person: PersonId | None = None,
    email: str = "",
    others: Sequence[str] = (),
) -> Subject:
    """Collect the names that somebody goes by here: as a person of the house, and as end user of others' requests."""
    known = next((one for one in identity.people() if one.id == person or (email and one.email == email)), None)
    names = [Name(kind="subject", value=other) for other in others]
    if email:
        names += (Name(kind="email", value=email), Name(kind="subject", value=email))
    if known is not None and known.organisation == organisation:
        names += (Name(kind="person", value=known.id), Name(kind="name", value=known.name))
        names.append(Name(kind="email", value=known.email))
        names += (Name(kind="key", value=key.id) for key in _keys(identity, known))
    return Subject(organisation=organisation, names=tuple(dict.fromkeys(names)))


def _keys(identity: Identity, person: Person) -> list[Key]:
    every = identity.keys()
    return [key for key in every if key.person == person.id]
