"""Models of other servers, other names for models, and the way out."""

from collections.abc import Iterable, Mapping

import msgspec

from courtyard.catalogue import addresses, rules, store
from courtyard.catalogue.memory import Memory
from courtyard.catalogue.model import Alias, EngineEntry, Model, Option, ShelfModel
from courtyard.catalogue.outside import PLUGIN, check_provider
from courtyard.catalogue.providers import store as providers
from courtyard.catalogue.wiring import check_engine
from courtyard.core.chat import Kind
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import HOME, EngineName, ModelName, ProviderId, Region
from courtyard.core.placement import Placement


class Registry(Memory):
    """Everything an operator says about models and engines."""

    def add(
        self,
        name: str,
        *,
        url: str | None = None,
        plugin: str | None = None,
        upstream: str | None = None,
        engine: str | None = None,
        key_env: str | None = None,
        key_file: str | None = None,
        region: Region | None = None,
        weight: int = 1,
        fallback: bool = False,
        kinds: Iterable[Kind] | None = None,
        context_tokens: int | None = None,
        aliases: Iterable[str] = (),
        options: Mapping[str, Option] | None = None,
        provider: ProviderId | None = None,
    ) -> Model:
        """Serve a model by an OpenAI-compatible server or another plugin, and return it as callers see it.

        A name that is served already gets one engine more: those of one rank share the load by weight, and a
        `fallback` is asked when they fail. The same engine again changes what was said of it. With neither an address
        nor a plugin, the model runs on the engine named, which is there already. An engine at a `provider`'s endpoint
        is that provider's, and reached by the egress alone; all others are the operator's own.

        Raises:
            InvalidRequest: an address, a name, a number or an option that can be none; or an address outside, and no
                region.
            NotFound: neither an address nor a plugin, and no engine of that name.
            Conflict: the name is an alias, or an engine of the name given is another one.
        """
        name = rules.clean_name(name)
        rules.check_weight(weight)
        if context_tokens is not None:
            rules.check_context(context_tokens)
        said = dict(options or {})
        if url is None and plugin is None:
            if key_env or key_file or region or provider:
                raise InvalidRequest("an engine that is there has its key and region; give an address or a plugin")
            wanted = self._kept_engine(engine, said)
        else:
            wanted = self._engine(
                plugin or PLUGIN,
                url,
                name=engine,
                key_env=key_env,
                key_file=key_file,
                region=region,
                options=said,
                provider=provider,
            )
        check_engine(wanted)
        names = [rules.clean_name(alias, of="an alias") for alias in aliases]
        with self._changing() as db:
            check_provider(wanted, providers.read_all(db))
            aliased = {alias.name: alias for alias in store.read_aliases(db)}
            if name in aliased:
                raise Conflict(f"{name!r} is an alias of {aliased[name].model!r}; choose another name")
            kept = {row.model.name: row.model for row in store.read_models(db)}
            model = _described(kept.get(ModelName(name)), name, kinds=kinds, context_tokens=context_tokens)
            used = _same_or_new(wanted, store.read_engines(db), named=engine is not None or url is None)
            placements = [placement for placed, placement in store.read_placements(db) if placed == name]
            rank = max((placement.rank for placement in placements if placement.engine != used.name), default=0)
            store.write_model(db, model, created_ms=self._clock.now_ms())
            store.write_engine(db, used)
            store.write_placement(
                db,
                model.name,
                Placement(engine=used.name, model=upstream or name, weight=weight, rank=rank + 1 if fallback else 0),
            )
            for alias in names:
                _check_alias(alias, kept, model.name)
                store.write_alias(db, Alias(name=alias, model=model.name))
        return self.resolve(name)

    def configure(self, name: str, options: Mapping[str, Option | None], *, engine: str | None = None) -> EngineEntry:
        """Set options of an engine that a model runs on, which starts anew with them; nothing is the default again.

        Raises:
            UnknownModel: no such model.
            NotFound: it does not run on this engine.
            InvalidRequest: it runs on several and none is named, or its plugin does not take these options.
        """
        placed = [placement.engine for placement in self.resolve(name).placements]
        if engine is None and len(placed) > 1:
            raise InvalidRequest(f"{name!r} runs on several engines, so say which: {', '.join(placed)}")
        if engine is not None and engine not in placed:
            raise NotFound(f"{name!r} does not run on {engine!r}; it runs on {', '.join(placed)}")
        with self._changing() as db:
            kept = next((kept for kept in store.read_engines(db) if kept.name == (engine or placed[0])), None)
            if kept is None:
                raise NotFound(f"the engine of {name!r} was removed just now")
            changed = msgspec.structs.replace(kept, options=rules.changed(kept.options, options))
            check_engine(changed)
            store.write_engine(db, changed)
        return changed

    def remove(self, name: str, *, engine: str | None = None, file: bool = False) -> None:
        """Take a model out of service, or only one engine of it; with `file`, delete what it was served from too.

        Raises:
            NotFound: no such model, or it does not run on this engine.
            InvalidRequest: the name is an alias.
        """
        model = self._known.models.get(ModelName(name))
        if model is None:
            if alias := self._known.aliases.get(name):
                raise InvalidRequest(
                    f"{name!r} is an alias of {alias.model!r}; `courtyard models alias {name} --remove` takes it away"
                )
            raise NotFound(f"there is no model {name!r}")
        artifact = self._known.kept[model.name].artifact
        with self._changing() as db:
            placed = [placement.engine for other, placement in store.read_placements(db) if other == name]
            if engine is not None and EngineName(engine) not in placed:
                raise NotFound(f"{name!r} does not run on {engine!r}; it runs on {', '.join(placed) or 'nothing'}")
            if engine is not None and len(placed) > 1:
                store.delete_placement(db, model.name, EngineName(engine))
            else:
                store.delete_model(db, model.name)
            store.delete_idle_engines(db)
        others = {kept.artifact.file for kept in self._known.kept.values() if kept.artifact}
        if file and artifact is not None and artifact.file not in others:
            self._store.remove(artifact)

    def set_alias(self, alias: str, name: str) -> Model:
        """Give a model another name, in the place of what the alias stood for.

        Raises:
            UnknownModel: no such model.
            Conflict: the alias is the name of a model.
        """
        alias = rules.clean_name(alias, of="an alias")
        model = self.resolve(name)
        with self._changing() as db:
            kept = {row.model.name: row.model for row in store.read_models(db)}
            if model.name not in kept:
                raise NotFound(f"the model {model.name!r} was removed just now")
            _check_alias(alias, kept, model.name)
            store.write_alias(db, Alias(name=alias, model=model.name))
        return self.resolve(alias)

    def remove_alias(self, alias: str) -> None:
        """Take an alias away.

        Raises:
            NotFound: there is none of this name.
        """
        if alias not in self._known.aliases:
            raise NotFound(f"there is no alias {alias!r}")
        with self._changing() as db:
            store.delete_alias(db, alias)

    def _kept_engine(self, name: str | None, options: dict[str, Option]) -> EngineEntry:
        if name is None:
            raise InvalidRequest("say where it runs: an address, a plugin, or the name of an engine that is there")
        kept = self._known.engines.get(EngineName(name))
        if kept is None:
            raise NotFound(f"there is no engine {name!r}; give the address of a new one, or a plugin")
        return msgspec.structs.replace(kept, options=kept.options | options, chosen=True)

    def _engine(
        self,
        plugin: str,
        url: str | None,
        *,
        name: str | None,
        key_env: str | None,
        key_file: str | None,
        region: Region | None,
        options: dict[str, Option],
        provider: ProviderId | None,
    ) -> EngineEntry:
        if key_env and key_file:
            raise InvalidRequest("give the key by an environment variable or by a file, not by both")
        if url is not None:
            url = addresses.clean_url(url)
            region = region or self._near(url)
        own_name = plugin if url is None else rules.plain(addresses.host_of(url))
        return EngineEntry(
            name=EngineName(rules.clean_name(name or own_name, of="an engine")),
            plugin=plugin,
            url=url,
            region=region,
            key_env=rules.clean_environment(key_env) if key_env else None,
            key_file=key_file or None,
            options=options,
            provider=provider or HOME,
            created_ms=self._clock.now_ms(),
        )

    def _near(self, url: str) -> Region:
        if not addresses.is_near(url):
            raise InvalidRequest(
                f"{addresses.host_of(url)} is outside this network; say where it stands with --region, "
                f"or with --region {self._settings.region} that it counts as here"
            )
        return self._settings.region


