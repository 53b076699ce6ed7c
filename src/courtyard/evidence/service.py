"""Evidence's face: seal a record of every decision, read them back, and prove that none was changed."""

from collections.abc import Awaitable, Mapping
from pathlib import Path

import msgspec
import structlog

from courtyard.core.clock import Clock
from courtyard.core.errors import JournalUnavailable
from courtyard.core.ids import ModelName
from courtyard.evidence import reading
from courtyard.evidence.model import Filter, Record, RecordPage
from courtyard.storage import Commit, Committer, Damage, Keyring, Log, Verification, verify

_log = structlog.get_logger("courtyard.evidence")

_MODEL_LENGTH_MAX = 200
_encode = msgspec.json.Encoder().encode


class Evidence:
    """The record. Sealing never waits for the disk; reading and verifying do, so call them from a thread."""

    def __init__(
        self,
        directory: Path,
        keyring: Keyring,
        committer: Committer,
        clock: Clock,
        *,
        name: str = "evidence",
        others: Mapping[str, Path] = {},
    ) -> None:
        """Seal in `directory`, with the key of this name; the logs of `others`, by their keys' names, are only read."""
        self._directory = directory
        self._keyring = keyring
        self._logs = {name: directory, **others}
        signing_key = keyring.signing_key(name)
        self._log = Log(directory, name=name, committer=committer, signing_key=signing_key, clock=clock)

    def open(self) -> tuple[Damage, ...]:
        """Recover what the last run left, and take records from now on; only the serving process does this.

        What was damaged is an incident in the log, and returned.
        """
        damages = self._log.open()
        for damage in damages:
            _log.error("evidence_damaged", file=damage.file, line=damage.line, reason=damage.reason)
        return damages

    @property
    def failure(self) -> str | None:
        """Why records can't be sealed just now, or nothing."""
        return self._log.failure

    def seal(self, record: Record) -> Awaitable[object]:
        """Chain a record, and return what to await until it is durable. Nothing is raised before it is awaited.

        A record that can't be sealed is an incident in the log, and awaiting it raises `JournalUnavailable`: an answer
        does not end without its record.
        """
        try:
            return self._log.append(_encode(_bounded(record))).commit
        except Exception as error:  # It is called where a request ends: whatever happened, the rest must be done.
            refusal = error if isinstance(error, JournalUnavailable) else _unsealed(record, error)
            _log.error("record_not_sealed", request_id=record.id, decision=record.decision, reason=refusal.message)
            return _refused(refusal)

    def close(self) -> None:
        """Seal what is due, and let go of the file."""
        self._log.close()

    def verify(self) -> Verification:
        """Recompute every digest and check every signature; each damage names its file and line."""
        found = [
            (directory, verify(directory, self._keyring.signing_key(name).public_key()))
            for name, directory in self._logs.items()
        ]
        return Verification(
            entries=sum(one.entries for _, one in found),
            pages=sum(one.pages for _, one in found),
            damages=tuple(
                msgspec.structs.replace(damage, file=self._file(directory, damage.file))
                for directory, one in found
                for damage in one.damages
            ),
            torn=tuple(self._file(directory, name) for directory, one in found for name in one.torn),
        )

    def records(self, asked: Filter = Filter(), *, before: str | None = None, limit: int = 100) -> RecordPage:
        """Read records, newest first; `before` is the `next` of the page after which to go on.

        Raises:
            InvalidRequest: `before` is no page's `next`.
        """
        return reading.read(tuple(self._logs.values()), asked, before=before, limit=limit)

    def count(self) -> int:
        """Count the records, without reading them all."""
        return sum(reading.count(directory) for directory in self._logs.values())

    def _file(self, directory: Path, name: str) -> str:
        """Name a file, with its directory where that is another worker's."""
        return name if directory == self._directory else f"{directory.name}/{name}"


def _bounded(record: Record) -> Record:
    """Cut a model's name that is too long to be one: a caller may write anything there."""
    if len(record.model) <= _MODEL_LENGTH_MAX:
        return record
    return msgspec.structs.replace(record, model=ModelName(record.model[:_MODEL_LENGTH_MAX]))


def _unsealed(record: Record, error: Exception) -> JournalUnavailable:
    return JournalUnavailable(f"the evidence of request {record.id} can't be written: {type(error).__name__}: {error}")


def _refused(error: JournalUnavailable) -> Commit:
    commit = Commit()
    commit.finish(error)
    return commit
