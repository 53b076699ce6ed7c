"""Providers' face: propose, show evidence, try, admit, suspend, expel; caps, and the kill switch."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection

from courtyard.approvals import Approval, ApprovalRequired, Approvals
from courtyard.catalogue.memory import Memory as Catalogue
from courtyard.catalogue.providers import rules, store
from courtyard.catalogue.providers.memory import Memory
from courtyard.catalogue.providers.model import (
    BY_ITSELF,
    Caps,
    Change,
    CrossedDay,
    Crossing,
    Facts,
    Item,
    Kind,
    Period,
    Provider,
    Scope,
    owner_of,
)
from courtyard.core.amount import REQUEST, TOKEN, Unit
from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.storage import Database, Keyring

RAISE, RESTORE, FOREIGN = "provider.raise_cap", "provider.restore", "foreign"

Limit = Callable[[str, Unit, str, int | None], object]
"""Bounds what an owner uses of a unit in each period, or with `None` bounds it no longer: the ledger does."""

_REASON_LENGTH_MAX = 2000


class Providers(Memory):
    """Who else may run requests, and on what evidence.

    `card`, `candidates`, `persons_left` and `knows` answer from memory and may be called anywhere. What changes
    something runs SQL, so call it from a thread; other processes follow by `reload` when they see the revision move.
    Every change is noted: who made it, when, and why.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        catalogue: Catalogue,
        *,
        approvals: Approvals,
        limit: Limit,
    ) -> None:
        super().__init__(database, keyring, clock, catalogue)
        self._approvals = approvals
        self._limit = limit

    def propose(self, id: str, facts: Facts, *, by: str, reason: str) -> Provider:
        """Begin with a provider, or anew with one of which something else is true now.

        Raises:
            InvalidRequest: the facts can't be true of anybody.
            Conflict: it was expelled.
        """
        now_ms = self._clock.now_ms()
        with self._noting(id, "propose", by, reason, detail=_digest(facts)) as db:
            proposed = rules.propose(id, facts, store.read(db, id), now_ms=now_ms)
            store.set_evidence_aside(db, proposed.id, at_ms=now_ms)
            store.write(db, proposed)
        self._bound(proposed.id, proposed.caps)
        return proposed

    def show(
        self, id: str, kind: Kind, *, statement: str, digest: str, dated_ms: int, expires_ms: int, by: str
    ) -> Provider:
        """Add a piece of evidence, in the place of the one of its kind.

        Raises:
            UnknownProvider: there is no such provider.
            InvalidRequest: it has expired, or its digest is none.
            Conflict: the provider was expelled.
        """
        if len(digest) != 64 or not statement.strip():
            raise InvalidRequest("evidence has a statement, and the SHA-256 of the document that it stands in")
        now_ms = self._clock.now_ms()
        item = Item(
            kind=kind,
            statement=statement,
            digest=digest,
            dated_ms=dated_ms,
            expires_ms=expires_ms,
            by=by,
            at_ms=now_ms,
        )
        with self._noting(id, "evidence", by, f"{kind}: {statement}", detail=digest) as db:
            shown = rules.show(self._read(db, id), item, now_ms=now_ms)
            store.write_item(db, shown.id, item)
        return self.provider(id)

    def advance(self, id: str, *, by: str, reason: str) -> Provider:
        """Take a provider's evidence for complete, or raise as `rules.advance` does."""
        return self._change(id, "advance", by, reason, lambda one, now_ms: rules.advance(one, now_ms=now_ms))

    def begin_trial(self, id: str, scope: Scope, *, until_ms: int, by: str, reason: str) -> Provider:
        """Let a provider be evaluated until a moment, or raise as `rules.begin_trial` does."""
        step = lambda one, now_ms: rules.begin_trial(one, scope, until_ms=until_ms, now_ms=now_ms)  # noqa: E731
        return self._change(id, "trial", by, reason, step)

    def admit(self, id: str, scope: Scope, *, until_ms: int, by: str, reason: str) -> Provider:
        """Admit a provider for a scope and until a moment, or raise as `rules.admit` does."""
        step = lambda one, now_ms: rules.admit(one, scope, until_ms=until_ms, now_ms=now_ms)  # noqa: E731
        return self._change(id, "admit", by, reason, step)

    def suspend(self, id: str, *, by: str, reason: str) -> Provider:
        """Ask nothing of a provider from now on, or raise as `rules.suspend` does."""
        return self._change(id, "suspend", by, reason, lambda one, _: rules.suspend(one))

    def expel(self, id: str, *, by: str, reason: str) -> Provider:
        """Never ask a provider again, or raise as `rules.expel` does."""
        return self._change(id, "expel", by, reason, lambda one, _: rules.expel(one))

    def set_caps(self, id: str, caps: Caps, *, by: str, reason: str) -> Provider | Approval:
        """Bound what a provider gets. One person lowers a cap; to raise one, another has to approve exactly this.

        Returns what somebody else has to approve, where nobody has; called again after that, it is done.

        Raises:
            UnknownProvider: there is no such provider.
            InvalidRequest: a cap is none.
        """
        rules.check_caps(caps)
        kept = self._kept(id)
        if not rules.raises(kept.caps, caps):
            self._bound(id, caps)  # Before it is written: nothing may stand lower in words than it is.
            try:
                return self._change(id, "lower_caps", by, reason, lambda one, _: _lowered(one, caps))
            except Exception:
                self.reload()
                self._bound(id, self._kept(id).caps)
                raise
        what = _digest([id, kept.facts, caps])
        try:
            with self._noting(id, "raise_caps", by, reason, detail=what) as db:
                self._approvals.take(db, RAISE, id, what)
                store.write(db, replace(self._read(db, id), caps=caps))
        except ApprovalRequired:
            return self._waiting(RAISE, id, what, by, reason)
        self._bound(id, caps)
        return self.provider(id)

    def kill(self, id: str | None, *, by: str, reason: str) -> None:
        """Ask nothing more of a provider, or of anybody foreign, and cut what is running within a second.

        Raises:
            UnknownProvider: there is no such provider.
        """
        with self._noting(id or "", "kill", by, reason) as db:
            self._throw(db, id, killed=True)

    def restore(self, id: str | None, *, by: str, reason: str) -> Approval | None:
        """Take a kill back, which two people have to want: returns what waits for the second one, or nothing.

        Raises:
            UnknownProvider: there is no such provider.
            Conflict: it is not killed, so that nobody collects a consent for later.
        """
        if not (self._kept(id).killed if id is not None else not self.foreign_on):
            raise Conflict(f"{id or 'who is foreign'} is not killed; there is nothing to restore")
        what = _digest(["restore", id, self._killed_ms(id)])  # Who kills again has heard of what nobody consented to.
        try:
            with self._noting(id or "", "restore", by, reason) as db:
                self._approvals.take(db, RESTORE, id or FOREIGN, what)
                self._throw(db, id, killed=False)
        except ApprovalRequired:
            return self._waiting(RESTORE, id or FOREIGN, what, by, reason)
        return None

    def is_due(self) -> bool:
        """Say whether time has suspended a provider and nobody has written it down yet. From memory."""
        now_ms = self._clock.now_ms()
        return any(rules.seen(one, now_ms=now_ms) is not one for one in self._known.providers.values())

    def carry_out(self) -> None:
        """Write down what time has suspended: it serves no longer whether this is done or not."""
        now_ms = self._clock.now_ms()
        for kept in self._known.providers.values():
            if rules.seen(kept, now_ms=now_ms) is kept:
                continue
            with self._changing() as db:
                there = self._read(db, kept.id)
                why = rules.lapse(there, now_ms=now_ms)
                if (now := rules.seen(there, now_ms=now_ms)) is not there:
                    store.write(db, now)
                    store.write_change(db, _note(kept.id, "suspend", BY_ITSELF, why, at_ms=now_ms))

    def changes(self, id: str | None = None, *, limit: int = 200) -> tuple[Change, ...]:
        """List what was changed, newest first."""
        with self._database.reading() as db:
            return tuple(store.read_changes(db, provider=id, limit=limit))

    def note_crossings(self, crossings: Iterable[Crossing]) -> None:
        """Write down what the egress decided, and add it to its days."""
        crossed = tuple(crossings)
        if crossed:
            with self._database.transaction() as db:
                store.write_crossings(db, crossed, self._by_day(crossed))

    def crossings(
        self, id: str | None = None, *, verdict: str | None = None, since_ms: int = 0, limit: int = 200
    ) -> tuple[Crossing, ...]:
        """List what the egress decided, newest first."""
        with self._database.reading() as db:
            return tuple(store.read_crossings(db, provider=id, verdict=verdict, since_ms=since_ms, limit=limit))

    def crossed(self, day_first: str, day_last: str) -> tuple[CrossedDay, ...]:
        """Say what each provider was sent on each of some days (UTC, `YYYY-MM-DD`)."""
        with self._database.reading() as db:
            return tuple(store.read_days(db, day_first=day_first, day_last=day_last))

    def _by_day(self, crossings: Iterable[Crossing]) -> Iterable[CrossedDay]:
        days: dict[tuple[str, str], CrossedDay] = {}
        for one in crossings:
            kept = self._known.providers.get(one.provider)
            if kept is None:
                continue  # Nobody was asked: there is no such provider.
            key = day, _ = rules.day_of(one.at_ms), one.provider
            sums = days.get(key) or CrossedDay(
                day=day, provider=kept.id, tier=kept.facts.tier, passed=0, refused=0, bytes_out=0, bytes_in=0
            )
            is_refused = one.verdict == "refused"
            days[key] = replace(
                sums,
                passed=sums.passed + (not is_refused),
                refused=sums.refused + is_refused,
                bytes_out=sums.bytes_out + one.bytes_out,
                bytes_in=sums.bytes_in + one.bytes_in,
            )
        return days.values()

    def _change(
        self, id: str, action: str, by: str, reason: str, step: Callable[[Provider, int], Provider]
    ) -> Provider:
        with self._noting(id, action, by, reason) as db:
            changed = step(self._read(db, id), self._clock.now_ms())
            store.write(db, changed)
        return changed

    @contextmanager
    def _noting(self, id: str, action: str, by: str, reason: str, detail: str = "") -> Iterator[Connection]:
        """Change something, and note who did, when, and why."""
        if not by.strip():
            raise InvalidRequest("say who does it with --by EMAIL", param="by")
        if not reason.strip() or len(reason) > _REASON_LENGTH_MAX:
            raise InvalidRequest(f"say why, in {_REASON_LENGTH_MAX} characters at most", param="reason")
        with self._changing() as db:
            yield db
            store.write_change(db, _note(id, action, by, reason, at_ms=self._clock.now_ms(), detail=detail))

    def _throw(self, db: Connection, id: str | None, *, killed: bool) -> None:
        if id is None:
            store.write_foreign_on(db, not killed)
        else:
            store.write(db, replace(self._read(db, id), killed=killed))

    def _killed_ms(self, id: str | None) -> int:
        """When its kill switch was last thrown; 0 where that is long ago."""
        return next((one.at_ms for one in self.changes(id or "") if one.action == "kill"), 0)

    def _waiting(self, kind: str, subject: str, digest: str, by: str, reason: str) -> Approval:
        """Find what was proposed already and waits for somebody else, or propose it."""
        for one in self._approvals.pending():
            if (one.kind, one.subject, one.digest) == (kind, subject, digest):
                return one
        return self._approvals.propose(kind, subject, digest, by=by, reason=reason)

    def _bound(self, id: str, caps: Caps) -> None:
        """Have the ledger hold a provider to its caps."""
        for unit, cap in ((REQUEST, caps.requests), (TOKEN, caps.tokens)):
            for period in Period:
                count = cap.count if cap is not None and cap.period is period else None
                self._limit(owner_of(id), unit, period, count)

    def _read(self, db: Connection, id: str) -> Provider:
        found = store.read(db, id)
        return self._kept(id) if found is None else found


def _lowered(provider: Provider, caps: Caps) -> Provider:
    if rules.raises(provider.caps, caps):
        raise Conflict(f"somebody lowered the caps of {provider.id} just now; look again")
    return replace(provider, caps=caps)


def _note(id: str, action: str, by: str, reason: str, *, at_ms: int, detail: str = "") -> Change:
    return Change(at_ms=at_ms, provider=id, by=by, action=action, reason=reason, detail=detail)


def _digest(value: object) -> str:
    return sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
