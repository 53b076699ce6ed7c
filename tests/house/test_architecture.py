"""ARCHITECTURE.md tells what is so."""

import ast
import re
import tomllib
from itertools import pairwise

from tests.house.tidy import PACKAGE, ROOT, modules

_PAGE = (ROOT / "ARCHITECTURE.md").read_text()


def _rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = _PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_floors_are_those_of_the_contract() -> None:
    """Reading the table from the top gives the layers of the import contract, in their order."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (floors,) = (contract for contract in contracts if contract["id"] == "floors")
    proved = [set(re.findall(r"\w+", layer)) for layer in floors["layers"]]

    drawn = [set(re.findall(r"\w+", layer)) for _, rooms in _rows("Floors") for layer in rooms.split(">")]
    assert drawn == proved


def test_floors_are_numbered_downward() -> None:
    """A higher floor has a higher number."""
    numbers = [int(number) for number, _ in _rows("Floors")]

    assert all(upper > lower for upper, lower in pairwise(numbers))


def test_every_room_has_its_own_sentence() -> None:
    """The table of rooms holds every room, with the sentence that its door says."""
    said = {
        module.room: ast.get_docstring(module.tree)
        for module in modules()
        if module.is_package and module.name.count(".") == 1
    }
    said |= {path.stem: _sentence(path.stem) for path in PACKAGE.glob("*.py") if path.stem != "__init__"}

    assert {room.strip("`"): sentence for room, sentence in _rows("Rooms")} == said


def _sentence(module: str) -> str:
    return (ast.get_docstring(ast.parse((PACKAGE / f"{module}.py").read_text())) or "").partition("\n\n")[0]
