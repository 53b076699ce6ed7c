"""The pack in force, asked from memory, and a candidate that runs beside it."""

from collections.abc import Mapping
from hashlib import sha256
from threading import Lock

import msgspec
import structlog

from courtyard.approvals import Approvals, State
from courtyard.core.admission import Obligation
from courtyard.core.clock import Clock
from courtyard.core.errors import CourtyardError, GateFailed
from courtyard.policy import store
from courtyard.policy.facts import COUNTERS, Decision, Facts
from courtyard.policy.files import read_archive
from courtyard.policy.judging import Judgement
from courtyard.policy.pack import PackRefused, Parameter, Report
from courtyard.policy.reading import read_pack
from courtyard.policy.trials import Difference, Hearing, Tally, differs, hearings
from courtyard.storage import Database

_log = structlog.get_logger("courtyard.policy")

_MEMORY_MAX = 20_000
"""Decisions that are remembered; the memory is emptied when it is full."""
_DIFFERENCES_MAX = 1000
"""Other decisions of a candidate that are kept between two flushes."""
_HEARINGS_MAX = 10_000
_KEPT_MS = 400 * 86_400_000
"""How long is kept what was judged."""


USE = "policy.use"
"""What two people approve where a rule asks for it: that an organisation uses a provider."""
DUAL = Obligation("dual_approval")


def use_digest(organisation: str, provider: str, pack: str) -> str:
    """Name a use under one pack: an approval of it is none of any other."""
    return sha256(msgspec.json.encode([organisation, provider, pack])).hexdigest()


class _Candidate(msgspec.Struct, frozen=True):
    trial: int
    judgement: Judgement | None
    """Nothing where the candidate can't be read any more."""


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force. A reload puts another one in its place, so that a decision sees one or the other."""

    digest: str | None = None
    judgement: Judgement | None = None
    broken: str = ""
    """Why the pack in force can't be asked."""
    candidate: _Candidate | None = None
    counters: tuple[str, ...] = ()
    """Counters that some rule looks at."""
    approved: dict[str, int] = {}
    """Uses that two people approved, by their digest, and until when."""
    memory: dict[Facts, tuple[Decision, Difference | None]] = {}


