"""How far somebody's permission goes, in the words of a query."""

from courtyard.core.errors import NotFound
from courtyard.core.ids import OrganisationId
from courtyard.core.principal import Principal
from courtyard.identity import Action, Identity, Key, Reach, grants, permits
from courtyard.ledger import Receipt, UsageFilter

_NOBODYS = OrganisationId("")


def reach(principal: Principal, action: Action) -> Reach:
    """Say whether a permission reaches one's own things, the organisation's or everybody's."""
    if permits(principal, action, organisation=_NOBODYS):
        return Reach.HOUSE
    if permits(principal, action, organisation=principal.organisation):
        return Reach.ORGANISATION
    own = permits(principal, action, organisation=principal.organisation, person=principal.person)
    return Reach.OWN if own else Reach.NONE


def usage_within(principal: Principal) -> UsageFilter:
    """Narrow a question about usage to what this person may read."""
    match reach(principal, Action.READ_USAGE):
        case Reach.HOUSE:
            return UsageFilter()
        case Reach.ORGANISATION:
            return UsageFilter(organisation=principal.organisation)
        case _:
            # A person without any permission is nobody in the books, and finds nothing.
            own = reach(principal, Action.READ_USAGE) is Reach.OWN
            return UsageFilter(organisation=principal.organisation, person=(principal.person or "") if own else "")


def check_readable(principal: Principal, receipt: Receipt) -> Receipt:
    """Return a receipt that this person may read; one of others is as unknown as one that never was.

    Raises:
        NotFound: there is none, or none of theirs.
    """
    if permits(principal, Action.READ_USAGE, organisation=receipt.organisation, person=receipt.person):
        return receipt
    raise NotFound("there is no such receipt; one appears here within seconds of its answer")


def keys_within(identity: Identity, principal: Principal) -> tuple[Key, ...]:
    """List the keys that this person may see, the newest first."""
    known = identity.keys()
    found = [
        key for key in known if permits(principal, Action.READ_KEYS, organisation=key.organisation, person=key.person)
    ]
    return tuple(reversed(found))


def may_change(principal: Principal, key: Key) -> bool:
    """Whether this person may rotate and revoke a key."""
    permitted = permits(principal, Action.MANAGE_KEYS, organisation=key.organisation, person=key.person)
    return permitted and grants(principal.role, key.role)
