"""From an engine as it is kept to one that can be run here: its key read, its file found."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

from courtyard import plugins
from courtyard.catalogue.fetching import unheard
from courtyard.catalogue.files import Store
from courtyard.catalogue.model import Artifact, CatalogueSettings, EngineEntry, Option
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import HOME, Region
from courtyard.engines import EngineSettings

_PATH = "path"
_KEY_BYTES_MAX = 64 * 1024


class NotHere(Exception):
    """What keeps an engine from being run here, in words for its operator."""


def wire(entry: EngineEntry, settings: CatalogueSettings, store: Store, artifact: Artifact | None) -> EngineSettings:
    """Return what running an engine takes.

    An embedded engine runs only the very file that its model is known by. Of another provider's engine, its address and
    key are for the egress alone.

    Raises:
        NotHere: its key or its file is missing, or it is another provider's and there is no egress.
    """
    if entry.provider != HOME:
        return _outside(entry, settings)
    return EngineSettings(
        name=entry.name,
        plugin=entry.plugin,
        region=entry.region or settings.region,
        url=entry.url,
        key=_key(entry),
        options=entry.options if entry.file is None else _embedded(entry, artifact, settings, store),
    )


def wire_outside(entry: EngineEntry) -> EngineSettings:
    """Return what the egress needs to know of another provider's engine.

    Raises:
        NotHere: its key is missing.
    """
    return EngineSettings(
        name=entry.name,
        plugin=entry.plugin,
        region=entry.region or Region(""),
        url=entry.url,
        key=_key(entry),
        options=entry.options,
        provider=entry.provider,
    )


def check_engine(entry: EngineEntry) -> None:
    """Refuse an engine whose plugin is not installed, or does not take its options.

    Raises:
        InvalidRequest: as the plugin says it.
    """
    installed = plugins.load("engines")
    if entry.plugin not in installed:
        raise InvalidRequest(
            f"no engine plugin {entry.plugin!r} is installed; there are {', '.join(sorted(installed))}"
        )
    if entry.file is not None and _PATH in entry.options:
        raise InvalidRequest(f"an embedded engine's {_PATH} is the file of its model, which has a digest")
    options = entry.options if entry.file is None else entry.options | {_PATH: entry.file}
    make = cast("Callable[[EngineSettings], object]", installed[entry.plugin])
    try:  # An engine does nothing before it is started.
        make(
            EngineSettings(
                name=entry.name, plugin=entry.plugin, region=entry.region or Region(""), url=entry.url, options=options
            )
        )
    except (ValueError, TypeError) as error:
        raise InvalidRequest(str(error)) from error


def _outside(entry: EngineEntry, settings: CatalogueSettings) -> EngineSettings:
    if settings.egress is None:
        raise NotHere(f"it is {entry.provider}'s, and no egress leads there")
    return EngineSettings(
        name=entry.name,
        plugin=entry.plugin,
        region=entry.region or settings.region,
        options=entry.options,
        provider=entry.provider,
        egress=settings.egress,
    )


def _key(entry: EngineEntry) -> str | None:
    if entry.key_env is not None:
        if key := os.environ.get(entry.key_env, "").strip():
            return key
        raise NotHere(f"the environment variable {entry.key_env} with its key is not set")
    if entry.key_file is not None:
        try:
            with Path(entry.key_file).open() as file:
                key = file.read(_KEY_BYTES_MAX).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise NotHere(f"its key can't be read from {entry.key_file}: {reason}") from error
        if key:
            return key
        raise NotHere(f"the file {entry.key_file} with its key is empty")
    return None


def _embedded(
    entry: EngineEntry, artifact: Artifact | None, settings: CatalogueSettings, store: Store
) -> dict[str, Option]:
    if artifact is None:
        raise NotHere(f"the model of its file {entry.file} was taken out of service")
    path = store.find(artifact, unheard)
    if path is None:
        state = "is another than it was" if store.path(artifact.file).exists() else f"is not in {store.directory}"
        raise NotHere(f"its file {artifact.file} {state}; bring it with `courtyard models pull`")
    shared: dict[str, Option] = {
        "threads": settings.threads,
        "slots": settings.slots,
        "context_tokens": settings.context_tokens,
    }
    return shared | entry.options | {_PATH: str(path)}
