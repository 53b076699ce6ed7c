"""`courtyard models`: what is served, by which engines, and how more comes."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer
from rich.markup import escape

from courtyard import plugins
from courtyard.app import House
from courtyard.catalogue import Layout, Model, ModelUnavailable, cautions
from courtyard.cli.bars import bytes_bar
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json
from courtyard.cli.models_shown import say, show_served, show_shelf, show_trials, warn
from courtyard.cli.trying import Trial, ask_health, prompt_for, run_trial
from courtyard.core.chat import Kind
from courtyard.core.ids import EngineName, ProviderId, Region
from courtyard.core.placement import Placement

app = typer.Typer(help="Models, the engines behind them, and other names for them.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A model's name, or an alias.")]
_Kinds = Annotated[
    list[Kind] | None, typer.Option("--kind", help="What the model does; give it once for each.", show_default=False)
]


_Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="A setting of the engine, such as stall_s=30; repeatable."),
]


@app.command("list")
def list_models(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the models that are served, and those that can be brought here."""
    with open_house(data_dir) as house:
        models, engines, shelf = house.catalogue.models(), house.catalogue.engine_states(), house.catalogue.shelf()
        if json:
            print_json({"models": models, "engines": engines, "shelf": shelf})
            return
        show_served(models, engines, house)
        show_shelf(shelf)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What callers will ask for.")],
    *,
    url: Annotated[
        str | None, typer.Option(help="Address of an OpenAI-compatible server, such as http://localhost:8000/v1.")
    ] = None,
    plugin: Annotated[
        str | None, typer.Option(help="Another installed kind of engine, which may need no --url.")
    ] = None,
    upstream_model: Annotated[
        str | None, typer.Option(help="The engine's own name for the model, where it is another.")
    ] = None,
    key_env: Annotated[
        str | None,
        typer.Option(metavar="VAR", help="The environment variable with the server's key. Only its name is kept."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="A file with the server's key, read where the server runs.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Where the engine stands; needed for addresses outside this network.")
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            help="Whose it is, of `courtyard providers list`: it is reached by the egress alone. [default: home]"
        ),
    ] = None,
    weight: Annotated[int, typer.Option(help="Its share of the load beside other engines of this model.")] = 1,
    fallback: Annotated[bool, typer.Option("--fallback", help="Ask it only when the engines before it fail.")] = False,
    kind: _Kinds = None,
    context: Annotated[int | None, typer.Option(metavar="TOKENS", help="The model's context. [default: 8192]")] = None,
    alias: Annotated[list[str] | None, typer.Option(help="Another name for the model; repeatable.")] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="A name for the engine; made from its address otherwise. With neither --url nor --plugin, one that "
            "is there."
        ),
    ] = None,
    option: _Options = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Serve a model by an OpenAI-compatible server (vLLM, SGLang, Ollama, a provider) or by another plugin.

    The same NAME with another --url adds an engine behind it; a running Courtyard follows within a second.
    """
    with open_house(data_dir) as house:
        is_new = name not in {model.name for model in house.catalogue.models()}
        model = house.catalogue.add(
            name,
            url=url,
            plugin=plugin,
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
            options={key: value for key, value in map(_option, option or ()) if value is not None},
            provider=ProviderId(provider) if provider else None,
        )
        for caution in cautions(url, has_key=bool(key_env or key_file)) if url else ():
            warn(caution)
        say(house, model, json=json)
        if url:
            if is_new and context is None:
                warn(f"its context is assumed to be {model.context_tokens} tokens; give --context where it is another")
            if provider is None:
                _knock(house, url)


@app.command()
def configure(
    name: _Name,
    *,
    option: _Options = None,
    engine: Annotated[str | None, typer.Option(help="Which engine of the model, where it runs on several.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Set options of an engine of a model, or show them. It starts anew with them: what it was answering fails.

    An option with nothing after its `=` has its default again.
    """
    with open_house(data_dir) as house:
        entry = house.catalogue.configure(name, dict(map(_option, option or ())), engine=engine)
    if json:
        print_json(entry)
    else:
        options = [f"{key}={msgspec.json.encode(value).decode()}" for key, value in entry.options.items()]
        said = f"{entry.name} has {', '.join(options) or 'every option at its default'}"
        out.print(escape(said), highlight=False, soft_wrap=True)


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
        say(house, model, json=json)
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
        show_trials(trials)
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


def _knock(house: House, url: str) -> None:
    """Tell when the server at an address is not there; it may yet come, so that is no mistake."""
    entries = [
        state.entry
        for state in house.catalogue.engine_states()
        if state.entry.url == url.rstrip("/") and not state.problem
    ]
    for entry in entries:
        try:
            settings = house.catalogue.engine(entry.name)
            health = asyncio.run(ask_health(cast("Any", plugins.load("engines")[settings.plugin]), settings))
        except (ModelUnavailable, KeyError):  # What is shown of the model says so.
            continue
        if not health.ready:
            warn(f"engine {entry.name} is not ready, seen from here: {health.detail or 'it does not say why'}")


def _option(text: str) -> tuple[str, str | int | float | bool | None]:
    """Read an option as a number or a truth where it looks like one; nothing stands for its default."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is no NAME=VALUE", param_hint="--option")
    if not value:
        return name, None
    try:
        return name, msgspec.json.decode(value, type=str | int | float | bool)
    except msgspec.DecodeError:
        return name, value


def _not_tried(placement: Placement, kind: Kind, error: Exception) -> Trial:
    reason = error.message if isinstance(error, ModelUnavailable) else f"no plugin {error} is installed for it"
    return Trial(engine=EngineName(placement.engine), model=placement.model, kind=kind, ok=False, error=reason)
