"""Brings model files: from the store if they are there, and else from the first source that has the right bytes."""

from pathlib import Path
from threading import Event

import structlog

from courtyard import machine
from courtyard.catalogue.files import Store
from courtyard.catalogue.hub import Hub
from courtyard.catalogue.model import (
    Artifact,
    HubFile,
    ModelUnavailable,
    NotEnoughSpace,
    Progress,
    Source,
    WheelParts,
)
from courtyard.catalogue.wheels import Joining

_log = structlog.get_logger("courtyard.catalogue")

_SPARE_BYTES = 64 * 1024 * 1024
"""What is left free on the disk: the books are written there too."""


def unheard(_label: str, _done: int, _total: int) -> None:
    """Progress that nobody follows."""


class Fetching:
    """Tries the sources of a file in their order. What one of them brought in part is kept for the next try."""

    def __init__(self, store: Store, *, hub_url: str, wheels: bool = True, pause: Event | None = None) -> None:
        self._store = store
        self._hub_url = hub_url
        self._wheels = wheels
        self._pause = pause

    def bring(self, artifact: Artifact, progress: Progress = unheard) -> Path:
        """Return the file, verified.

        Raises:
            NotEnoughSpace: the disk has no room for it.
            ModelUnavailable: no source has it; the message says what each of them answered.
        """
        if found := self._store.find(artifact, progress):
            return found
        with self._store.lock(artifact.file, progress):
            return self._store.find(artifact, progress) or self._fetch(artifact, progress)

    def _fetch(self, artifact: Artifact, progress: Progress) -> Path:
        path = self._store.path(artifact.file)
        if path.exists():
            aside = path.with_name(f"{path.name}.wrong")  # It may be somebody's; under this name it is not served.
            path.replace(aside)
            _log.warning("model_file_wrong", file=artifact.file, expected=artifact.sha256, moved_to=aside.name)
        failures = []
        for source in artifact.sources:
            self._check_space(source, artifact)
            try:
                part = self._try(source, artifact, progress)
            except NotEnoughSpace:
                raise
            except ModelUnavailable as error:
                failures.append(f"{_name(source)}: {error.message}")
                continue
            path = self._store.place(part, artifact)
            self._store.clear(artifact)
            return path
        tried = "; ".join(failures) or "no source is known"
        raise ModelUnavailable(
            f"{artifact.file} can't be had ({tried}); put a file with SHA-256 {artifact.sha256} there by hand: {path}"
        )

    def _try(self, source: Source, artifact: Artifact, progress: Progress) -> Path:
        match source:
            case HubFile():
                part = self._store.beside(artifact, "part")
                hub = Hub(source.hub_url or self._hub_url, pause=self._pause)
                hub.fetch(source, artifact, part, progress)
            case WheelParts():
                if not self._wheels:
                    raise ModelUnavailable("wheels are switched off in the settings")
                part = self._store.beside(artifact, "joined")
                Joining(source, artifact, part).run(progress)
        return part

    def _check_space(self, source: Source, artifact: Artifact) -> None:
        needed = artifact.bytes - self._store.bytes_here(artifact) + _SPARE_BYTES
        if isinstance(source, WheelParts):
            needed += 2 * artifact.bytes // source.parts  # pip holds each wheel twice for a moment.
        free = machine.disk_free(self._store.directory)
        if free < needed:
            raise NotEnoughSpace(
                f"{artifact.file} needs {machine.megabytes(needed)} more in {self._store.directory}, "
                f"where {machine.megabytes(free)} are free; free some space or set [models] directory"
            )


def _name(source: Source) -> str:
    match source:
        case HubFile():
            return f"hub file {source.repo}/{source.file}"
        case WheelParts(parts=1):
            return f"wheel {source.package.format(n=1)} {source.version}"
        case WheelParts():
            return f"wheels {source.package.format(n=1)}…{source.parts} {source.version}"
