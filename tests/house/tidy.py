"""What import contracts can't say about the code: checks that take a module and tell what is wrong with it."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "courtyard"


@dataclass(frozen=True, kw_only=True)
class Module:
    """One file of the package."""

    name: str
    tree: ast.Module
    lines: int = 0
    is_package: bool = False

    @property
    def room(self) -> str:
        """The first word after `courtyard`; the package itself is no room."""
        return self.name.split(".")[1] if "." in self.name else ""

    @property
    def file(self) -> str:
        return self.name.rpartition(".")[2]


_HANDED_OUT = ("courtyard.billing.verifier", "courtyard.evidence.verifier")

Node = TypeVar("Node", bound=ast.AST)
Check = Callable[[Module], Iterator[str]]


def read_module(path: Path) -> Module:
    parts = ["courtyard", *path.relative_to(PACKAGE).with_suffix("").parts]
    is_package = parts[-1] == "__init__"
    text = path.read_text()
    return Module(
        name=".".join(parts[:-1] if is_package else parts),
        tree=ast.parse(text),
        lines=len(text.splitlines()),
        is_package=is_package,
    )


@cache
def modules() -> list[Module]:
    return [read_module(path) for path in sorted(PACKAGE.rglob("*.py"))]


MAKERS = {
    "Admission": "policy",
    "Hold": "ledger",
    "Principal": "identity",
    "Prompt": "knowledge",
    "Receipt": "ledger",
    "Route": "routing",
}
"""Nouns that are proofs, and the one room that makes each."""

_DECODERS = ("convert", "decode", "Decoder")


def proofs_are_made_in_their_room(module: Module) -> Iterator[str]:
    """Only `policy` makes an `Admission`, only `ledger` a `Receipt`: what holds one knows that the step was taken."""
    for call in _every(module, ast.Call):
        made = [_name(call.func)]
        if made[0] in _DECODERS:
            made = [_name(argument) for argument in (*call.args, *(keyword.value for keyword in call.keywords))]
        for noun in made:
            if noun in MAKERS and MAKERS[noun] != module.room:
                yield f"{_at(module, call)}: only {MAKERS[noun]} makes a {noun}"


def rooms_are_entered_by_their_door(module: Module) -> Iterator[str]:
    """`from courtyard.ledger import Ledger`, never `from courtyard.ledger.store import …`; `core` is taken by file."""
    for node in _every(module, ast.ImportFrom):
        parts = (node.module or "").split(".")
        if node.level:
            yield f"{_at(module, node)}: imports are absolute"
        if parts[0] != "courtyard" or len(parts) == 1 or parts[1] == module.room:
            continue
        if parts[1] == "core":
            if len(parts) != 3:
                yield f"{_at(module, node)}: core is imported by file"
        elif len(parts) > 2:
            yield f"{_at(module, node)}: {parts[1]} is entered by its door, courtyard.{parts[1]}"
        elif module.room and (public := _door(parts[1])) is not None:
            for alias in node.names:
                if alias.name not in public:
                    yield f"{_at(module, node)}: {parts[1]} does not offer {alias.name} in __all__"


def money_has_no_floats(module: Module) -> Iterator[str]:
    """Money is an integer of nano-units: no float literal but seconds, no true division, no `float()`."""
    if module.room not in ("ledger", "licensing", "pricing") and module.name != "courtyard.core.amount":
        return
    seconds = {id(value) for value in _seconds(module)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and id(node) not in seconds:
            yield f"{_at(module, node)}: a float near money"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not _is_path(node):
            yield f"{_at(module, node)}: a true division near money; use // and say how it rounds"
        if isinstance(node, ast.Call) and _name(node.func) == "float":
            yield f"{_at(module, node)}: float() near money"


def only_commands_print(module: Module) -> Iterator[str]:
    """What a server has to say is a log event; only the command line writes to standard output."""
    if module.room == "cli":
        return
    for call in _every(module, ast.Call):
        if _name(call.func) == "print":
            yield f"{_at(module, call)}: print; use structlog"


def doors_say_what_they_offer(module: Module) -> Iterator[str]:
    """A room's `__init__` says its one responsibility in one sentence, and lists the names that others may use."""
    if not module.is_package or module.name.count(".") != 1:
        return
    sentence = ast.get_docstring(module.tree) or ""
    if "\n" in sentence or not sentence.endswith("."):
        yield f"{module.name}: the door needs a docstring of one sentence"
    if module.room not in ("core", "cli") and _public(module) is None:
        yield f"{module.name}: the door needs __all__"


def files_fit_in_a_head(module: Module) -> Iterator[str]:
    """A file has at most 350 lines; one that grows longer holds two ideas.

    Schema revisions are written by a tool, and the verifiers are one file each, for whoever they are handed to.
    """
    excused = ".migrations.versions." in module.name or module.name in _HANDED_OUT
    if module.lines > 350 and not excused:
        yield f"{module.name}: {module.lines} lines; take it apart"


def work_waits_for_events_not_for_time(module: Module) -> Iterator[str]:
    """Nothing sleeps in a thread: what waits can be woken."""
    for call in _every(module, ast.Call):
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr == "sleep" and _name(function.value) == "time":
            yield f"{_at(module, call)}: time.sleep; wait on an event"


CHECKS: tuple[Check, ...] = (
    proofs_are_made_in_their_room,
    rooms_are_entered_by_their_door,
    money_has_no_floats,
    only_commands_print,
    doors_say_what_they_offer,
    files_fit_in_a_head,
    work_waits_for_events_not_for_time,
)


def _every(module: Module, kind: type[Node]) -> Iterator[Node]:
    return (node for node in ast.walk(module.tree) if isinstance(node, kind))


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _at(module: Module, node: ast.AST) -> str:
    return f"{module.name}:{getattr(node, 'lineno', 0)}"


def _public(module: Module) -> set[str] | None:
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and _name(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


@cache
def _door(room: str) -> set[str] | None:
    path = PACKAGE / room / "__init__.py"
    return _public(read_module(path)) if path.exists() else None


def _seconds(module: Module) -> Iterator[ast.AST]:
    """Every constant that stands in something named as seconds, such as `_RENEW_S = 0.25`."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.lower().endswith("_s"):
                yield from ast.walk(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.AST() as value) if name.lower().endswith("_s"):
                yield from ast.walk(value)
            case ast.keyword(arg=str() as name, value=value) if name.endswith("_s") or name == "timeout":
                yield from ast.walk(value)


def _is_path(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether a `/` joins a path: its right side is a text."""
    right = node.right if isinstance(node, ast.BinOp) else node.value
    return isinstance(right, ast.JoinedStr) or (isinstance(right, ast.Constant) and isinstance(right.value, str))
