"""Models that run in this node: brought into the store, and served by an engine of the house."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection

from courtyard import machine
from courtyard.catalogue import rules, store
from courtyard.catalogue.fetching import Fetching, unheard
from courtyard.catalogue.files import Store
from courtyard.catalogue.memory import Memory
from courtyard.catalogue.model import (
    Alias,
    EngineEntry,
    Model,
    ModelUnavailable,
    NotEnoughMemory,
    OnShelf,
    Progress,
    ShelfModel,
)
from courtyard.catalogue.shelf import DEFAULT, SHELF, licence_text
from courtyard.core.chat import Kind
from courtyard.core.errors import Conflict, UnknownModel
from courtyard.core.ids import EngineName, ModelName
from courtyard.core.placement import Placement


class Embedded(Memory):
    """Everything about models that are served from files of this node, or that come with an engine."""

    def shelf(self) -> tuple[OnShelf, ...]:
        """List what can be served here, brought or not: models that ship with the house, and those that were pulled."""
        return tuple(self._on_shelf(model) for model in self._shelf())

    def bring(self, name: str, progress: Progress = unheard, *, to_serve: bool = True) -> Path | None:
        """Return a model's file, verified; fetch it if it is not here. Nothing where a model has no file.

        Raises:
            UnknownModel: nothing of this name can be served here.
            NotEnoughMemory: it would not fit, and it is wanted `to_serve` it.
            NotEnoughSpace: the disk has no room for it.
            ModelUnavailable: no source has it.
        """
        model = self._servable(name)
        if to_serve:
            self._check_fits(model)
        if model.artifact is None:
            return None
        path = self._fetching.bring(model.artifact, progress)
        keep_notice(model, path)
        return path

    def serve_embedded(self, name: str, *, chosen: bool = False) -> Model:
        """Serve a model from this node, and return it as callers see it.

        One that is not `chosen` is a start's: it gives way to the one that another start serves for the same work,
        and takes the name `default` unless an operator gave that to another. A name that an operator gave to a model
        of other servers needs nothing here.

        Raises:
            UnknownModel: nothing of this name can be served here.
            ModelUnavailable: its file is not here; `bring` it first.
        """
        model = self._servable(name)
        if not model.plugin:
            return self.resolve(name)
        if model.artifact is not None and self._store.find(model.artifact, unheard) is None:
            raise ModelUnavailable(f"{model.name} is not here yet; bring it with `courtyard models pull {model.name}`")
        try:
            self._serve(model, chosen=chosen)
        except Conflict:
            self._serve(model, chosen=chosen)  # Another node did the same at this moment.
        return self.resolve(model.name)

    def rest_embedded(self) -> None:
        """Serve nothing that only a start asked for."""
        if any(not engine.chosen for engine in self._known.engines.values()):
            with self._changing() as db:
                _give_way(db, lambda _: True)

    def _serve(self, model: ShelfModel, *, chosen: bool) -> None:
        now_ms = self._clock.now_ms()
        name = EngineName(f"embedded-{model.name}")
        with self._changing() as db:
            was = {engine.name: engine for engine in store.read_engines(db)}.get(name)
            if not chosen:
                _give_way(db, lambda other: other.name != model.name and rules.same_role(other.kinds, model.kinds))
            store.write_model(db, model, created_ms=now_ms)
            engine = EngineEntry(
                name=name,
                plugin=model.plugin,
                options=was.options if was else {},
                file=model.artifact.file if model.artifact else None,
                chosen=chosen or (was is not None and was.chosen),
                created_ms=now_ms,
            )
            store.write_engine(db, engine)
            if (model.name, name) not in {(placed, at.engine) for placed, at in store.read_placements(db)}:
                store.write_placement(db, model.name, Placement(engine=name, model=model.name))
            for alias in _names_for(db, model, chosen=chosen):
                store.write_alias(db, alias)

    def _shelf(self) -> tuple[ShelfModel, ...]:
        ours = {model.name for model in SHELF}
        pulled = (kept for kept in self._known.kept.values() if kept.plugin and kept.name not in ours)
        return (*SHELF, *pulled)

    def _servable(self, name: str) -> ShelfModel:
        """Find what a name stands for here; an operator's alias before one that ships with the house."""
        alias = self._known.aliases.get(name)
        meant = alias.model if alias and alias.chosen else name
        if model := rules.on_shelf(self._shelf(), meant) or self._known.kept.get(ModelName(meant)):
            return model
        return _unknown(name, (other.name for other in self._shelf()))

    def _check_fits(self, model: ShelfModel) -> None:
        self._check_memory(model.name, model.memory_needed(self._settings.context_tokens))

    def _check_memory(self, name: str, needed: int) -> None:
        available = machine.memory_available()
        if available is not None and available < needed:
            raise NotEnoughMemory(
                f"{name} needs {machine.megabytes(needed)} of memory with a context of {self._settings.context_tokens} "
                f"tokens, and {machine.megabytes(available)} are available; free some, choose a smaller model, "
                "or set [engine] context_tokens lower"
            )

    def _on_shelf(self, model: ShelfModel) -> OnShelf:
        artifact = model.artifact
        served = self._known.models.get(model.name)
        return OnShelf(
            model=model,
            bytes_here=self._store.bytes_here(artifact) if artifact else 0,
            present=artifact is None or self._store.is_present(artifact),
            served=served is not None and any(self._is_ours(placement) for placement in served.placements),
            memory_bytes=model.memory_needed(self._settings.context_tokens),
        )

    def _is_ours(self, placement: Placement) -> bool:
        engine = self._known.engines[placement.engine]
        return engine.file is not None or engine.url is None


