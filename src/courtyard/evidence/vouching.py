"""Signs a log's checkpoints, and sees that its witnesses sign them too."""

from collections.abc import Sequence
from threading import Event

import structlog

from courtyard.core.errors import CourtyardError
from courtyard.evidence import notes, witnesses
from courtyard.evidence.model import Standing
from courtyard.evidence.notary import LogForked, Notary, Place, Signed
from courtyard.evidence.notes import Signature
from courtyard.evidence.reading import signed_until
from courtyard.evidence.witnesses import Cosigner

_log = structlog.get_logger("courtyard.evidence")


class Vouching:
    """One log and its witnesses, and what each of them has seen."""

    def __init__(self, notary: Notary, cosigners: Sequence[Cosigner]) -> None:
        self._notary = notary
        self._cosigners = cosigners
        self._seen: dict[str, int] = {}
        self._refusals: dict[str, str] = {}

    def vouch(self, until: Place, name: str, *, pause: Event | None = None) -> Standing | None:
        """Sign the records until a place, ask the witnesses that have not signed that yet, and say how it stands.

        Raises:
            LogForked: the log is not the one that was vouched for before.
        """
        signed = self._notary.checkpoint(until, pause=pause)
        if signed is None:
            return None
        cosignatures = tuple(one for cosigner in self._cosigners if (one := self._asked(cosigner, signed)) is not None)
        if cosignatures:
            signed = self._notary.add(signed, cosignatures)
        return self._standing(signed, name)

    def standing(self, name: str) -> Standing | None:
        """Say how the log stands by its last checkpoint, and sign nothing."""
        signed = self._notary.last()
        return None if signed is None else self._standing(signed, name)

    def _standing(self, signed: Signed, name: str) -> Standing:
        note = notes.read(signed.note)
        return Standing(
            log=name,
            key=str(self._notary.key),
            size=signed.checkpoint.size,
            note=signed.note,
            cosigned_by=tuple(c.key.name for c in self._cosigners if notes.signed_by(note, c.key)),
            refusals=tuple(self._refusals.values()),
        )

    def covering(self, place: Place) -> Signed:
        """Give a checkpoint that a record is under; a new one, where the last one is older than the record.

        Raises:
            LogForked: the log is not the one that was vouched for before.
        """
        signed = self._notary.last()
        if signed is None or not self._notary.is_under(signed, place):
            self.vouch(signed_until(self._notary.directory), self._notary.directory.name)
            signed = self._notary.last()
        if signed is None or not self._notary.is_under(signed, place):
            raise LogForked("the record is not in the tree; see `courtyard evidence verify`")
        return signed

    def _asked(self, cosigner: Cosigner, signed: Signed) -> Signature | None:
        name = cosigner.key.name
        if notes.signed_by(notes.read(signed.note), cosigner.key) is not None:
            return None
        try:
            found = witnesses.ask(cosigner, self._notary, signed, seen=self._seen.get(name, 0))
        except CourtyardError as error:
            if self._refusals.get(name) != error.message:
                _log.warning("checkpoint_not_cosigned", witness=name, reason=error.message)
            self._refusals[name] = error.message
            return None
        self._seen[name] = signed.checkpoint.size
        self._refusals.pop(name, None)
        return found
