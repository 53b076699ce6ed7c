"""Who may read a collection, and who may change it."""

import re
from collections.abc import Iterable

from courtyard.core.errors import InvalidRequest, NotAllowed, NotFound
from courtyard.core.principal import Principal, Role
from courtyard.knowledge.model import Caller, Collection, Custodian

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TITLE_MAX = 200
_READERS_MAX = 200
_QUESTION_MAX = 4000
_MANAGERS = frozenset((Role.OPERATOR, Role.ADMIN))


def may_read(caller: Caller, collection: Collection) -> bool:
    """Whether somebody finds what stands in a collection. Nobody does of another organisation, whatever their role."""
    if collection.organisation != caller.organisation:
        return False
    if isinstance(caller, Custodian) or not collection.readers:
        return True
    return caller.person in collection.readers or caller.project in collection.readers


def may_manage(caller: Caller) -> bool:
    """Whether somebody makes collections, and says who reads them."""
    return isinstance(caller, Custodian) or caller.role in _MANAGERS


def is_own(caller: Caller, collection: Collection) -> bool:
    """Whether a collection is for somebody's own files."""
    return isinstance(caller, Principal) and collection.is_own and collection.readers == (caller.person,)


def check_manages(caller: Caller) -> None:
    """Let only those make collections who may.

    Raises:
        NotAllowed: they are no administrator.
    """
    if not may_manage(caller):
        raise NotAllowed("collections are made and changed by administrators; your own files need none")


def check_changes(caller: Caller, collection: Collection) -> None:
    """Let only those put documents in and take them out who may.

    Raises:
        NotAllowed: they may read them.
    """
    if not (may_manage(caller) or is_own(caller, collection)):
        raise NotAllowed("you may read this collection and not change it; an administrator does")


def readable(caller: Caller, collections: Iterable[Collection]) -> list[Collection]:
    """Return the collections that somebody may read."""
    return [collection for collection in collections if may_read(caller, collection)]


def named(caller: Caller, collections: Iterable[Collection], name: str) -> Collection:
    """Return the collection of a name, or of an id, that somebody may read; what they may not is not there.

    Raises:
        NotFound: there is none.
    """
    for collection in readable(caller, collections):
        if name in (collection.name, collection.id):
            return collection
    raise NotFound(f"there is no collection {name[:64]!r} that you may read; `courtyard knowledge list` shows them")


def clean_name(name: str) -> str:
    """Return a collection's name.

    Raises:
        InvalidRequest: it is none.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "a collection's name has small letters, digits and dashes, 63 at most: hand-book", param="name"
        )
    return name


def clean_title(title: str, name: str) -> str:
    """Return a collection's title; its name where it has none."""
    title = " ".join(title.split()) or name
    if len(title) > _TITLE_MAX or not title.isprintable():
        raise InvalidRequest(f"a title has at most {_TITLE_MAX} characters that can be seen", param="title")
    return title


def clean_readers(readers: Iterable[str]) -> tuple[str, ...]:
    """Return ids of people and projects, each once."""
    once = tuple(dict.fromkeys(readers))
    if len(once) > _READERS_MAX or not all(0 < len(one) <= 64 and one.isascii() and one.isprintable() for one in once):
        raise InvalidRequest(f"readers are ids of people and projects, {_READERS_MAX} at most", param="readers")
    return once


def check_question(question: str) -> None:
    """Refuse what asks nothing, or too much.

    Raises:
        InvalidRequest: it does.
    """
    if not question.strip() or len(question) > _QUESTION_MAX:
        raise InvalidRequest(f"a question has 1 to {_QUESTION_MAX} characters", param="question")
