"""The desk for people's requests: found, exported, corrected, erased, on time, and with a proof at the end."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.privacy.digests import Digests
from courtyard.privacy.model import Name
from courtyard.privacy.register import rules, store
from courtyard.privacy.register.model import (
    Case,
    CaseState,
    Due,
    Erased,
    Figures,
    Found,
    Holder,
    Limit,
    Proof,
    Right,
    Step,
    Subject,
)
from courtyard.privacy.register.proofs import Proofs
from courtyard.privacy.store import read_restricted
from courtyard.privacy.vault import Wrapping
from courtyard.storage import Database, Keyring, bump

ANSWER_DAYS = "subject_answer_days"
EXTENSION_DAYS = "subject_extension_days"
"""Figures of the pack: GDPR article 12(3) says one month, and two more where it is needed."""

_EXPORT_FORMAT = "courtyard-subject/1"
_DIGESTS = "digests"
_names = msgspec.json.Decoder(tuple[Name, ...]).decode


class Desk:
    """Cases, and what is done in them at every holder. Each method runs SQL, so call it from a thread."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        holders: Sequence[Holder],
        digests: Digests,
        proofs: Proofs,
        figures: Figures,
    ) -> None:
        self._database = database
        self._clock = clock
        self._holders = tuple(holders)
        self._digests = digests
        self._proofs = proofs
        self._figures = figures
        self._wrapping = Wrapping(keyring, "cases")

    @property
    def holders(self) -> tuple[str, ...]:
        """Name who is asked."""
        return tuple(holder.name for holder in self._holders)

    def look(self, subject: Subject) -> tuple[Found, ...]:
        """Say what every holder has of somebody, without a case."""
        found = [holder.find(subject) for holder in self._holders]
        count = len(self._digests.find(subject.organisation, subject.names))
        return (*found, Found(holder=_DIGESTS, count=count, what="keys of digests in records that only grow"))

    def open(
        self, right: Right, subject: Subject, *, by: str, received_at_ms: int | None = None, checked: str = ""
    ) -> Case:
        """Open a case. Its clock runs from when the request was received; `checked` says how the person was known.

        Raises:
            InvalidRequest: the subject has no name, nobody opens it, or it was received in the future.
        """
        now_ms = self._clock.now_ms()
        begun_ms = now_ms if received_at_ms is None else received_at_ms
        if not subject.names or not by.strip() or begun_ms > now_ms:
            raise InvalidRequest("a case has a person, somebody who opens it, and a date that is past")
        figure = self._figures.parameter(ANSWER_DAYS)
        limit = None if figure is None else rules.limit(figure)
        case = Case(
            id=new_id("case"),
            organisation=subject.organisation,
            right=right,
            state=CaseState.OPEN,
            who=sha256(msgspec.json.encode(sorted(name.value for name in subject.names))).hexdigest(),
            received_at_ms=begun_ms,
            due_at_ms=None if limit is None else begun_ms + limit.value * rules.DAY_MS,
            due_by=limit,
        )
        case = msgspec.structs.replace(case, who=self._wrapping.digest(case.id, case.who))
        with self._database.transaction() as db:
            store.write_case(db, case, self._wrapping.seal(msgspec.json.encode(subject.names), case.id))
            store.write_step(db, case.id, self._step("opened", by, {"checked": checked} if checked else {}))
        return self.case(case.id)

    def case(self, id: str) -> Case:
        """Return a case with its steps, or raise `NotFound`."""
        return self._case(id)[0]

    def cases(self, *, organisation: str | None = None, state: CaseState | None = None) -> tuple[Case, ...]:
        """List cases, newest first, without their steps."""
        with self._database.reading() as db:
            return tuple(store.read_cases(db, organisation=organisation, state=state))

    def find(self, id: str, *, by: str) -> tuple[Found, ...]:
        """Say what every holder has, and note it in the case."""
        found = self.look(self.subject(id))
        self._note(id, "found", by, {one.holder: one.count for one in found})
        return found

    def export(self, id: str, *, by: str) -> bytes:
        """Return all that is held of somebody as one JSON document, and note its digest."""
        subject = self.subject(id)
        document: dict[str, Any] = {
            "format": _EXPORT_FORMAT,
            "case": id,
            "organisation": subject.organisation,
            "at_ms": self._clock.now_ms(),
            "names": {name.kind: list(subject.values(name.kind)) for name in subject.names},
            "held": {holder.name: holder.export(subject) for holder in self._holders},
            _DIGESTS: sorted(self._digests.find(subject.organisation, subject.names).values()),
        }
        archive = msgspec.json.format(msgspec.json.encode(document), indent=2)
        self._note(id, "exported", by, {"sha256": sha256(archive).hexdigest(), "bytes": len(archive)})
        return archive

    def correct(self, id: str, changes: dict[str, str], *, by: str) -> dict[str, int]:
        """Correct what is wrong everywhere; the case notes what sort of thing that was, and not what it says."""
        subject = self.subject(id)
        done = {holder.name: holder.correct(subject, changes) for holder in self._holders}
        self._note(id, "corrected", by, {"fields": sorted(changes), **done})
        return done

    def restrict(self, id: str, *, by: str) -> None:
        """Keep somebody's data and use it no more until that is lifted: it is not deleted, and requests are refused."""
        subject = self.subject(id)
        whos = self._whos(subject)
        with self._database.transaction() as db:
            for who in whos:
                store.write_restriction(db, subject.organisation, who, id, at_ms=self._clock.now_ms())
            store.write_step(db, id, self._step("restricted", by))
            bump(db, "privacy")
        self._digests.reload()

    def lift(self, id: str, *, by: str) -> None:
        """End a restriction."""
        subject = self.subject(id)
        whos = self._whos(subject)
        with self._database.transaction() as db:
            store.lift_restriction(db, subject.organisation, whos)
            store.write_step(db, id, self._step("lifted", by))
            bump(db, "privacy")
        self._digests.reload()

    def is_restricted(self, subject: Subject) -> bool:
        """Whether somebody's data is kept and not used."""
        known = self._digests.find(subject.organisation, subject.names)
        with self._database.reading() as db:
            return not read_restricted(db, subject.organisation).isdisjoint(known.values())

    def erase(self, id: str, *, by: str) -> Proof:
        """Erase somebody everywhere, last of all the keys of their digests, and close the case with a signed proof.

        Records that only grow stay, and can be told of nobody any more. A holder that fails stops it: what was erased
        is erased, the case is open still, and the rest is done by doing it again.

        Raises:
            Conflict: their data is restricted.
        """
        subject = self.subject(id)
        if self.is_restricted(subject):
            raise Conflict("their data is restricted and is kept for now; `courtyard subjects lift` ends that")
        done = [holder.erase(subject) for holder in self._holders]
        destroyed = self._digests.destroy(subject.organisation, subject.names)
        done.append(Erased(holder=_DIGESTS, erased=destroyed))
        now_ms = self._clock.now_ms()
        facts = {"case": id, "who": self.case(id).who, "holders": [msgspec.structs.asdict(one) for one in done]}
        with self._database.transaction() as db:
            proof = self._proofs.write(db, "erasure", organisation=subject.organisation, facts=facts)
            store.write_step(db, id, self._step("erased", by, {"proof": proof.digest}))
            store.close_case(db, id, CaseState.DONE, at_ms=now_ms)
        return proof

    def extend(self, id: str, *, reason: str, by: str) -> Case:
        """Take the longer time that the law gives, once, and say why.

        Raises:
            Conflict: it was taken before.
            InvalidRequest: no pack in force gives one.
        """
        case = rules.check_open(self.case(id))
        figure = self._figures.parameter(EXTENSION_DAYS)
        if figure is None or case.due_at_ms is None:
            raise InvalidRequest("no pack in force says by how long an answer may be put off", param="reason")
        limit: Limit = rules.limit(figure)
        due_at_ms = case.due_at_ms + limit.value * rules.DAY_MS
        step = self._step("extended", by, {"reason": rules.clean(reason, of="reason"), "article": limit.article})
        with self._database.transaction() as db:
            if not store.extend_case(db, id, due_at_ms=due_at_ms):
                raise Conflict(f"{id} was put off once already")
            store.write_step(db, id, step)
        return self.case(id)

    def refuse(self, id: str, *, reason: str, by: str) -> Case:
        """Refuse a request, with the reasons that the person is told (GDPR article 12(4); PIPL article 50)."""
        return self._close(id, CaseState.REFUSED, "refused", by, {"reason": rules.clean(reason, of="reason")})

    def close(self, id: str, *, by: str) -> Case:
        """Close a case that was answered."""
        return self._close(id, CaseState.DONE, "closed", by, {})

    def due(self) -> Iterator[Due]:
        """Say of which cases somebody is to be reminded."""
        now_ms = self._clock.now_ms()
        for case in self.cases(state=CaseState.OPEN):
            yield from rules.case_due(case, now_ms=now_ms)

    def subject(self, id: str) -> Subject:
        """Open the seal of an open case, and say whose it is."""
        case, sealed = self._case(id)
        rules.check_open(case)
        assert sealed is not None, "an open case says whose it is"
        return Subject(organisation=case.organisation, names=_names(self._wrapping.open(sealed, id)))

    def _close(self, id: str, state: CaseState, what: str, by: str, detail: dict[str, Any]) -> Case:
        rules.check_open(self.case(id))
        with self._database.transaction() as db:
            store.write_step(db, id, self._step(what, by, detail))
            if not store.close_case(db, id, state, at_ms=self._clock.now_ms()):
                raise Conflict(f"{id} was closed by somebody else a moment ago")
        return self.case(id)

    def _case(self, id: str) -> tuple[Case, bytes | None]:
        with self._database.reading() as db:
            found = store.read_case(db, id)
        if found is None:
            raise NotFound(f"there is no case {id!r}; `courtyard subjects cases` lists them")
        return found

    def _note(self, id: str, what: str, by: str, detail: dict[str, Any]) -> None:
        with self._database.transaction() as db:
            store.write_step(db, id, self._step(what, by, detail))

    def _step(self, what: str, by: str, detail: dict[str, Any] | None = None) -> Step:
        return Step(number=0, at_ms=self._clock.now_ms(), what=what, by=by, detail=detail or {})

    def _whos(self, subject: Subject) -> list[str]:
        return [self._digests.digest(subject.organisation, name.kind, name.value) for name in subject.names]
