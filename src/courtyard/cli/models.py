"""`courtyard models`: what is served, by which engines, and how more comes."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer
from rich.markup import escape
from rich.table import Column, Table

from courtyard import plugins
from courtyard.app import House
from courtyard.catalogue import EngineState, Layout, Model, ModelUnavailable, OnShelf, cautions
from courtyard.cli.bars import bytes_bar
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json
from courtyard.cli.trying import Trial, prompt_for, run_trial
from courtyard.core.chat import Kind
from courtyard.core.ids import EngineName, Region
from courtyard.core.placement import Placement

app = typer.Typer(help="Models, the engines behind them, and other names for them.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name, or an alias.")]
_Kinds = Annotated[
    list[Kind] | None, typer.Option("--kind", help="What the model does; give it once for each.", show_default=False)
]
_YES_NO = {True: "[green]yes[/green]", False: "no"}


@app.command("list")
def list_models(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the models that are served, and those that can be brought here."""
    with open_house(data_dir) as house:
        models, engines, shelf = house.catalogue.models(), house.catalogue.engine_states(), house.catalogue.shelf()
        if json:
            print_json({"models": models, "engines": engines, "shelf": shelf})
            return
        _show_served(models, engines, house)
        _show_shelf(shelf)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What callers will ask for.")],
    *,
    url: Annotated[str, typer.Option(help="Address of an OpenAI-compatible server, such as http://localhost:8000/v1.")],
    upstream_model: Annotated[
        str | None, typer.Option(help="The server's own name for the model, where it is another.")
    ] = None,
    key_env: Annotated[
        str | None,
        typer.Option(metavar="VAR", help="The environment variable with the server's key. Only its name is kept."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="A file with the server's key, read where the server runs.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Where the server stands; needed for addresses outside this network.")
    ] = None,
    weight: Annotated[int, typer.Option(help="Its share of the load beside other engines of this model.")] = 1,
    fallback: Annotated[bool, typer.Option("--fallback", help="Ask it only when the engines before it fail.")] = False,
    kind: _Kinds = None,
    context: Annotated[int | None, typer.Option(metavar="TOKENS", help="The model's context. [default: 8192]")] = None,
    alias: Annotated[list[str] | None, typer.Option(help="Another name for the model; repeatable.")] = None,
    engine: Annotated[str | None, typer.Option(help="A name for the server; made from its address otherwise.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of the engine, such as stall_s=30.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Serve a model by an OpenAI-compatible server: vLLM, SGLang, Ollama, llama-server, a provider.

    The same NAME with another --url adds an engine behind it; a running Courtyard follows within a second.
    """
    with open_house(data_dir) as house:
        model = house.catalogue.add(
            name,
            url=url,
            upstream=upstream_model,
            engine=engine,
            key_env=key_env,
            key_file=str(key_file.absolute()) if key_file else None,
            region=Region(region) if region else None,
            weight=weight,
            fallback=fallback,
            kinds=kind,
            context_tokens=context,
            aliases=alias or (),
            options=dict(_option(each) for each in option or ()),
        )
        for caution in cautions(url, has_key=bool(key_env or key_file)):
            err.print(f"[yellow]note[/yellow] {escape(caution)}", highlight=False, soft_wrap=True)
        _say(house, model, json=json)


@app.command()
def pull(
    name: Annotated[
        str, typer.Argument(metavar="NAME|REPO", help="A model of `courtyard models list`, or a repository of the hub.")
    ],
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="The GGUF file of the repository.")] = None,
    *,
    called: Annotated[
        str | None, typer.Option("--name", help="What callers will ask for; made from FILE otherwise.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit of the repository.")] = None,
    sha256: Annotated[
        str | None, typer.Option(help="The digest the file must have; otherwise the one the hub states.")
    ] = None,
    hub_url: Annotated[str | None, typer.Option(help="Another hub than the one in the settings.")] = None,
    layout: Annotated[Layout, typer.Option(help="How the hub lays out its addresses.")] = Layout.HUGGINGFACE,
    kind: _Kinds = None,
    only_file: Annotated[bool, typer.Option("--only-file", help="Bring the file and don't serve it.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Bring a model's file, checked by its digest, and serve it. What broke off goes on where it was."""
    with open_house(data_dir) as house, bytes_bar(quiet=json) as progress:
        model: Model | None = None
        if file is not None:
            model = house.catalogue.pull(
                name,
                file,
                progress,
                name=called,
                revision=revision,
                sha256=sha256,
                layout=layout,
                hub_url=hub_url,
                kinds=kind,
                to_serve=not only_file,
            )
        else:
            house.catalogue.bring(name, progress, to_serve=not only_file)
            if not only_file:
                model = house.catalogue.serve_embedded(name, chosen=True)
    if model is not None:
        _say(house, model, json=json)
    elif json:
        print_json({"file": file or name, "served": False})
    else:
        out.print(f"{escape(file or name)} is here; nothing serves it yet", highlight=False, soft_wrap=True)


@app.command("test")
def try_model(
    name: _Name,
    *,
    kind: Annotated[
        Kind | None, typer.Option(help="What to ask for; otherwise the first of these that the model does.")
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Ask each engine of a model one short question, and tell how soon and how fast it answered.

    The engines are started here, apart from a server that runs: an embedded model is loaded once more.
    """
    with open_house(data_dir) as house:
        model = house.catalogue.resolve(name)
        asked = kind or next(kind for kind in Kind if kind in model.kinds)
        prompt = prompt_for(house, model.name, asked)
        installed = plugins.load("engines")
        trials = []
        for placement in model.placements:
            err.print(f"→ asking {placement.engine}", markup=False, highlight=False)
            try:
                settings = house.catalogue.engine(placement.engine)
                plugin = cast("Any", installed[settings.plugin])
            except (ModelUnavailable, KeyError) as error:
                trials.append(_not_tried(placement, asked, error))
            else:
                trials.append(asyncio.run(run_trial(plugin, settings, placement.model, prompt)))
    if json:
        print_json({"model": model.name, "trials": trials})
    else:
        _show_trials(trials)
    if not any(trial.ok for trial in trials):
        raise fail(f"no engine of {model.name} answered")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model's name.")],
    *,
    engine: Annotated[str | None, typer.Option(help="Take away only this engine of the model.")] = None,
    file: Annotated[bool, typer.Option("--file", help="Delete the model's file too.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Take a model, or one engine of it, out of service."""
    with open_house(data_dir) as house:
        house.catalogue.remove(name, engine=engine, file=file)
    if json:
        print_json({"removed": name, "engine": engine})
    else:
        of = f"{engine} of {name}" if engine else name
        out.print(f"{escape(of)} is out of service", highlight=False, soft_wrap=True)


@app.command()
def alias(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The other name, such as `default` or `fast`.")],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The model it is to stand for.")] = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias away.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Give a model another name, in the place of what that stood for."""
    if (name is None) != remove:
        raise fail("give the model that the alias is to stand for, or --remove", status=2)
    with open_house(data_dir) as house:
        model = house.catalogue.set_alias(alias, name) if name is not None else None
        if model is None:
            house.catalogue.remove_alias(alias)
    if json:
        print_json({"alias": alias, "model": model.name if model else None})
    else:
        said = f"{alias} is {model.name}" if model else f"{alias} stands for nothing now"
        out.print(escape(said), highlight=False, soft_wrap=True)


def _option(text: str) -> tuple[str, str | int | float | bool]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is no NAME=VALUE", param_hint="--option")
    try:
        return name, msgspec.json.decode(value, type=str | int | float | bool)
    except msgspec.DecodeError:
        return name, value


def _say(house: House, model: Model, *, json: bool) -> None:
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
            _warn(f"engine {state.entry.name} can't run here: {state.problem}")


def _where(placement: Placement, *facts: str) -> str:
    said = [*facts, *([f"weight {placement.weight}"] if placement.weight != 1 else [])]
    said += [f"fallback {placement.rank}"] if placement.rank else []
    return f"{placement.engine} ({', '.join(said)})" if said else placement.engine


def _show_served(models: Iterable[Model], engines: Iterable[EngineState], house: House) -> None:
    states = {state.entry.name: state for state in engines}
    regions = {name: house.catalogue.region_of(state.entry) for name, state in states.items()}
    table = _table("Served", "Does", "Context", "Runs on")
    for model in models:
        table.add_row(
            _named(model.name, model.aliases),
            "\n".join(sorted(model.kinds)),
            f"{model.context_tokens:,}",
            "\n".join(escape(_where(placement, regions[placement.engine])) for placement in model.placements),
        )
    if table.row_count:
        out.print(table)
    else:
        out.print("nothing is served yet; `courtyard models pull default` brings a model\n", highlight=False)
    for state in states.values():
        if state.problem:
            _warn(f"engine {state.entry.name} can't run here: {state.problem}")


def _show_shelf(shelf: Iterable[OnShelf]) -> None:
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


def _not_tried(placement: Placement, kind: Kind, error: Exception) -> Trial:
    reason = error.message if isinstance(error, ModelUnavailable) else f"no plugin {error} is installed for it"
    return Trial(engine=EngineName(placement.engine), model=placement.model, kind=kind, ok=False, error=reason)


def _show_trials(trials: Iterable[Trial]) -> None:
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


def _warn(message: str) -> None:
    err.print(f"[yellow]note[/yellow] {escape(message)}", highlight=False, soft_wrap=True)