class _Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged since it was last written down."""

    trial: int | None
    """The candidate that was asked too."""
    seen: dict[str, Facts]
    judged: int
    differences: dict[str, Difference]


class Gate:
    """Decides by the pack in force. The same facts get the same decision, from memory.

    What fails is never an answer: a rule that raises, a pack that can't be read or is not in effect refuse the request
    and are incidents. Without a pack the gate is not active and costs nothing.
    """

    def __init__(self, database: Database, approvals: Approvals, clock: Clock) -> None:
        self._database = database
        self._approvals = approvals
        self._clock = clock
        self._state: _State | None = None
        self._lock = Lock()
        """Held while counts are taken up or written down; never while something is decided or stored."""
        self._seen: dict[str, Facts] = {}
        self._hearings: dict[str, Hearing] = {}
        self._judged = 0
        self._differences: dict[str, Difference] = {}

    @property
    def active(self) -> bool:
        """Whether a pack is in force."""
        return self._now().digest is not None

    @property
    def pack(self) -> str:
        """The pack in force, `name@version`; nothing where there is none."""
        judgement = self._now().judgement
        return "" if judgement is None else judgement.pack.title

    def parameters(self) -> tuple[Parameter, ...]:
        """List the figures of the pack in force."""
        judgement = self._now().judgement
        return () if judgement is None else judgement.pack.parameters

    def parameter(self, name: str) -> Parameter | None:
        """Find a figure of the pack in force."""
        return next((parameter for parameter in self.parameters() if parameter.name == name), None)

    def reports(self) -> tuple[Report, ...]:
        """List the reports that the pack in force speaks of."""
        judgement = self._now().judgement
        return () if judgement is None else judgement.pack.reports

    def decide(self, facts: Facts) -> Decision:
        """Decide, without I/O.

        Raises:
            GateFailed: a rule could not be asked, or the pack in force can't be read or is not in effect.
        """
        state = self._now()
        if state.judgement is None:
            raise GateFailed(state.broken or "no policy pack is in force", rule="")
        if len(state.counters) < len(COUNTERS):
            facts = _without(facts, state.counters)
        known = state.memory.get(facts)
        if known is None:
            known = self._judge(state, state.judgement, facts)
        decision, difference = known
        if state.candidate is not None:
            self._count(decision.facts, difference)
        if not (decision.allowed and decision.obligations):
            return decision
        if DUAL in decision.obligations:
            decision = self._approved(state, state.judgement, facts, decision)
        if decision.allowed:
            self._hear(facts, decision)
        return decision

    def due(self) -> list[Hearing]:
        """Say who has to hear of what was let through: where a rule asks for it, once a day."""
        with self._lock:
            return list(self._hearings.values())

    def reload(self) -> None:
        """Take up what was promoted, rolled back or put on trial; rules are compiled here, and no request waits."""
        with self._database.reading() as db:
            activation = store.read_activation(db)
            trial = store.read_trial(db)
            digest = None if activation is None else activation.digest
            wanted = {digest, None if trial is None else trial.digest}
            archives = {one: store.read_archive(db, one) for one in wanted if one is not None}
        judgement, broken = self._compiled(digest, archives)
        candidate = None
        if trial is not None:
            candidate = _Candidate(trial.number, self._compiled(trial.digest, archives)[0])
        uses = self._approvals.list(state=State.APPROVED, kind=USE) if judgement is not None else ()
        asked = [one for one in (judgement, None if candidate is None else candidate.judgement) if one is not None]
        with self._lock:
            counted = self._taken()
            self._state = _State(
                digest=digest,
                judgement=judgement,
                broken=broken,
                candidate=candidate,
                approved={use.digest: use.expires_at_ms for use in uses},
                counters=tuple(name for name in COUNTERS if any(name in one.cedar.mentioned for one in asked)),
                memory={},
            )
        try:
            self._write(counted)
        except Exception as error:  # What was judged waits for the disk; what is in force waits for nothing.
            _log.error("judged_not_written", reason=type(error).__name__)

    def flush(self) -> None:
        """Write down what was judged, and what a candidate would have done otherwise. Call it from a thread.

        What can't be written is written the next time.
        """
        with self._lock:
            counted = self._taken()
        self._write(counted)

    def _taken(self) -> _Counted:
        counted = _Counted(trial=self._trial, seen=self._seen, judged=self._judged, differences=self._differences)
        self._seen, self._judged, self._differences = {}, 0, {}
        return counted

    def _write(self, counted: _Counted) -> None:
        if not counted.seen and not counted.judged:
            return
        now_ms = self._clock.now_ms()
        try:
            with self._database.transaction() as db:
                store.write_facts(db, counted.seen, at_ms=now_ms)
                store.remove_facts(db, before_ms=now_ms - _KEPT_MS)
                if counted.trial is not None and counted.judged:
                    tally = Tally(judged=counted.judged, differences=counted.differences)
                    store.write_tally(db, counted.trial, tally)
        except BaseException:
            with self._lock:
                self._put_back(counted)
            raise

    def _put_back(self, counted: _Counted) -> None:
        """Count again what was not written; what a candidate differed in, as long as that one still runs."""
        self._seen = counted.seen | self._seen
        if counted.trial != self._trial:
            return
        self._judged += counted.judged
        for digest, difference in counted.differences.items():
            since = self._differences.get(digest, msgspec.structs.replace(difference, count=0))
            self._differences[digest] = msgspec.structs.replace(since, count=since.count + difference.count)

    @property
    def _trial(self) -> int | None:
        candidate = None if self._state is None else self._state.candidate
        return None if candidate is None else candidate.trial

    def _approved(self, state: _State, judgement: Judgement, facts: Facts, decision: Decision) -> Decision:
        """Let a use pass that two people approved, and refuse it otherwise."""
        until_ms = state.approved.get(use_digest(facts.organisation, facts.provider, judgement.pack.digest), 0)
        if self._clock.now_ms() < until_ms:
            return decision
        reason = (
            f"two people have to approve that {facts.organisation} uses provider {facts.provider}; one proposes "
            f"it with `courtyard policy propose-use {facts.organisation} {facts.provider}`"
        )
        return msgspec.structs.replace(decision, allowed=False, reason=reason)

    def _hear(self, facts: Facts, decision: Decision) -> None:
        """Remember who has to hear of what was let through."""
        if not any(one.name == "notify" for one in decision.obligations):
            return
        with self._lock:
            for hearing in hearings(facts, decision):
                if len(self._hearings) >= _HEARINGS_MAX:
                    self._hearings.clear()  # They were told: it is asked for them every few seconds.
                self._hearings[hearing.once] = hearing

    def _now(self) -> _State:
        if self._state is None:
            self.reload()
        assert self._state is not None, "a reload makes a state"
        return self._state

    def _judge(self, state: _State, judgement: Judgement, facts: Facts) -> tuple[Decision, Difference | None]:
        decision = judgement.decide(facts)
        with self._lock:
            self._seen[decision.facts] = facts
        known = decision, self._compared(state.candidate, facts, decision)
        if len(state.memory) >= _MEMORY_MAX:
            state.memory.clear()
        state.memory[facts] = known
        return known

    def _compared(self, candidate: _Candidate | None, facts: Facts, now: Decision) -> Difference | None:
        """Ask the candidate too. Whatever becomes of that, the request does not notice."""
        if candidate is None:
            return None
        try:
            if candidate.judgement is None:
                raise GateFailed("the candidate can't be read", rule="")
            then = candidate.judgement.decide(facts)
        except CourtyardError as error:
            return Difference(facts=facts, now=now, then=None, failed=error.message)
        return Difference(facts=facts, now=now, then=then) if differs(now, then) else None

    def _count(self, digest: str, difference: Difference | None) -> None:
        with self._lock:
            self._judged += 1
            if difference is None:
                return
            counted = self._differences.get(digest)
            if counted is None and len(self._differences) >= _DIFFERENCES_MAX:
                return
            count = 1 if counted is None else counted.count + 1
            told = msgspec.structs.replace(difference, count=count, last_ms=self._clock.now_ms())
            self._differences[digest] = told

    def _compiled(self, digest: str | None, archives: Mapping[str, bytes]) -> tuple[Judgement | None, str]:
        """Prepare a pack, or take the one that is prepared; where it can't be read, say why."""
        if digest is None:
            return None, ""
        for one in self._prepared():
            if one.pack.digest == digest:
                return one, ""
        try:
            pack = read_pack(read_archive(archives[digest]))
            if pack.digest != digest:
                raise PackRefused("it holds other files than those that were brought in")
            return Judgement(pack), ""
        except CourtyardError as error:
            _log.error("pack_unreadable", digest=digest, reason=error.message)
            return (
                None,
                f"the policy pack in force can't be read, and what it has not judged does not run: {error.message}",
            )

    def _prepared(self) -> list[Judgement]:
        if self._state is None:
            return []
        candidate = self._state.candidate
        both = self._state.judgement, None if candidate is None else candidate.judgement
        return [one for one in both if one is not None]


def _without(facts: Facts, kept: tuple[str, ...]) -> Facts:
    """Leave out counters that no rule looks at: they change from request to request."""
    if facts.persons_left is None and facts.tokens_left is None and facts.requests_left is None:
        return facts
    return msgspec.structs.replace(facts, **{name: None for name in COUNTERS if name not in kept})
