"""Evidence's face: seal a record of every decision, read them back, and prove that none was changed."""

import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import structlog

from courtyard.core.clock import Clock
from courtyard.core.errors import CourtyardError, JournalUnavailable, NotFound
from courtyard.core.ids import written
from courtyard.evidence import auditing, reading
from courtyard.evidence.auditing import Audit
from courtyard.evidence.checkpoints import Proof
from courtyard.evidence.exporting import Logs, Members, Receipts, Report
from courtyard.evidence.model import EvidenceSettings, Filter, Record, RecordPage, Standing
from courtyard.evidence.notary import Notary
from courtyard.evidence.notes import VerifierKey
from courtyard.evidence.vouching import Vouching
from courtyard.evidence.witnesses import Cosigner
from courtyard.storage import Commit, Committer, Damage, Keyring, Log, chain

_log = structlog.get_logger("courtyard.evidence")

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
        settings: EvidenceSettings = EvidenceSettings(),
    ) -> None:
        """Seal in `directory`, with the key of this name; the logs of `others`, by their keys' names, are only read.

        Raises:
            ValueError: the settings name a witness by something that is no key and URL.
        """
        self._directory = directory
        self._keyring = keyring
        self._logs = {name: directory, **others}
        signing_key = keyring.signing_key(name)
        self._log = Log(directory, name=name, committer=committer, signing_key=signing_key, clock=clock)
        self._cosigners = tuple(Cosigner.of(setting) for setting in settings.witnesses)
        self._notaries = {name: Notary(directory, keyring.signing_key(name)) for name, directory in self._logs.items()}
        self._vouching = Vouching(self._notaries[name], self._cosigners)
        self._checkpoint_s = settings.checkpoint_s
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> tuple[Damage, ...]:
        """Recover what the last run left, and take records from now on; only the serving process does this.

        What was damaged is an incident in the log, and returned.
        """
        damages = self._log.open()
        for damage in damages:
            _log.error("evidence_damaged", file=damage.file, line=damage.line, reason=damage.reason)
        self._closing.clear()
        self._thread = threading.Thread(target=self._vouch, name="courtyard-notary", daemon=True)
        self._thread.start()
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
        """Seal what is due, vouch for it, and let go of the files."""
        self._log.close()
        if self._thread is not None:
            self._closing.set()
            self._thread.join()
            self._thread = None

    def keys(self) -> tuple[VerifierKey, ...]:
        """Name the keys of the logs, as C2SP writes them; a log without records has none."""
        return tuple(notary.key for notary in self._notaries.values() if chain.files(notary.directory))

    def checkpoint(self) -> tuple[Standing, ...]:
        """Sign what every log of this machine holds, have the witnesses sign it too, and say how each log stands.

        Raises:
            LogForked: a log is not the one that was vouched for before.
        """
        found = []
        for name, notary in self._notaries.items():
            vouching = Vouching(notary, self._cosigners)
            standing = vouching.vouch(reading.signed_until(notary.directory), name)
            found += [] if standing is None else [standing]
        return tuple(found)

    def standing(self) -> tuple[Standing, ...]:
        """Say what every log of this machine has vouched for so far, and sign nothing; one that has not is left out."""
        found = (Vouching(notary, self._cosigners).standing(name) for name, notary in self._notaries.items())
        return tuple(standing for standing in found if standing is not None)

    def record(self, id: str) -> Record:
        """Read the record of a request.

        Raises:
            NotFound: there is none.
        """
        for directory in self._logs.values():
            found = reading.find(directory, id)
            if found is not None:
                return msgspec.json.decode(found[1].entry, type=Record)
        raise NotFound(f"there is no record of request {id!r}")

    def prove(self, id: str) -> Proof:
        """Prove that the record of a request is among those that were vouched for; a new one is vouched for now.

        Raises:
            NotFound: there is no record of this request.
            LogForked: its log is not the one that was vouched for before.
        """
        for notary in self._notaries.values():
            found = reading.find(notary.directory, id)
            if found is not None:
                place, line = found
                signed = Vouching(notary, self._cosigners).covering(place)
                return notary.prove(signed, bytes(line.entry), place)
        raise NotFound(f"there is no record of request {id!r}")

    def pack(
        self,
        file: BinaryIO,
        asked: Filter,
        *,
        manifest: dict[str, Any],
        report: Report = lambda counts: {},
        members: Members = lambda report: {},
        receipts: Receipts = lambda id: None,
        progress: Callable[[int], None] = lambda count: None,
    ) -> dict[str, Any]:
        """Write a pack of records with their proofs, signed by the operator, and return its report.

        Raises:
            LogForked: a record is not the one that was vouched for.
            PackTooLarge: there are too many records for one archive.
        """
        logs = Logs(self._notaries, self.checkpoint(), self._cosigners)
        key = self._keyring.signing_key("operator")
        return logs.pack(
            file,
            asked,
            manifest=manifest,
            key=key,
            receipts=receipts,
            report=report,
            members=members,
            progress=progress,
        )

    def verify(self) -> Audit:
        """Recompute every digest and the tree, and check every signature; each damage names its file and line."""
        found = []
        for name, directory in self._logs.items():
            audit = auditing.audit(self._notaries[name], self._keyring.signing_key(name).public_key(), self._cosigners)
            found.append(auditing.within(audit, "" if directory == self._directory else f"{directory.name}/"))
        return auditing.together(found)

    def records(self, asked: Filter = Filter(), *, before: str | None = None, limit: int = 100) -> RecordPage:
        """Read records, newest first; `before` is the `next` of the page after which to go on.

        Raises:
            InvalidRequest: `before` is no page's `next`.
        """
        return reading.read(tuple(self._logs.values()), asked, before=before, limit=limit)

    def count(self) -> int:
        """Count the records, without reading them all."""
        return sum(reading.count(directory) for directory in self._logs.values())

    def _vouch(self) -> None:
        """Sign a checkpoint every so often, and a last one at the end. What keeps it from doing so is an incident."""
        is_over = False
        while not is_over:
            is_over = self._closing.wait(self._checkpoint_s)
            try:
                self._vouching.vouch(self._log.durable_until, self._log.name, pause=None if is_over else self._closing)
            except (CourtyardError, OSError) as error:
                reason = error.message if isinstance(error, CourtyardError) else type(error).__name__
                _log.error("checkpoint_not_signed", log=self._log.name, reason=reason)


def _bounded(record: Record) -> Record:
    """Leave out a model's name that can be none: a caller may write anything there."""
    return msgspec.structs.replace(record, model=written(record.model))


def _unsealed(record: Record, error: Exception) -> JournalUnavailable:
    return JournalUnavailable(f"the evidence of request {record.id} can't be written: {type(error).__name__}: {error}")


def _refused(error: JournalUnavailable) -> Commit:
    commit = Commit()
    commit.finish(error)
    return commit
