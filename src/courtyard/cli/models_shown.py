"""How models, their engines and the shelf are shown to people."""

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Column, Table

from courtyard.app import House
from courtyard.catalogue import EngineState, Model, OnShelf
from courtyard.cli.common import err, out, print_json
from courtyard.cli.trying import Trial
from courtyard.core.ids import HOME
from courtyard.core.placement import Placement

_YES_NO = {True: "[green]yes[/green]", False: "no"}


def say(house: House, model: Model, *, json: bool) -> None:
    """Tell where a model runs and what it does, and what keeps an engine of it from running."""
    if json:
        print_json(model)
        return
    runs = ", ".join(_where(placement) for placement in model.placements)
    out.print(f"[bold]{escape(model.name)}[/bold] runs on {escape(runs)}", highlight=False, soft_wrap=True)
    facts = [
        f"{', '.join(sorted(model.kinds))}",
        f"{model.context_tokens} tokens of context a request",
        *([f"licence {model.licence}"] if model.licence else []),
        *([f"also {', '.join(model.aliases)}"] if model.aliases else []),
    ]
    out.print(f"  {escape(' · '.join(facts))}", style="dim", highlight=False, soft_wrap=True)
    for state in house.catalogue.engine_states():
        if state.problem and any(placement.engine == state.entry.name for placement in model.placements):
            _tell_problem(state)


def _where(placement: Placement, *facts: str) -> str:
    said = [*facts, *([f"weight {placement.weight}"] if placement.weight != 1 else [])]
    said += [f"fallback {placement.rank}"] if placement.rank else []
    return f"{placement.engine} ({', '.join(said)})" if said else placement.engine


def show_served(models: Iterable[Model], engines: Iterable[EngineState], house: House) -> None:
    """Show what is served, by which engines, and what keeps one of them from running."""
    states = {state.entry.name: state for state in engines}
    places = {name: _place(state, house) for name, state in states.items()}
    table = _table("Served", "Does", "Context", "Runs on")
    for model in models:
        table.add_row(
            _named(model.name, model.aliases),
            "\n".join(sorted(model.kinds)),
            f"{model.context_tokens:,}",
            "\n".join(escape(_where(placement, *places[placement.engine])) for placement in model.placements),
        )
    if table.row_count:
        out.print(table)
    else:
        out.print("nothing is served yet; `courtyard models pull default` brings a model\n", highlight=False)
    for state in states.values():
        if state.problem:
            _tell_problem(state)


def _place(state: EngineState, house: House) -> tuple[str, ...]:
    """Where an engine stands, and whose it is where it is not the operator's own."""
    region, provider = house.catalogue.region_of(state.entry), state.entry.provider
    return (region,) if provider == HOME else (region, f"of {provider}")


def show_shelf(shelf: Iterable[OnShelf]) -> None:
    """Show what can be brought here."""
    table = _table("Can be brought", "Size", "Memory", "Here", "Served", "Licence")
    for entry in shelf:
        artifact = entry.model.artifact
        table.add_row(
            _named(entry.model.name, entry.model.aliases),
            _size(artifact.bytes) if artifact else "",
            _size(entry.memory_bytes) if entry.memory_bytes else "",
            _here(entry),
            _YES_NO[entry.served],
            escape(entry.model.licence or ""),
        )
    out.print(table)


def _table(title: str, *columns: str) -> Table:
    """A table that shows model names whole on a narrow terminal."""
    rest = (Column(column, overflow="fold") for column in columns)
    return Table(Column("Model", no_wrap=True), *rest, title=title, title_justify="left", title_style="bold")


def _named(name: str, aliases: Iterable[str]) -> str:
    also = "".join(f"\n[dim]also {escape(alias)}[/dim]" for alias in aliases)
    return escape(name) + also


def _here(entry: OnShelf) -> str:
    artifact = entry.model.artifact
    if entry.present or artifact is None:
        return _YES_NO[True]
    return f"{100 * entry.bytes_here // artifact.bytes} %" if entry.bytes_here else _YES_NO[False]


def _size(bytes: int) -> str:
    return f"{bytes / 1e9:.2f} GB" if bytes >= 1e9 else f"{bytes / 1e6:.0f} MB"


def show_trials(trials: Iterable[Trial]) -> None:
    """Show how each engine answered."""
    table = Table("Engine", "Region", "Answered", "First after", "Tokens", "Speed", "It said")
    for trial in trials:
        table.add_row(
            escape(trial.engine),
            escape(trial.region or ""),
            _YES_NO[True] if trial.ok else "[red]no[/red]",
            f"{trial.first_ms} ms" if trial.first_ms is not None else "",
            str(trial.tokens) if trial.tokens is not None else "",
            f"{trial.tokens_per_s} tokens/s" if trial.tokens_per_s is not None else "",
            escape(trial.error or trial.text or f"a vector of {trial.dimensions} dimensions"),
        )
    out.print(table)


def _tell_problem(state: EngineState) -> None:
    entry = state.entry
    if entry.key_env or entry.key_file:  # The server may have the key that this shell lacks.
        warn(f"engine {entry.name}, seen from here: {state.problem}; what counts is where `courtyard serve` runs")
    else:
        warn(f"engine {entry.name} can't run here: {state.problem}")


def warn(message: str) -> None:
    """Tell what an operator should know beside what they asked for."""
    err.print(f"[yellow]note[/yellow] {escape(message)}", highlight=False, soft_wrap=True)
