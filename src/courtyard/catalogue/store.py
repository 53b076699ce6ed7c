"""The catalogue's SQL: rows in and nouns out."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from courtyard.catalogue.model import Alias, Artifact, EngineEntry, ShelfModel
from courtyard.catalogue.tables import aliases as _aliases
from courtyard.catalogue.tables import engines as _engines
from courtyard.catalogue.tables import models as _models
from courtyard.catalogue.tables import placements as _placements
from courtyard.core.chat import Kind
from courtyard.core.ids import EngineName, ModelName, ProviderId, Region
from courtyard.core.placement import Placement


class ModelRow(NamedTuple):
    """A model as it is kept. A server's model has no plugin: there is nothing of it to serve here."""

    model: ShelfModel
    created_ms: int


def read_models(db: Connection) -> list[ModelRow]:
    rows = db.execute(select(_models).order_by(_models.c.created_at_ms, _models.c.name))
    return [ModelRow(_model(row), row.created_at_ms) for row in rows]


def read_engines(db: Connection) -> list[EngineEntry]:
    rows = db.execute(select(_engines).order_by(_engines.c.created_at_ms, _engines.c.name))
    return [_engine(row) for row in rows]


def read_placements(db: Connection) -> list[tuple[ModelName, Placement]]:
    """Read which model runs where, in the order in which engines are tried."""
    order = _placements.c.model, _placements.c.rank, _placements.c.weight.desc(), _placements.c.engine
    rows = db.execute(select(_placements).order_by(*order))
    return [
        (
            ModelName(row.model),
            Placement(engine=EngineName(row.engine), model=row.upstream, weight=row.weight, rank=row.rank),
        )
        for row in rows
    ]


def read_aliases(db: Connection) -> list[Alias]:
    rows = db.execute(select(_aliases).order_by(_aliases.c.name))
    return [Alias(name=row.name, model=ModelName(row.model), chosen=row.chosen) for row in rows]


def write_model(db: Connection, model: ShelfModel, *, created_ms: int) -> None:
    """Write a model, in the place of one of the same name."""
    values = {
        "kinds": sorted(model.kinds),
        "context_tokens": model.context_tokens,
        "plugin": model.plugin or None,
        "owner": model.owner,
        "licence": model.licence,
        "notice": model.notice,
        "artifact": None if model.artifact is None else msgspec.to_builtins(model.artifact),
        "memory_bytes": model.memory_bytes,
        "memory_bytes_per_token": model.memory_bytes_per_token,
    }
    if db.execute(update(_models).where(_models.c.name == model.name).values(values)).rowcount == 0:
        db.execute(insert(_models).values(name=model.name, created_at_ms=created_ms, **values))


def write_engine(db: Connection, engine: EngineEntry) -> None:
    """Write an engine, in the place of one of the same name."""
    values = {
        "plugin": engine.plugin,
        "url": engine.url,
        "region": engine.region,
        "key_env": engine.key_env,
        "key_file": engine.key_file,
        "options": engine.options,
        "file": engine.file,
        "provider": engine.provider,
        "chosen": engine.chosen,
    }
    if db.execute(update(_engines).where(_engines.c.name == engine.name).values(values)).rowcount == 0:
        db.execute(insert(_engines).values(name=engine.name, created_at_ms=engine.created_ms, **values))


def write_placement(db: Connection, model: ModelName, placement: Placement) -> None:
    """Write where a model runs, in the place of what was said of the same engine."""
    values = {"upstream": placement.model, "weight": placement.weight, "rank": placement.rank}
    same = _placements.c.model == model, _placements.c.engine == placement.engine
    if db.execute(update(_placements).where(*same).values(values)).rowcount == 0:
        db.execute(insert(_placements).values(model=model, engine=placement.engine, **values))


def write_alias(db: Connection, alias: Alias) -> None:
    """Write an alias, in the place of one of the same name."""
    values = {"model": alias.model, "chosen": alias.chosen}
    if db.execute(update(_aliases).where(_aliases.c.name == alias.name).values(values)).rowcount == 0:
        db.execute(insert(_aliases).values(name=alias.name, **values))


def delete_alias(db: Connection, name: str) -> None:
    db.execute(delete(_aliases).where(_aliases.c.name == name))


def delete_placement(db: Connection, model: ModelName, engine: EngineName) -> None:
    db.execute(delete(_placements).where(_placements.c.model == model, _placements.c.engine == engine))


def delete_idle_engines(db: Connection) -> None:
    """Delete engines that no model runs on."""
    db.execute(delete(_engines).where(~exists().where(_placements.c.engine == _engines.c.name)))


def delete_model(db: Connection, name: ModelName) -> None:
    """Delete a model, where it runs, and its other names."""
    db.execute(delete(_aliases).where(_aliases.c.model == name))
    db.execute(delete(_placements).where(_placements.c.model == name))
    db.execute(delete(_models).where(_models.c.name == name))


def _model(row: Row[Any]) -> ShelfModel:
    return ShelfModel(
        name=ModelName(row.name),
        kinds=frozenset(Kind(kind) for kind in row.kinds),
        plugin=row.plugin or "",
        context_tokens=row.context_tokens,
        owner=row.owner,
        licence=row.licence,
        notice=row.notice,
        artifact=None if row.artifact is None else msgspec.convert(row.artifact, Artifact),
        memory_bytes=row.memory_bytes,
        memory_bytes_per_token=row.memory_bytes_per_token,
    )


def _engine(row: Row[Any]) -> EngineEntry:
    return EngineEntry(
        name=EngineName(row.name),
        plugin=row.plugin,
        url=row.url,
        region=None if row.region is None else Region(row.region),
        key_env=row.key_env,
        key_file=row.key_file,
        options=row.options,
        file=row.file,
        provider=ProviderId(row.provider),
        chosen=row.chosen,
        created_ms=row.created_at_ms,
    )
