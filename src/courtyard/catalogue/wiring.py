"""From an engine as it is kept to one that can be run here: its key read, its file found."""

import os
from pathlib import Path

from courtyard.catalogue.fetching import unheard
from courtyard.catalogue.files import Store
from courtyard.catalogue.model import Artifact, CatalogueSettings, EngineEntry, Option
from courtyard.engines import EngineSettings

_KEY_BYTES_MAX = 64 * 1024


class NotHere(Exception):
    """What keeps an engine from being run here, in words for its operator."""


def wire(entry: EngineEntry, settings: CatalogueSettings, store: Store, artifact: Artifact | None) -> EngineSettings:
    """Return what running an engine takes.

    An embedded engine runs only the very file that its model is known by.

    Raises:
        NotHere: its key or its file is missing.
    """
    return EngineSettings(
        name=entry.name,
        plugin=entry.plugin,
        region=entry.region or settings.region,
        url=entry.url,
        key=_key(entry),
        options=entry.options if artifact is None else _embedded(entry, artifact, settings, store),
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


def _embedded(entry: EngineEntry, artifact: Artifact, settings: CatalogueSettings, store: Store) -> dict[str, Option]:
    path = store.find(artifact, unheard)
    if path is None:
        state = "is another than it was" if store.path(artifact.file).exists() else f"is not in {store.directory}"
        raise NotHere(f"its file {artifact.file} {state}; bring it with `courtyard models pull`")
    shared: dict[str, Option] = {
        "path": str(path),
        "threads": settings.threads,
        "slots": settings.slots,
        "context_tokens": settings.context_tokens,
    }
    return shared | entry.options