def bring_to(
    directory: Path,
    name: str,
    progress: Progress = unheard,
    *,
    hub_url: str = "https://huggingface.co",
    wheels: bool = True,
) -> Path:
    """Bring a model that ships with the house into a directory, and return its file. What is there already stays.

    Raises:
        UnknownModel: none of this name has a file.
        ModelUnavailable: it can't be had.
    """
    model = rules.on_shelf(SHELF, name)
    if model is None or model.artifact is None:
        return _unknown(name, (other.name for other in SHELF if other.artifact))
    path = Fetching(Store(directory), hub_url=hub_url, wheels=wheels).bring(model.artifact, progress)
    keep_notice(model, path)
    return path


def _give_way(db: Connection, to_whom: Callable[[ShelfModel], bool]) -> None:
    """Take out what only a start asked for. What an operator has given a name to is relied upon, and stays."""
    engines = {engine.name: engine for engine in store.read_engines(db) if not engine.chosen}
    models = {row.model.name: row.model for row in store.read_models(db)}
    named = {alias.model for alias in store.read_aliases(db) if alias.chosen}
    placements = store.read_placements(db)
    for name, placement in placements:
        if placement.engine in engines and name not in named and to_whom(models[name]):
            store.delete_placement(db, name, placement.engine)
            if not any(other == name and at.engine != placement.engine for other, at in placements):
                store.delete_model(db, name)
    store.delete_idle_engines(db)


def _names_for(db: Connection, model: ShelfModel, *, chosen: bool) -> list[Alias]:
    """Which aliases a model gets: its own, and `default` where it writes; never those that an operator set."""
    set_by_operator = {alias.name for alias in store.read_aliases(db) if alias.chosen}
    held = {alias.name for alias in store.read_aliases(db)}
    models = {row.model.name for row in store.read_models(db)}
    wanted = dict.fromkeys(model.aliases)
    if Kind.CHAT in model.kinds and (not chosen or DEFAULT not in held):
        wanted[DEFAULT] = None
    return [
        Alias(name=name, model=model.name, chosen=False)
        for name in wanted
        if name not in set_by_operator and name not in models
    ]


def keep_notice(model: ShelfModel, path: Path) -> None:
    """Lay a model's notice and its licence beside its file: whoever hands that on must hand these on too."""
    words = licence_text(model.licence) if model.licence else None
    beside = path.with_name(f"{path.name}.licence.txt")
    if words is not None and not beside.exists():
        with suppress(OSError):  # A store made elsewhere may be read-only.
            beside.write_text(f"{model.notice}\nLicence: {model.licence}\n\n{words}")


def _unknown(name: str, names: Iterable[str]) -> NoReturn:
    known = tuple(names)
    near = rules.nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
    raise UnknownModel(f"no model {name[:120]!r} can be brought here; {hint}", param="model")
