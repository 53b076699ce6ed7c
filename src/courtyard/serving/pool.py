"""The engines that stand ready, and what is known of their health."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

import structlog
from msgspec.structs import replace

from courtyard.core.chat import Delta, Embeddings
from courtyard.core.clock import Clock
from courtyard.core.errors import Busy, CourtyardError, EngineFailed, NoRoute, PolicyDenied
from courtyard.core.ids import HOME, EngineName
from courtyard.core.placement import Placement
from courtyard.engines import Engine, EngineRoom, EngineSettings, Health
from courtyard.routing import CircuitBreaker, EngineCard, Route
from courtyard.serving.border import Border
from courtyard.serving.restoring import restored
from courtyard.serving.walk import Walk

_log = structlog.get_logger("courtyard.serving")

EnginePlugin = Callable[[EngineSettings], Engine]

_TRY_THE_NEXT = (EngineFailed, Busy, NoRoute, PolicyDenied)
"""An engine that fails, is full, was taken out of service or may not be asked now says nothing about the next one."""

_CLOSED = Border()
"""Nobody but the operator serves."""


class Pool:
    """Runs a walk's routes in order: the next one is tried where an engine failed before its first piece, or is full.

    Engines come and go with the catalogue: `follow` starts those that are new and closes those that are gone. An
    engine whose settings changed is closed and started again. Where several workers serve, native engines run in the
    machine's engine room.
    """

    def __init__(self, plugins: Mapping[str, EnginePlugin], clock: Clock, *, room: EngineRoom | None = None) -> None:
        self._plugins = plugins
        self._clock = clock
        self._room = room
        self._engines: dict[EngineName, Engine] = {}
        self._settings: dict[EngineName, EngineSettings] = {}
        self._breakers: dict[EngineName, CircuitBreaker] = {}
        self._following = asyncio.Lock()

    @property
    def cards(self) -> tuple[EngineCard, ...]:
        """What routing chooses from: each engine with its region and whether it may be tried now."""
        return self._cards(self._engines)

    def cards_of(self, placements: Iterable[Placement]) -> tuple[EngineCard, ...]:
        """What routing chooses from for one model: the engines of it that stand ready."""
        return self._cards(dict.fromkeys([placement.engine for placement in placements]))

    def _cards(self, names: Iterable[EngineName]) -> tuple[EngineCard, ...]:
        now = self._clock.monotonic()
        return tuple(
            [
                EngineCard(
                    name=name,
                    region=self._engines[name].region,
                    available=self._breakers[name].allows(now),
                    provider=self._settings[name].provider,
                )
                for name in names
                if name in self._engines
            ]
        )

    async def follow(self, wanted: Iterable[EngineSettings]) -> None:
        """Make the pool what the catalogue says. An engine that can't start is left out, and logged."""
        async with self._following:
            named = {settings.name: replace(settings, room=self._room) for settings in wanted}
            gone = [name for name, settings in self._settings.items() if named.get(name) != settings]
            for name in gone:
                await self._remove(name)
            new = [settings for name, settings in named.items() if name not in self._engines]
            await asyncio.gather(*(self._add(settings) for settings in new))

    async def health(self) -> dict[EngineName, Health]:
        """Ask every engine whether it can take work."""
        names = list(self._engines)
        answers = await asyncio.gather(*(self._engines[name].health() for name in names))
        return dict(zip(names, answers, strict=True))

    async def close(self) -> None:
        """Stop every engine."""
        async with self._following:
            for name in list(self._engines):
                await self._remove(name)

    async def generate(self, walk: Walk, border: Border = _CLOSED) -> AsyncGenerator[Delta, None]:
        """Yield the answer of the first route that begins one; the border is asked before any that leads elsewhere."""
        assert walk.prompt is not None
        for route, last in _ending(walk.routes):
            begun = False
            try:
                engine = self._begin(walk, route)
                if route.provider == HOME and not route.mask:
                    deltas = engine.generate(route.model, walk.prompt)
                else:
                    deltas = await self._elsewhere(walk, route, border)
                try:
                    async for delta in deltas:
                        if not begun:
                            begun = True
                            self._began(route)
                        yield delta
                    if not begun:
                        raise EngineFailed(f"engine {route.engine!r} ended without an answer; try again")
                finally:
                    await deltas.aclose()
            except _TRY_THE_NEXT as error:
                self._failed(route, error)
                if begun or last:
                    raise
            else:
                self._succeeded(route)
                return

    async def embed(self, walk: Walk, border: Border = _CLOSED) -> Embeddings:
        """Return the vectors of the first route that gives them; the border is asked as for an answer."""
        assert walk.prompt is not None
        for route, last in _ending(walk.routes):
            try:
                engine, prompt = self._begin(walk, route), walk.prompt
                if route.provider != HOME or route.mask:
                    prompt = (await border.cross(walk, route)).prompt
                    engine = self._sent(walk, route)
                embeddings = await engine.embed(route.model, prompt)
            except _TRY_THE_NEXT as error:
                self._failed(route, error)
                if last:
                    raise
            else:
                self._succeeded(route)
                return embeddings
        raise AssertionError("a walk has at least one route")

    async def _elsewhere(self, walk: Walk, route: Route, border: Border) -> AsyncGenerator[Delta, None]:
        crossing = await border.cross(walk, route)
        deltas = self._sent(walk, route).generate(route.model, crossing.prompt)
        return deltas if crossing.masked is None else restored(deltas, crossing.masked, crossing.prompt.request)

    def _sent(self, walk: Walk, route: Route) -> Engine:
        """Return the engine that is sent the request now: it may have been taken out of service meanwhile."""
        engine = self._ready(route)
        walk.sent |= {route.provider}
        return engine

    def _ready(self, route: Route) -> Engine:
        """Return the engine of a route, as long as it is still where the route says."""
        engine, settings = self._engines.get(route.engine), self._settings.get(route.engine)
        if engine is None or settings is None or (engine.region, settings.provider) != (route.region, route.provider):
            raise NoRoute(f"engine {route.engine!r} was taken out of service; try again")
        return engine

    def _begin(self, walk: Walk, route: Route) -> Engine:
        walk.take(route)
        engine = self._ready(route)
        self._breakers[route.engine].tried(self._clock.monotonic())
        return engine

    def _began(self, route: Route) -> None:
        """Close an open circuit at the first piece; a closed one hears of success only at the end of an answer."""
        breaker = self._breakers.get(route.engine)
        if breaker is not None and not breaker.allows(self._clock.monotonic()):
            breaker.succeeded()

    def _succeeded(self, route: Route) -> None:
        if route.engine in self._breakers:
            self._breakers[route.engine].succeeded()

    def _failed(self, route: Route, error: CourtyardError) -> None:
        if isinstance(error, PolicyDenied):
            _log.warning("route_refused", engine=route.engine, provider=route.provider, rule=error.rule)
            return
        _log.warning("engine_failed", engine=route.engine, error=error.code, reason=error.message)
        if isinstance(error, EngineFailed) and route.engine in self._breakers:
            self._breakers[route.engine].failed(self._clock.monotonic())

    async def _add(self, settings: EngineSettings) -> None:
        try:
            engine = self._plugins[settings.plugin](settings)
            await engine.start()
        except Exception as error:
            _log.error("engine_not_started", engine=settings.name, reason=str(error))
            return
        self._engines[settings.name] = engine
        self._settings[settings.name] = settings
        self._breakers[settings.name] = CircuitBreaker()

    async def _remove(self, name: EngineName) -> None:
        engine = self._engines.pop(name)
        del self._settings[name], self._breakers[name]
        await engine.close()


def _ending(routes: tuple[Route, ...]) -> Iterable[tuple[Route, bool]]:
    """Pair each route with whether it is the last."""
    return ((route, number == len(routes)) for number, route in enumerate(routes, start=1))
