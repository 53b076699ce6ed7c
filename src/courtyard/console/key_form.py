"""The form that asks for a key: read, checked, and carried out."""

from collections.abc import Iterable
from typing import Any

import msgspec

from courtyard.console.rooms import ConsoleRooms
from courtyard.core.amount import REQUEST, TOKEN, Amount, Unit, currency, money
from courtyard.core.errors import CourtyardError, InvalidRequest, NotAllowed
from courtyard.core.ids import ModelName, PersonId, ProjectId
from courtyard.core.principal import Principal
from courtyard.identity import Action, NewKey, Project, permits
from courtyard.ledger import Account, Period
from courtyard.pricing import nano

EXPIRIES_DAYS = (7, 30, 90, 365)
OVERLAPS_S = (0, 3600, 86400, 604800)

_DAY_MS = 24 * 3600 * 1000
_COUNT_DIGITS_MAX = 12


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A limit to put on a key."""

    unit: Unit
    period: Period
    count: int


class KeyForm(msgspec.Struct, frozen=True, kw_only=True):
    """A key that somebody may make."""

    project: ProjectId
    person: PersonId | None
    name: str
    models: tuple[ModelName, ...] | None
    expires_at_ms: int | None
    bounds: tuple[Bound, ...]

    @staticmethod
    def projects(rooms: ConsoleRooms, principal: Principal) -> list[Project]:
        """List the projects in which this person may make a key, their own first."""
        found = [
            project
            for project in rooms.identity.projects()
            if permits(principal, Action.MANAGE_KEYS, organisation=project.organisation, person=principal.person)
        ]
        return sorted(found, key=lambda project: (project.id != principal.project, project.name))


def read_key_form(form: Any, rooms: ConsoleRooms, principal: Principal) -> KeyForm:
    """Read the form, and refuse what its sender may not ask for.

    Raises:
        NotAllowed: not in this project, or not for it.
        InvalidRequest: something is missing or makes no sense.
    """
    project = rooms.identity.project(ProjectId(str(form.get("project") or principal.project)))
    person = None if form.get("owner") == "project" else principal.person
    if not permits(principal, Action.MANAGE_KEYS, organisation=project.organisation, person=person):
        raise NotAllowed("your role does not let you make a key here; make one of your own, or ask an administrator")
    offered = {model.name for model in rooms.serving.models(principal)}
    chosen = tuple(ModelName(name) for name in form.getall("models", []) if name in offered)
    if form.get("scope") == "some" and not chosen:
        raise InvalidRequest("choose at least one model, or all of them", param="models")
    return KeyForm(
        project=project.id,
        person=person if person and rooms.identity.person(person).organisation == project.organisation else None,
        name=str(form.get("name", "")),
        models=chosen if form.get("scope") == "some" else None,
        expires_at_ms=_expiry(str(form.get("expires", "")), rooms.clock.now_ms()),
        bounds=tuple(_bounds(form, rooms.settings.currency)),
    )


def make_key(rooms: ConsoleRooms, asked: KeyForm) -> NewKey:
    """Make a key with its limits, or none at all. Runs SQL."""
    made = rooms.identity.create_key(
        asked.project,
        name=asked.name,
        person=asked.person,
        models=asked.models,
        expires_at_ms=asked.expires_at_ms,
    )
    try:
        for bound in asked.bounds:
            name = f"{bound.unit} of key {made.key.name}"
            rooms.ledger.set_limit(made.key.id, unit=bound.unit, period=bound.period, count=bound.count, name=name)
    except CourtyardError:
        rooms.identity.revoke_key(made.key.id)  # Nobody has seen it; without its limits nobody will.
        raise
    return made


def limits(accounts: Iterable[Account]) -> list[tuple[str, Amount]]:
    """Say what bounds a key: the key of a sentence, and the amount in it."""
    return [
        (_sentence(account), Amount(account.count_max, account.unit))
        for account in accounts
        if account.count_max is not None
    ]


def _sentence(account: Account) -> str:
    what = "money" if currency(account.unit) else account.unit
    return f"limit_{what}_{account.period}"


def _expiry(days: str, now_ms: int) -> int | None:
    chosen = next((one for one in EXPIRIES_DAYS if str(one) == days), None)
    return None if chosen is None else now_ms + chosen * _DAY_MS


def _bounds(form: Any, code: str) -> Iterable[Bound]:
    requests, tokens = _count(form, "requests_minute"), _count(form, "tokens_minute")
    if requests:
        yield Bound(unit=REQUEST, period=Period.MINUTE, count=requests)
    if tokens:
        yield Bound(unit=TOKEN, period=Period.MINUTE, count=tokens)
    budget = str(form.get("budget_month", "")).strip()
    if budget:
        yield Bound(unit=money(code), period=Period.MONTH, count=_money(budget))


def _count(form: Any, name: str) -> int | None:
    text = str(form.get(name, "")).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > _COUNT_DIGITS_MAX or int(text) == 0:
        raise InvalidRequest("a limit is a whole number above zero, or empty for none", param="limit")
    return int(text)


def _money(text: str) -> int:
    try:
        count = nano(text)
    except InvalidRequest as error:
        raise InvalidRequest(error.message, param="budget") from error
    if count == 0:
        raise InvalidRequest("a budget is above zero, or empty for none", param="budget")
    return count
