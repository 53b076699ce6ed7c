"""Breaches of personal data: what happened, who has to be told by when, and what they have to be told."""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.privacy.register import rules, store
from courtyard.privacy.register.model import EVERY, Breach, Due, Figures, Step, Whom
from courtyard.storage import Database


class Breaches:
    """Records of breaches; each has the clocks that the pack in force had when it was noticed."""

    def __init__(self, database: Database, clock: Clock, figures: Figures) -> None:
        self._database = database
        self._clock = clock
        self._figures = figures

    def record(
        self,
        title: str,
        *,
        by: str,
        organisation: str = EVERY,
        noticed_at_ms: int | None = None,
        clocks: Sequence[str] | None = None,
    ) -> Breach:
        """Record a breach: its clocks run from when it was noticed. `clocks` names those of the pack that apply.

        Raises:
            InvalidRequest: it was noticed in the future, or the pack has no such clock.
        """
        now_ms = self._clock.now_ms()
        noticed_ms = now_ms if noticed_at_ms is None else noticed_at_ms
        if noticed_ms > now_ms:
            raise InvalidRequest("a breach was noticed in the past", param="noticed")
        breach = Breach(
            id=new_id("breach"),
            organisation=organisation,
            title=rules.clean(title, of="title"),
            noticed_at_ms=noticed_ms,
            deadlines=rules.deadlines(self._figures.parameters(), noticed_at_ms=noticed_ms, names=clocks),
            steps=(self._step(1, "recorded", by),),
        )
        with self._database.transaction() as db:
            store.write_breach(db, breach)
        return breach

    def one(self, id: str) -> Breach:
        """Return a breach, or raise `NotFound`."""
        found = [breach for breach in self.list() if breach.id == id]
        if not found:
            raise NotFound(f"there is no breach {id!r}; `courtyard privacy breaches` lists them")
        return found[0]

    def list(self, *, open_only: bool = False) -> tuple[Breach, ...]:
        """List breaches, newest first."""
        with self._database.reading() as db:
            return tuple(store.read_breaches(db, open_only=open_only))

    def describe(self, id: str, contents: dict[str, str], *, by: str) -> Breach:
        """Write what a notification has to say, part by part.

        Raises:
            InvalidRequest: it has no such part.
        """
        if unknown := sorted(contents.keys() - rules.CONTENTS.keys()):
            raise InvalidRequest(f"a notification has no {unknown[0]!r}; it has {', '.join(rules.CONTENTS)}")
        cleaned = {name: rules.clean(text, of=name) for name, text in contents.items()}
        return self._change(
            id, "described", by, lambda breach: replace(breach, contents={**breach.contents, **cleaned})
        )

    def tell(self, id: str, whom: Whom, *, by: str, at_ms: int | None = None) -> Breach:
        """Note that somebody was told: their clock stops."""
        when = self._clock.now_ms() if at_ms is None else at_ms
        return self._change(id, f"told {whom}", by, lambda breach: replace(breach, told={**breach.told, whom: when}))

    def close(self, id: str, *, by: str, reason: str = "") -> Breach:
        """Close a breach.

        Raises:
            Conflict: somebody was not told, or a notification lacks something, and no reason says why.
        """
        rules.check_told(self.one(id), reason=reason)
        now_ms = self._clock.now_ms()
        what = f"closed: {reason.strip()}" if reason.strip() else "closed"
        return self._change(id, what, by, lambda breach: replace(breach, closed_at_ms=now_ms))

    def due(self) -> Iterator[Due]:
        """Say of which clocks somebody is to be reminded."""
        now_ms = self._clock.now_ms()
        for breach in self.list(open_only=True):
            yield from rules.breach_due(breach, now_ms=now_ms)

    def _change(self, id: str, what: str, by: str, change: Callable[[Breach], Breach]) -> Breach:
        self.one(id)
        with self._database.transaction() as db:
            [breach] = store.read_breaches(db, id=id)
            if breach.closed_at_ms is not None:
                raise Conflict(f"{id} is closed")
            step = self._step(len(breach.steps) + 1, what, by)
            changed = change(replace(breach, steps=(*breach.steps, step)))
            store.write_breach(db, changed)
        return changed

    def _step(self, number: int, what: str, by: str) -> Step:
        return Step(number=number, at_ms=self._clock.now_ms(), what=what, by=by)
