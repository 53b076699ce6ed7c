"""The snapshot in force, and the one way to change what it shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from courtyard.catalogue import rules, snapshot
from courtyard.catalogue.fetching import Fetching
from courtyard.catalogue.files import Store
from courtyard.catalogue.model import Alias, CatalogueSettings, EngineEntry, EngineState, Model, ModelUnavailable
from courtyard.catalogue.snapshot import Snapshot
from courtyard.catalogue.wiring import NotHere, wire, wire_outside
from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, UnknownModel
from courtyard.core.ids import HOME, EngineName, ProviderId, Region
from courtyard.engines import EngineSettings
from courtyard.storage import Database, bump

ROOM = "catalogue"

_log = structlog.get_logger("courtyard.catalogue")


class Memory:
    """What all of the catalogue stands on. Reads are from memory; a change is a transaction, then a new snapshot."""

    def __init__(self, database: Database, clock: Clock, *, settings: CatalogueSettings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._store = Store(settings.directory)
        self._pause = Event()
        self._fetching = Fetching(self._store, hub_url=settings.hub_url, wheels=settings.wheels, pause=self._pause)
        self._known = Snapshot()
        self._problems: dict[EngineName, str] = {}
        self._reloading = Lock()
        self.reload()

    @property
    def settings(self) -> CatalogueSettings:
        return self._settings

    def reload(self) -> None:
        """Read everything again: another process changed something."""
        # What is read later is also put in place later, or a slow reader would bring back what was removed.
        with self._reloading, self._database.reading() as db:
            self._known = snapshot.take(db, self._settings)

    def resolve(self, name: str) -> Model:
        """Return the model of a name or an alias.

        Raises:
            UnknownModel: there is none; the message has the nearest name.
        """
        if model := self._known.by_name.get(name):
            return model
        near = rules.nearest(name, self._known.by_name)
        hint = f"did you mean {near!r}?" if near else "GET /v1/models lists those that are"
        raise UnknownModel(f"no model {name[:120]!r} is served here; {hint}", param="model")

    def name_of(self, name: str) -> str:
        """Return the name of the model that an alias stands for; what is unknown, as it is."""
        model = self._known.by_name.get(name)
        return name if model is None else model.name

    def models(self) -> tuple[Model, ...]:
        """List models, oldest first."""
        return tuple(self._known.models.values())

    def aliases(self) -> tuple[Alias, ...]:
        """List other names of models."""
        return tuple(self._known.aliases.values())

    def engines(self) -> tuple[EngineSettings, ...]:
        """List what is to be run here, with the keys as they are at this moment.

        An engine whose key or file is missing is left out, and logged once; `engine_states` says the same.
        """
        wired = [(entry, self._wire(entry)) for entry in self._known.engines.values()]
        problems = {entry.name: problem for entry, problem in wired if isinstance(problem, str)}
        for name, problem in problems.items():
            if self._problems.get(name) != problem:
                _log.warning("engine_left_out", engine=name, reason=problem)
        self._problems = problems
        return tuple(settings for _, settings in wired if isinstance(settings, EngineSettings))

    def engine(self, name: EngineName) -> EngineSettings:
        """Return what running one engine takes, with its key as it is at this moment.

        Raises:
            ModelUnavailable: its key or its file is missing; or there is no such engine any more.
        """
        entry = self._known.engines.get(name)
        wired = f"there is no engine {name!r}" if entry is None else self._wire(entry)
        if isinstance(wired, str):
            raise ModelUnavailable(f"engine {name!r} can't run here: {wired}")
        return wired

    def outside(self, name: str) -> EngineSettings:
        """Return the address and the key of another provider's engine, for the egress.

        Raises:
            ModelUnavailable: there is no such engine, it is the operator's own, or its key is missing.
        """
        entry = self._known.engines.get(EngineName(name))
        if entry is None or entry.provider == HOME:
            raise ModelUnavailable(f"there is no engine {name[:120]!r} of another provider")
        try:
            return wire_outside(entry)
        except NotHere as problem:
            raise ModelUnavailable(f"engine {name!r} can't be reached: {problem}") from problem

    @property
    def leads_outside(self) -> bool:
        """Whether any engine is another provider's."""
        return any(entry.provider != HOME for entry in self._known.engines.values())

    def places(self, model: str) -> tuple[tuple[ProviderId, Region], ...]:
        """Say by whom and where a model is run, in the order in which its engines are tried.

        Raises:
            UnknownModel: there is none of this name.
        """
        engines = (self._known.engines[placement.engine] for placement in self.resolve(model).placements)
        return tuple((entry.provider, self.region_of(entry)) for entry in engines)

    def engine_states(self) -> tuple[EngineState, ...]:
        """List engines as they are kept, each with what keeps it from being run here."""
        states = ((entry, self._wire(entry)) for entry in self._known.engines.values())
        return tuple(
            EngineState(entry=entry, problem=wired if isinstance(wired, str) else None) for entry, wired in states
        )

    def region_of(self, entry: EngineEntry) -> Region:
        """Where an engine runs: an embedded one, in this node."""
        return entry.region or self._settings.region

    def _wire(self, entry: EngineEntry) -> EngineSettings | str:
        try:
            return wire(entry, self._settings, self._store, self._known.artifact_of(entry))
        except NotHere as problem:
            return str(problem)

    @contextmanager
    def _changing(self, *, taken: str = "another process changed the same model; try again") -> Iterator[Connection]:
        """Open a transaction that other processes hear of, and whose outcome is in memory when the block has ended.

        `taken` is what to say when it breaks a uniqueness.
        """
        try:
            with self._database.transaction() as db:
                bump(db, ROOM)  # First, so that on PostgreSQL one transaction at a time changes the catalogue.
                yield db
        except IntegrityError as error:
            raise Conflict(taken) from error
        self.reload()
