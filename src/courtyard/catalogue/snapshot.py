"""What the catalogue knows, in memory: read on every request, replaced as a whole when something changed."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from courtyard.catalogue import rules, store
from courtyard.catalogue.model import Alias, Artifact, CatalogueSettings, EngineEntry, Model, ShelfModel
from courtyard.catalogue.store import ModelRow
from courtyard.core.ids import EngineName, ModelName
from courtyard.core.placement import Placement


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Every model and engine at one moment."""

    models: Mapping[ModelName, Model] = {}
    kept: Mapping[ModelName, ShelfModel] = {}
    """The same models as they are kept: what serving one here takes."""
    engines: Mapping[EngineName, EngineEntry] = {}
    aliases: Mapping[str, Alias] = {}
    by_name: Mapping[str, Model] = {}
    """Models by their names and their aliases."""

    def artifact_of(self, engine: EngineEntry) -> Artifact | None:
        """The file that an embedded engine runs."""
        artifacts = (kept.artifact for kept in self.kept.values())
        return next((artifact for artifact in artifacts if artifact and artifact.file == engine.file), None)


def take(db: Connection, settings: CatalogueSettings) -> Snapshot:
    """Read everything, and prepare what the request path looks up."""
    engines = {engine.name: engine for engine in store.read_engines(db)}
    aliases = {alias.name: alias for alias in store.read_aliases(db)}
    placements: dict[ModelName, list[Placement]] = {}
    for name, placement in store.read_placements(db):
        placements.setdefault(name, []).append(placement)
    rows = store.read_models(db)
    models = {
        row.model.name: _model(row, placements.get(row.model.name, []), engines, aliases, settings) for row in rows
    }
    return Snapshot(
        models=models,
        kept={row.model.name: row.model for row in rows},
        engines=engines,
        aliases=aliases,
        # A model's own name wins, should an alias of another node have come between.
        by_name={alias.name: models[alias.model] for alias in aliases.values()} | {**models},
    )


def _model(
    row: ModelRow,
    placements: list[Placement],
    engines: Mapping[EngineName, EngineEntry],
    aliases: Mapping[str, Alias],
    settings: CatalogueSettings,
) -> Model:
    kept = row.model
    context = kept.context_tokens
    for engine in (engines[placement.engine] for placement in placements):
        if engine.file is not None:
            context = min(context, rules.context_of_a_request(engine.options, settings))
    return Model(
        name=kept.name,
        kinds=kept.kinds,
        context_tokens=context,
        tokens_max_default=rules.tokens_max_default(context),
        aliases=tuple(alias.name for alias in aliases.values() if alias.model == kept.name),
        created_ms=row.created_ms,
        owner=kept.owner,
        placements=tuple(placements),
        licence=kept.licence,
        notice=kept.notice,
        digest=kept.artifact.sha256 if kept.artifact else None,
        bytes=kept.artifact.bytes if kept.artifact else 0,
    )
