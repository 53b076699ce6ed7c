"""The error tree in the docstring is the tree in the code."""

import re

import courtyard.core.errors as errors
from courtyard.core.errors import CourtyardError

_LINE = re.compile(r"(\w+) (\d{3})")


def _descendants(error: type[CourtyardError]) -> list[type[CourtyardError]]:
    return [one for child in error.__subclasses__() for one in (child, *_descendants(child))]


def _ours() -> list[type[CourtyardError]]:
    return [error for error in _descendants(CourtyardError) if error.__module__ == errors.__name__]


def test_the_docstring_shows_the_tree() -> None:
    """Each line is one branch, its root first, with every error and its status."""
    assert errors.__doc__ is not None
    tree = errors.__doc__.partition("CourtyardError\n")[2].partition("\n\n")[0]
    shown = [_LINE.findall(line) for line in tree.splitlines()]
    roots = CourtyardError.__subclasses__()
    real = {
        root.__name__: {(error.__name__, str(error.status)) for error in _ours() if issubclass(error, root)}
        for root in roots
        if root.__module__ == errors.__name__
    }

    written: dict[str, set[tuple[str, str]]] = {}
    for line in shown:
        root = ""
        for name, status in line:
            if name in real:
                root = name
            written.setdefault(root, set()).add((name, status))
    assert written == real


def test_every_error_has_a_code_of_its_own() -> None:
    """A client that matches on a code matches one error."""
    codes = [error.code for error in _ours()]

    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


def test_every_error_says_when_it_is_raised() -> None:
    """The reference is made from these sentences."""
    assert [error.__name__ for error in _ours() if not (error.__doc__ or "").strip().endswith(".")] == []


def test_no_other_room_grows_the_tree_with_a_taken_code() -> None:
    """A room's own error keeps a code that the tree knows, or a new one: never one of another branch."""
    import courtyard.cli  # noqa: PLC0415, F401 - The whole house is imported, with every error in it.

    branches = {error.code: error for error in _ours()}
    for error in _descendants(CourtyardError):
        if error.code in branches:
            assert issubclass(error, branches[error.code]), error
