"""What people call the things that the books know by id."""

from collections.abc import Callable, Mapping

from courtyard.core.errors import NotFound
from courtyard.core.ids import KeyId, OrganisationId, PersonId, ProjectId
from courtyard.core.principal import Principal
from courtyard.identity import Action, Identity, permits
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


def chosen_names(
    identity: Identity, language: Language, principal: Principal, chosen: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Name what usage is narrowed to; what this person may not look up is called by the id that they gave."""
    named = []
    for what, id in chosen.items():
        by = Dimension(what)
        named.append((what, namer(identity, language, by)(id) if _is_known(identity, principal, by, id) else id))
    return named


def _is_known(identity: Identity, principal: Principal, by: Dimension, id: str) -> bool:
    try:
        if by is Dimension.PROJECT:
            owner = identity.project(ProjectId(id)).organisation
            return owner == principal.organisation or permits(principal, Action.READ_USAGE, organisation=owner)
        if by is Dimension.KEY:
            key = identity.key(KeyId(id))
            return permits(principal, Action.READ_KEYS, organisation=key.organisation, person=key.person)
    except NotFound:
        return False
    return True


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
