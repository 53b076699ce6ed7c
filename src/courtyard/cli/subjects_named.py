"""People as they are called on the command line: one of the house, or an end user of somebody's requests."""

from courtyard.app import House
from courtyard.cli.names import organisation_of
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import PersonId
from courtyard.identity import subject_of
from courtyard.privacy import Subject


def subject_named(house: House, who: str, organisation: str | None) -> Subject:
    """Collect the names of somebody who is called by an e-mail address, an id, or the name that callers give them."""
    cleaned = who.strip()
    if not cleaned:
        raise InvalidRequest("say who it is: an e-mail address, an id, or an end user's name", param="who")
    whose = organisation_of(house, organisation).id
    if "@" in cleaned:
        return subject_of(house.identity, whose, email=cleaned)
    return subject_of(house.identity, whose, person=PersonId(cleaned), others=(cleaned,))
