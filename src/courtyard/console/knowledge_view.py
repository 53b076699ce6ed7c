"""What the pages of knowledge share: who may change what, how it is named, and how a name's neighbours are drawn."""

import math
from typing import NamedTuple

from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.core.principal import Principal
from courtyard.knowledge import Collection, Neighbour

_INNER, _OUTER = 175, 265
_CROWDED = 9
"""From this many neighbours on they stand in two rings."""
_SIDE = 60
"""How far from the middle a name still stands above or below its dot, not beside it."""
_GAP = 16
_WIDTH_MAX = 6.0


class Drawn(NamedTuple):
    """A neighbour in the drawing, whose middle is at 0, 0."""

    neighbour: Neighbour
    x: float
    y: float
    anchor: str
    """Which end of its name stands at the dot, in SVG's words."""
    text_x: float
    text_y: float
    width: float
    """Of the line that leads to it."""


def is_own(principal: Principal, collection: Collection) -> bool:
    """Whether nobody else reads a collection."""
    return principal.person is not None and collection.readers == (str(principal.person),)


def may_change(request: Visit, collection: Collection) -> bool:
    """Whether somebody may put documents into a collection, and take them out."""
    me = signed_in(request).principal
    return rooms_of(request).knowledge.may_manage(me) or is_own(me, collection)


def readable(request: Visit, name: str) -> Collection:
    """Look up a collection that this person may read. Runs SQL.

    Raises:
        NotFound: there is none of that name for them.
    """
    return rooms_of(request).knowledge.collection(signed_in(request).principal, name)


def candidates(rooms: ConsoleRooms, principal: Principal) -> dict[str, list[tuple[str, str]]]:
    """List who may be named as readers, with their names: the organisation's people and projects."""
    organisation = principal.organisation
    people = [(str(one.id), one.name) for one in rooms.identity.people(organisation=organisation)]
    projects = [(str(one.id), one.name) for one in rooms.identity.projects(organisation=organisation)]
    return {"people": sorted(people, key=_by_name), "projects": sorted(projects, key=_by_name)}


def drawn(neighbours: tuple[Neighbour, ...]) -> list[Drawn]:
    """Place neighbours around the middle: the nearest at the top and on clockwise, every second farther out."""
    most = max((one.weight for one in neighbours), default=1.0) or 1.0
    found = []
    for place, one in enumerate(neighbours):
        angle = 2 * math.pi * place / len(neighbours) - math.pi / 2
        radius = _OUTER if len(neighbours) >= _CROWDED and place % 2 else _INNER
        x, y = radius * math.cos(angle), radius * math.sin(angle)
        anchor = "middle" if abs(x) < _SIDE else "start" if x > 0 else "end"
        width = 1 + (_WIDTH_MAX - 1) * one.weight / most
        text_x = x + {"start": _GAP, "end": -_GAP, "middle": 0}[anchor]
        text_y = y + (5 if anchor != "middle" else 28 if y > 0 else -18)
        found.append(Drawn(one, round(x, 1), round(y, 1), anchor, round(text_x, 1), round(text_y, 1), round(width, 1)))
    return found


def _by_name(one: tuple[str, str]) -> str:
    return one[1].casefold()
