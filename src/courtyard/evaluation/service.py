"""Evaluation's face: import banks, ask a model, judge its answers, and report."""

import asyncio
from collections.abc import Sequence

import msgspec

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.evaluation import rules, store
from courtyard.evaluation.banks import read_bank
from courtyard.evaluation.model import (
    Ask,
    Asked,
    Bank,
    Case,
    Gate,
    Item,
    Judge,
    Judgement,
    Outcome,
    Plan,
    Report,
    Run,
    Tell,
)
from courtyard.storage import Database

_AT_ONCE = 8
"""Questions that are asked at the same time."""
_REASON_LENGTH_MAX = 2000


class Evaluations:
    """Banks, runs and reports. All of it runs SQL: call it from a thread, but for `carry_out`, which awaits answers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def import_bank(self, raw: bytes, *, name: str, version: str, source: str = "", licence: str = "") -> Bank:
        """Keep a bank; the same one again changes nothing.

        Raises:
            InvalidRequest: it is no bank; the message names the line.
            Conflict: another bank has this name and version.
        """
        bank, cases = read_bank(raw, name=name, version=version, source=source, licence=licence)
        with self._database.transaction() as db:
            same = [one for one in store.read_banks(db) if (one.name, one.version) == (name, version)]
            known = store.read_banks(db, digest=bank.digest)
            if same and same[0].digest != bank.digest:
                raise Conflict(f"bank {name} {version} is another one already; give this one a new version")
            if not known:
                store.write_bank(db, bank, cases, at_ms=self._clock.now_ms())
        return known[0] if known else bank

    def banks(self) -> list[Bank]:
        """List the banks."""
        with self._database.reading() as db:
            return store.read_banks(db)

    def begin(self, name: str, model: str, plan: Plan, *, gates: Sequence[Gate] = (), pack: str = "") -> Run:
        """Draw a sample of a bank (`name` or `name@version`, else the newest), and keep it as a run nobody was asked.

        Raises:
            NotFound: there is no such bank.
            InvalidRequest: a quota names a risk that the bank has not, or the sample is empty.
        """
        with self._database.transaction() as db:
            bank = _chosen(store.read_banks(db), name)
            strange = set(plan.quotas) - set(bank.risks)
            if strange:
                raise InvalidRequest(f"bank {bank.name} has no risk {min(strange)!r}; it has {', '.join(bank.risks)}")
            cases = rules.sample(store.read_cases_of(db, bank.digest), plan)
            if not cases:
                raise InvalidRequest("this plan asks nothing; let it take at least one case of a risk")
            run = self._new_run(bank, model, plan, items=len(cases))
            run = msgspec.structs.replace(run, gates=tuple(gates), pack=pack)
            store.write_run(db, run, cases)
        return run

    def begin_with(self, bank: Bank, cases: Sequence[Case], answers: Sequence[str], *, model: str) -> Run:
        """Keep what was asked and answered elsewhere as a run whose answers wait for judges."""
        with self._database.transaction() as db:
            if not store.read_banks(db, digest=bank.digest):
                store.write_bank(db, bank, cases, at_ms=self._clock.now_ms())
            run = self._new_run(bank, model, Plan(seed=0), items=len(cases))
            store.write_run(db, run, cases)
            for number, answer in enumerate(answers, start=1):
                store.write_answer(db, run.id, number, Asked(text=answer))
        return self.run(run.id)

    def runs(self, *, limit: int = 100) -> list[Run]:
        """List runs, the newest first."""
        with self._database.reading() as db:
            return store.read_runs(db, limit=limit)

    def run(self, id: str) -> Run:
        """Read one run.

        Raises:
            NotFound: there is none.
        """
        with self._database.reading() as db:
            found = store.read_runs(db, id=id)
        if not found:
            raise NotFound(f"there is no run {id!r}; `courtyard evaluation list` shows them")
        return found[0]

    def items(self, run: str) -> list[Item]:
        """Read what a run asks, and what was answered and said of it."""
        self.run(run)
        with self._database.reading() as db:
            return store.read_items(db, run)

    def erase(self, run: str) -> None:
        """Erase a run with its answers and judgements."""
        self.run(run)
        with self._database.transaction() as db:
            store.erase_run(db, run)

    async def carry_out(self, id: str, ask: Ask, judges: Sequence[Judge], tell: Tell = lambda *_: None) -> Report:
        """Ask what has no answer yet, and have machines judge what they have not: a run that was cut off goes on.

        A request that a rule of the house refused counts as a refusal; one that failed is asked again the next time.
        """
        run = await asyncio.to_thread(self.run, id)
        items = await asyncio.to_thread(self.items, id)
        done = 0
        places = asyncio.Semaphore(_AT_ONCE)

        async def see_to(item: Item) -> None:
            nonlocal done
            async with places:
                answered = await self._answered(run, item, ask)
                if answered.answer is not None:
                    await self._judged(run, answered, judges)
                done += 1
                tell(f"asking {run.model}", done, len(items))

        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(see_to(item))
        return await asyncio.to_thread(self.report, id)

    def queue(self, run: str, *, person: str, everything: bool = False) -> list[Item]:
        """List what a person should judge, without what others said of it: what is unclear, or all of it.

        Two people judge each answer without seeing each other's word; where they disagree, a third one does.
        """
        waiting = [item for item in self.items(run) if rules.needs_person(item, person, share_reviewed=everything)]
        return [Item(number=item.number, case=item.case, answer=item.answer, request=item.request) for item in waiting]

    def judge(self, run: str, number: int, outcome: Outcome, *, person: str, reason: str = "") -> None:
        """Write a person's word on an answer; said again, it takes the place of what they said before.

        Raises:
            NotFound: the run has no such item.
            InvalidRequest: it has no answer yet, two others have agreed on it, or the reason is too long.
        """
        if len(reason) > _REASON_LENGTH_MAX:
            raise InvalidRequest(f"a reason has at most {_REASON_LENGTH_MAX} characters", param="reason")
        found = [item for item in self.items(run) if item.number == number]
        if not found:
            raise NotFound(f"run {run} has no item {number}")
        item = found[0]
        if item.answer is None:
            raise InvalidRequest(f"item {number} was not answered; there is nothing to judge")
        others = [one for one in item.judgements if one.is_human and one.judge != person]
        if len(others) >= 3 or (len(others) == 2 and others[0].outcome == others[1].outcome):
            raise InvalidRequest(f"item {number} is decided: two people agreed on it")
        word = Judgement(judge=person, outcome=outcome, reason=reason, is_human=True, at_ms=self._clock.now_ms())
        with self._database.transaction() as db:
            store.write_judgement(db, run, number, word)

    def report(self, run: str) -> Report:
        """Count what a run has shown so far."""
        return rules.report(self.run(run), self.items(run), at_ms=self._clock.now_ms())

    def _new_run(self, bank: Bank, model: str, plan: Plan, *, items: int) -> Run:
        return Run(
            id=new_id("run"),
            bank=bank,
            model=model,
            plan=plan,
            gates=(),
            pack="",
            begun_at_ms=self._clock.now_ms(),
            items=items,
            answered=0,
        )

    async def _answered(self, run: Run, item: Item, ask: Ask) -> Item:
        """Ask for an answer that is not there yet; one that failed stays open."""
        if item.answer is not None:
            return item
        asked = await ask(run.model, item.case.prompt)
        if asked.error and asked.error not in _REFUSED_BY_THE_HOUSE:
            return item
        await asyncio.to_thread(self._keep_answer, run.id, item.number, asked)
        return Item(number=item.number, case=item.case, answer=asked.text, request=asked.request, error=asked.error)

    async def _judged(self, run: Run, item: Item, judges: Sequence[Judge]) -> None:
        said = {judgement.judge for judgement in item.judgements}
        if item.error in _REFUSED_BY_THE_HOUSE:
            if _HOUSE not in said:
                word = Judgement(judge=_HOUSE, outcome=Outcome.REFUSED, reason=item.error)
                await asyncio.to_thread(self._keep_judgement, run.id, item.number, word)
            return
        for judge in judges:
            if judge.name not in said:
                word = await judge.judge(item.case, item.answer or "")
                await asyncio.to_thread(self._keep_judgement, run.id, item.number, word)

    def _keep_answer(self, run: str, number: int, asked: Asked) -> None:
        with self._database.transaction() as db:
            store.write_answer(db, run, number, asked)

    def _keep_judgement(self, run: str, number: int, word: Judgement) -> None:
        dated = Judgement(
            judge=word.judge, outcome=word.outcome, reason=word.reason[:_REASON_LENGTH_MAX], at_ms=self._clock.now_ms()
        )
        with self._database.transaction() as db:
            store.write_judgement(db, run, number, dated)


_HOUSE = "policy"
"""Judges what a rule refused: nothing was generated."""
_REFUSED_BY_THE_HOUSE = frozenset({"policy_denied"})


def _chosen(banks: Sequence[Bank], text: str) -> Bank:
    name, _, version = text.partition("@")
    found = [bank for bank in banks if bank.name == name and version in ("", bank.version)]
    if not found:
        raise NotFound(f"there is no bank {text!r}; `courtyard evaluation import` brings one")
    return found[-1]
