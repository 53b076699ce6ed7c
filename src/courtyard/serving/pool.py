"""The engines that stand ready, and what is known of their health."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

import structlog

from courtyard.core.chat import Delta, Embeddings
from courtyard.core.clock import Clock
from courtyard.core.errors import EngineFailed, NoRoute
from courtyard.core.ids import EngineName
from courtyard.engines import Engine, EngineSettings, Health
from courtyard.routing import CircuitBreaker, EngineCard, Route
from courtyard.serving.walk import Walk

_log = structlog.get_logger("courtyard.serving")

EnginePlugin = Callable[[EngineSettings], Engine]


class Pool:
    """Runs a walk's routes in order: the next one is tried where an engine failed before its first piece.

    Engines come and go with the catalogue: `follow` starts those that are new and closes those that are gone. An
    engine whose settings changed is closed and started again.
    """

    def __init__(self, plugins: Mapping[str, EnginePlugin], clock: Clock) -> None:
        self._plugins = plugins
        self._clock = clock
        self._engines: dict[EngineName, Engine] = {}
        self._settings: dict[EngineName, EngineSettings] = {}
        self._breakers: dict[EngineName, CircuitBreaker] = {}
        self._following = asyncio.Lock()

    @property
    def cards(self) -> tuple[EngineCard, ...]:
        """What routing chooses from: each engine with its region and whether it may be tried now."""
        now = self._clock.monotonic()
        return tuple(
            EngineCard(name=name, region=engine.region, available=self._breakers[name].allows(now))
            for name, engine in self._engines.items()
        )

    async def follow(self, wanted: Iterable[EngineSettings]) -> None:
        """Make the pool what the catalogue says. An engine that can't start is left out, and logged."""
        async with self._following:
            named = {settings.name: settings for settings in wanted}
            gone = [name for name, settings in self._settings.items() if named.get(name) != settings]
            for name in gone:
                await self._remove(name)
            for name, settings in named.items():
                if name not in self._engines:
                    await self._add(settings)

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

    async def generate(self, walk: Walk) -> AsyncGenerator[Delta, None]:
        """Yield the answer of the first route that begins one."""
        assert walk.prompt is not None
        for route, last in _ending(walk.routes):
            self._begin(walk, route)
            deltas = self._engine(route).generate(route.model, walk.prompt)
            try:
                begun = False
                async for delta in deltas:
                    if not begun:
                        begun = True
                        self._succeeded(route)
                    yield delta
            except EngineFailed:
                self._failed(route)
                if begun or last:
                    raise
            else:
                if begun:
                    return
                self._failed(route)
                if last:
                    raise EngineFailed(f"engine {route.engine!r} ended without an answer; try again")
            finally:
                await deltas.aclose()

    async def embed(self, walk: Walk) -> Embeddings:
        """Return the vectors of the first route that gives them."""
        assert walk.prompt is not None
        for route, last in _ending(walk.routes):
            self._begin(walk, route)
            try:
                embeddings = await self._engine(route).embed(route.model, walk.prompt)
            except EngineFailed:
                self._failed(route)
                if last:
                    raise
            else:
                self._succeeded(route)
                return embeddings
        raise AssertionError("a walk has at least one route")

    def _engine(self, route: Route) -> Engine:
        try:
            return self._engines[route.engine]
        except KeyError:
            raise NoRoute(f"engine {route.engine!r} was taken out of service; try again") from None

    def _begin(self, walk: Walk, route: Route) -> None:
        walk.take(route)
        if route.engine in self._breakers:
            self._breakers[route.engine].tried(self._clock.monotonic())

    def _succeeded(self, route: Route) -> None:
        if route.engine in self._breakers:
            self._breakers[route.engine].succeeded()

    def _failed(self, route: Route) -> None:
        if route.engine in self._breakers:
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