def _described(
    kept: ShelfModel | None, name: str, *, kinds: Iterable[Kind] | None, context_tokens: int | None
) -> ShelfModel:
    """What is known of a model: what was, where nothing new is said."""
    told = frozenset(kinds or ())
    if kept is not None:
        return msgspec.structs.replace(
            kept, kinds=told or kept.kinds, context_tokens=context_tokens or kept.context_tokens
        )
    return ShelfModel(
        name=ModelName(name),
        kinds=told or frozenset({Kind.CHAT, Kind.COMPLETION}),
        plugin="",
        context_tokens=context_tokens or rules.CONTEXT_TOKENS_DEFAULT,
        owner="",
    )


def _same_or_new(wanted: EngineEntry, engines: list[EngineEntry], *, named: bool) -> EngineEntry:
    """Find the engine that is this server already, or name a new one apart from the others."""
    if named:
        same = next((engine for engine in engines if engine.name == wanted.name), None)
        if same is None:
            return wanted
        if (same.plugin, same.url, same.file, same.provider) != (
            wanted.plugin,
            wanted.url,
            wanted.file,
            wanted.provider,
        ):
            place = f" of {same.provider}" + (f" at {same.url}" if same.url else "")
            raise Conflict(f"the engine {wanted.name!r} is {same.plugin}{place}; give this one another name")
        return msgspec.structs.replace(wanted, options=wanted.options or same.options)
    facts = wanted.plugin, wanted.url, wanted.key_env, wanted.key_file, wanted.region, wanted.provider
    for engine in engines:
        its = engine.plugin, engine.url, engine.key_env, engine.key_file, engine.region, engine.provider
        if its == facts:
            return msgspec.structs.replace(wanted, name=engine.name, options=wanted.options or engine.options)
    return msgspec.structs.replace(
        wanted, name=EngineName(rules.apart(wanted.name, (engine.name for engine in engines)))
    )


def _check_alias(alias: str, kept: Mapping[ModelName, ShelfModel], model: ModelName) -> None:
    if alias in kept or alias == model:
        raise Conflict(f"{alias!r} is the name of a model; choose another alias")
