"""Lists of names and words that came with the house. Each file says where it is from."""

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> frozenset[str]:
    """Return the words of a list, in small letters."""
    return frozenset(" ".join(_lines(name)).split())


@cache
def load_names(name: str) -> frozenset[str]:
    """Return the names of a list with one on each line, in small letters."""
    return frozenset(_lines(name))


def _lines(name: str) -> list[str]:
    text = files(__package__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return [line.lower() for line in text.splitlines() if line and not line.startswith("#")]
