"""What people call the things that the books know by id."""

from collections.abc import Callable

from courtyard.core.errors import NotFound
from courtyard.core.ids import KeyId, OrganisationId, PersonId, ProjectId
from courtyard.identity import Identity
from courtyard.languages import Language
from courtyard.ledger import Dimension


def namer(identity: Identity, language: Language, by: Dimension) -> Callable[[str], str]:
    """Return what tells the name of a thing of one kind. What was removed is called by its id."""

    def name(id: str) -> str:
        if not id:
            return language.text(f"no_{by}") if language.has(f"no_{by}") else "–"
        try:
            return _name(identity, by, id)
        except NotFound:
            return id

    return name


def _name(identity: Identity, by: Dimension, id: str) -> str:
    match by:
        case Dimension.PROJECT:
            return identity.project(ProjectId(id)).name
        case Dimension.KEY:
            return identity.key(KeyId(id)).name
        case Dimension.PERSON:
            return identity.person(PersonId(id)).name
        case Dimension.ORGANISATION:
            return identity.organisation(OrganisationId(id)).name
        case _:
            return id
