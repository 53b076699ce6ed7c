"""Writes docs/reference from the code: settings, commands, errors, metrics, plugins and the HTTP interface.

`--check` writes nothing and fails where a page is stale.
"""

import ast
import inspect
import io
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import typer
from prometheus_client.parser import text_string_to_metric_families
from typer.core import TyperArgument, TyperGroup, TyperOption

from courtyard import cli
from courtyard.core import errors
from courtyard.core.amount import Amount, money
from courtyard.core.errors import CourtyardError
from courtyard.core.usage import Usage
from courtyard.gateway import openapi
from courtyard.settings import Settings
from courtyard.telemetry import Exchange, Telemetry

DIRECTORY = Path(__file__).parents[1] / "docs" / "reference"
_MADE = "<!-- Made by tools/reference.py from the code; `make docs` writes it again. -->\n"


def pages() -> dict[str, str]:
    """Every page, by its file name."""
    makers: dict[str, Callable[[], Iterator[str]]] = {
        "commands.md": _commands,
        "errors.md": _errors,
        "metrics.md": _metrics,
        "plugins.md": _plugins,
        "settings.md": _settings,
    }
    made = {name: _MADE + "\n".join(maker()).rstrip() + "\n" for name, maker in makers.items()}
    return made | {"openapi.json": json.dumps(openapi(), indent=1, sort_keys=True) + "\n"}


def stale() -> list[str]:
    """Name the pages that the code no longer says."""
    return [name for name, text in pages().items() if not _same(DIRECTORY / name, text)]


def main() -> int:
    """Write or check; the exit status says whether the pages are fresh."""
    if sys.argv[1:] == ["--check"]:
        for name in (names := stale()):
            sys.stderr.write(f"✗ docs/reference/{name} is stale; run `make docs`\n")
        return 1 if names else 0
    DIRECTORY.mkdir(exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text)
    sys.stdout.write(f"✓ {len(pages())} pages in docs/reference\n")
    return 0


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "Read once at the start: `courtyard.toml` in the data directory, then the environment, which wins."
    yield "A setting in a section is `COURTYARD_<SECTION>__<NAME>`: `[server] port = 9000` is"
    yield "`COURTYARD_SERVER__PORT=9000`. A name that is no setting stops the start, with the nearest name.\n"
    yield from _section(Settings, "")
    yield "## Secrets\n"
    yield "`COURTYARD_SECRET_<NAME>` (64 hex digits) takes the place of the file `keys/<name>.key` in the data"
    yield "directory."


def _section(shape: type[msgspec.Struct], path: str) -> Iterator[str]:
    said = _field_docstrings(shape)
    fields = msgspec.structs.fields(shape)
    sections = [field for field in fields if _is_section(field.type)]
    title = (inspect.getdoc(shape) or "").partition("\n")[0]
    yield f"## `[{path.rstrip('.')}]`\n\n{title}\n" if path else "## At the top\n"
    yield "| Setting | Default | |"
    yield "|---|---|---|"
    for field in fields:
        if field not in sections:
            yield f"| `{field.name}` | `{_default(field)}` | {said.get(field.name, '')} |"
    yield ""
    for field in sections:
        yield from _section(field.type, f"{path}{field.name}.")


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case tuple():
            return json.dumps(value)
        case Path():
            return str(value)
    return str(value)


def _field_docstrings(shape: type) -> dict[str, str]:
    """The text under each field of a class."""
    (body,) = (node for node in ast.parse(inspect.getsource(shape)).body if isinstance(node, ast.ClassDef))
    said = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                said[name] = " ".join(words.split())
    return said


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "Errors are one line on standard error; the exit status is 1 where something was refused, and 2 where the"
    yield "command itself was wrong.\n"
    yield from _command(typer.main.get_command(cli.app), "courtyard")


def _command(command: Any, path: str) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    if isinstance(command, TyperGroup):
        if path == "courtyard":
            yield f"{command.help}\n"
        for name in sorted(command.list_commands(context)):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _command(child, f"{path} {name}")
        return
    arguments = [item for item in command.params if isinstance(item, TyperArgument)]
    usage = " ".join([path, *((item.metavar or item.name or "").upper() for item in arguments)])
    yield f"## `{usage}`\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    options = [item for item in command.params if isinstance(item, TyperOption) and item.name != "help"]
    if options:
        yield "| Option | Default | |"
        yield "|---|---|---|"
        for item in options:
            default = "" if item.default in (None, False, ()) or callable(item.default) else f"`{item.default}`"
            names = ", ".join(f"`{name}`" for name in (*item.opts, *item.secondary_opts))
            yield f"| {names} | {default} | {item.help or ''} |"
        yield ""


def _errors() -> Iterator[str]:
    yield "# Errors\n"
    yield "Match on `code`. The message says what to do next, and may change.\n"
    yield "| Code | Status | What it says |"
    yield "|---|---|---|"
    for error in _tree(CourtyardError):
        if error.__module__ == errors.__name__:
            yield f"| `{error.code}` | {error.status} | {' '.join((error.__doc__ or '').split())} |"


def _tree(error: type[CourtyardError]) -> Iterator[type[CourtyardError]]:
    for child in sorted(error.__subclasses__(), key=lambda child: (child.status, child.code)):
        yield child
        yield from _tree(child)


def _metrics() -> Iterator[str]:
    yield "# Metrics\n"
    yield "`GET /metrics` serves these in Prometheus' text format, beside Prometheus' own `process_*`.\n"
    yield "| Metric | Type | Labels | |"
    yield "|---|---|---|---|"
    telemetry = Telemetry(stream=io.BytesIO())
    telemetry.finished(_EXCHANGE)
    for family in text_string_to_metric_families(telemetry.metrics().decode()):
        if family.name.startswith("courtyard_"):
            labels = sorted({name for sample in family.samples for name in sample.labels} - {"le"})
            name = family.name + ("_total" if family.type == "counter" else "")
            shown = ", ".join(f"`{label}`" for label in labels)
            yield f"| `{name}` | {family.type} | {shown} | {family.documentation} |"


_EXCHANGE = Exchange(
    request_id="req_1",
    door="openai",
    method="POST",
    path="/v1/chat/completions",
    status=200,
    begun_ms=0,
    duration_ms=800.0,
    first_token_ms=90.0,
    kind="chat",
    stream=True,
    model="small",
    engine="embedded",
    usage=Usage(input=9, cached_input=3, output=50, reasoning=1),
    cost=Amount(1_234, money("USD")),
)
"""One that every metric has a value for."""


def _plugins() -> Iterator[str]:
    yield "# Plugins\n"
    yield "A plugin is a class and an entry point. These come with Courtyard.\n"
    for group in ("engines", "languages", "payments", "prices", "readers", "rules"):
        yield f"## `courtyard.{group}`\n"
        yield "| Name | |"
        yield "|---|---|"
        for point in sorted(entry_points(group=f"courtyard.{group}"), key=lambda point: point.name):
            if point.dist is not None and point.dist.name == "courtyard":
                yield f"| `{point.name}` | {_sentence(point.load())} |"
        yield ""


def _sentence(plugin: object) -> str:
    if not inspect.isclass(plugin):
        plugin = sys.modules[type(plugin).__module__] if plugin.__doc__ is None else plugin
    return (inspect.getdoc(plugin) or "").partition("\n")[0]


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
