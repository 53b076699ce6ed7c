"""How long data is kept, and the run that deletes what is older and proves it."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from courtyard.core.clock import Clock
from courtyard.core.errors import InvalidRequest
from courtyard.privacy.digests import Digests
from courtyard.privacy.model import Name
from courtyard.privacy.register import rules, store
from courtyard.privacy.register.model import EVERY, Ages, Deletion, Figures, Retention
from courtyard.privacy.register.proofs import Proofs
from courtyard.privacy.store import read_restricted
from courtyard.storage import Database

_RUN_MS = 3_600_000
"""How often a server looks for what is old."""


class Retentions:
    """Rules by data and organisation: an organisation's own goes before the one for all."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        holders: Sequence[Ages],
        organisations: Callable[[], Sequence[str]],
        digests: Digests,
        proofs: Proofs,
        figures: Figures,
    ) -> None:
        self._database = database
        self._clock = clock
        self._holders = {holder.name: holder for holder in holders}
        self._organisations = organisations
        self._digests = digests
        self._proofs = proofs
        self._figures = figures
        self._run_ms = 0

    @property
    def data(self) -> tuple[str, ...]:
        """What can be deleted by its age."""
        return tuple(self._holders)

    def set(self, data: str, days: int, *, reason: str, organisation: str = EVERY) -> Retention:
        """Say how long something is kept.

        Raises:
            InvalidRequest: it does not age, or the pack in force wants it kept longer.
        """
        if data not in self._holders:
            raise InvalidRequest(f"{data!r} does not age here; what does is {', '.join(self._holders)}", param="data")
        figure = self._figures.parameter(f"retention_days_{data}")
        if figure is not None and days < rules.limit(figure).value:
            raise InvalidRequest(
                f"the pack in force has {data} kept for {figure.value} days at least: {figure.article}, "
                f"{figure.source}, checked {figure.checked_on}"
            )
        rule = Retention(
            organisation=organisation, data=data, days=max(0, days), reason=rules.clean(reason, of="reason")
        )
        with self._database.transaction() as db:
            store.write_retention(db, rule, at_ms=self._clock.now_ms())
        return rule

    def rules(self) -> tuple[Retention, ...]:
        """List what is kept for how long."""
        with self._database.reading() as db:
            return tuple(store.read_retention(db))

    def run(self, *, rehearse: bool = False) -> tuple[Deletion, ...]:
        """Delete what is older than its rule says, and prove it; a rehearsal only counts."""
        done = []
        for organisation in self._organisations():
            for rule in self._of(organisation):
                done.append(self._apply(rule, organisation, rehearse=rehearse))
        return tuple(done)

    def turn(self) -> int:
        """Run once an hour, for a serving process; says how much was deleted."""
        now_ms = self._clock.now_ms()
        if now_ms - self._run_ms < _RUN_MS:
            return 0
        self._run_ms = now_ms
        return sum(one.deleted for one in self.run())

    def _of(self, organisation: str) -> list[Retention]:
        all_of_them = self.rules()
        own = {rule.data: rule for rule in all_of_them if rule.organisation == EVERY}
        own |= {rule.data: rule for rule in all_of_them if rule.organisation == organisation}
        return [rule for rule in own.values() if rule.data in self._holders]

    def _apply(self, rule: Retention, organisation: str, *, rehearse: bool) -> Deletion:
        holder = self._holders[rule.data]
        before_ms = self._clock.now_ms() - rule.days * rules.DAY_MS
        older = holder.older(organisation, before_ms)
        deleted = (
            0 if rehearse or not older else holder.expire(organisation, before_ms, spared=self._spared(organisation))
        )
        done = Deletion(
            organisation=organisation,
            data=rule.data,
            days=rule.days,
            before_ms=before_ms,
            deleted=deleted,
            left=older - deleted,
        )
        return done if not deleted else self._proved(done, rule, left=holder.older(organisation, before_ms))

    def _proved(self, done: Deletion, rule: Retention, *, left: int) -> Deletion:
        facts = {
            "data": done.data,
            "days": done.days,
            "reason": rule.reason,
            "before_ms": done.before_ms,
            "deleted": done.deleted,
            "left": left,
        }
        with self._database.transaction() as db:
            proof = self._proofs.write(db, "retention", organisation=done.organisation, facts=facts)
        return replace(done, left=left, proof=proof.digest)

    def _spared(self, organisation: str) -> "_Spared":
        with self._database.reading() as db:
            return _Spared(self._digests, organisation, read_restricted(db, organisation))


class _Spared:
    """Whose data is restricted: it is kept, whatever its age."""

    def __init__(self, digests: Digests, organisation: str, restricted: frozenset[str]) -> None:
        self._digests = digests
        self._organisation = organisation
        self._restricted = restricted

    def __call__(self, kind: str, value: str, /) -> bool:
        if not self._restricted:
            return False
        found = self._digests.find(self._organisation, [Name(kind=kind, value=value)])
        return not self._restricted.isdisjoint(found.values())
