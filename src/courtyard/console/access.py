"""How far somebody's permission goes, in the words of a query."""

from courtyard.core.errors import NotAllowed, NotFound
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


def books_of(principal: Principal, asked: str | None) -> OrganisationId:
    """Say whose contract, seats and invoices are looked at: one's own organisation's, or the one that is asked for.

    Raises:
        NotFound: nobody but an auditor or an administrator of it reads them, and operators.
    """
    organisation = OrganisationId(asked or principal.organisation)
    if permits(principal, Action.READ_USAGE, organisation=organisation):
        return organisation
    raise NotFound("there are no books of that name for you; administrators and auditors read their organisation's")


def check_operates(principal: Principal) -> None:
    """Let only those in who look after everybody's accounts.

    Raises:
        NotAllowed: somebody else.
    """
    if reach(principal, Action.MANAGE_ACCOUNTS) is not Reach.HOUSE:
        raise NotAllowed("these pages are for whoever runs this house")


def permits_on_wall(identity: Identity, principal: Principal, action: Action) -> bool:
    """Whether somebody may do this at the wall, which is the house's own: its first organisation runs it."""
    first = next(iter(identity.organisations()), None)
    return first is not None and permits(principal, action, organisation=first.id)


def check_wall(identity: Identity, principal: Principal, action: Action) -> None:
    """Let only those to the wall whose role says so, in the organisation that runs this house.

    Raises:
        NotAllowed: somebody else, or who may read and not change.
    """
    if not permits_on_wall(identity, principal, Action.READ_WALL):
        raise NotAllowed("these pages are for the operators, auditors and approvers of this house")
    if not permits_on_wall(identity, principal, action):
        raise NotAllowed("your role reads the wall and does not change this; an operator does, or an approver")


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
