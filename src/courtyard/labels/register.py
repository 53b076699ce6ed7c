"""The register: every answer that was given, by what it is known by, so that a text tells where it comes from."""

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import structlog

from courtyard.core.clock import Clock
from courtyard.labels import store, words
from courtyard.labels.front_matter import body_of
from courtyard.labels.model import LabelsSettings, Match, Unlabelled
from courtyard.labels.prints import LETTERS_MIN, Prints, letters_of
from courtyard.storage import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = structlog.get_logger("courtyard.labels")

_WAITING_MAX = 64 * 1024 * 1024
"""Letters that wait to be entered, at most: where the database is away for long, the oldest are let go."""
_FOUND_MAX = 5
_SHARED_MIN = 2
_ASKED_MAX = 20_000
"""Fingerprints of one text that are looked for."""
_DAY_MS = 24 * 3600 * 1000
_PRUNE_MS = 3600 * 1000


class _Answer(NamedTuple):
    text: str
    about: Match


class Register:
    """Answers and unlabelled deliveries wait in memory until `flush` enters them, off the path of requests."""

    def __init__(self, database: Database, clock: Clock, settings: LabelsSettings, key: bytes) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._prints = Prints(key)
        self._lock = Lock()
        self._answers: deque[_Answer] = deque()
        self._letters = 0
        self._deliveries: list[Unlabelled] = []
        self._pruned_ms = 0

    def note(self, text: str, *, request: str, organisation: str, model: str, receipt: str) -> None:
        """Take an answer to be entered with the next flush."""
        if not self._settings.register or len(text) < LETTERS_MIN:
            return
        about = Match(
            request=request,
            organisation=organisation,
            model=model,
            at_ms=self._clock.now_ms(),
            receipt=receipt,
            share=1.0,
        )
        self._put([_Answer(text, about)])

    def note_unlabelled(self, delivery: Unlabelled) -> None:
        """Take a delivery without a label to be kept with the next flush."""
        with self._lock:
            self._deliveries.append(delivery)

    def flush(self) -> int:
        """Enter what waits; says how many answers. What could not be entered waits on."""
        with self._lock:
            answers, self._answers, self._letters = list(self._answers), deque(), 0
            deliveries, self._deliveries = self._deliveries, []
        is_pruning = self._clock.now_ms() - self._pruned_ms >= _PRUNE_MS
        if not (answers or deliveries or is_pruning):
            return 0
        known = [(one.about, letters_of(one.text)) for one in answers]
        try:
            with self._database.transaction() as db:
                for about, letters in known:
                    if len(letters) >= LETTERS_MIN:
                        prints = self._prints.passages(letters)
                        store.write_text(db, about, digest=self._prints.digest(letters), prints=prints)
                store.write_unlabelled(db, deliveries)
                if is_pruning:
                    self._prune(db)
        except BaseException:
            self._put(answers)
            with self._lock:
                self._deliveries = [*deliveries, *self._deliveries]
            raise
        return len(answers)

    def find(self, text: str) -> tuple[Match, ...]:
        """Find which answer a text is; failing that, which answers it quotes at length."""
        letters = letters_of(words.without_notice(body_of(text)))
        if len(letters) < LETTERS_MIN:
            return ()
        prints = self._prints.passages(letters)[:_ASKED_MAX]
        with self._database.reading() as db:
            whole = store.read_whole(db, self._prints.digest(letters), limit=_FOUND_MAX)
            if whole or not prints:
                return tuple(whole)
            shared_min = min(_SHARED_MIN, len(prints))
            return tuple(store.read_quoted(db, prints, shared_min=shared_min, limit=_FOUND_MAX))

    def unlabelled(self, *, organisation: str | None, limit: int) -> tuple[Unlabelled, ...]:
        """List deliveries that had no label, the newest first."""
        with self._database.reading() as db:
            return tuple(store.read_unlabelled(db, organisation=organisation, limit=limit))

    def count(self) -> int:
        """Say how many texts are entered."""
        with self._database.reading() as db:
            return store.count_texts(db)

    def _put(self, answers: list[_Answer]) -> None:
        lost = 0
        with self._lock:
            self._answers.extend(answers)
            self._letters += sum(len(one.text) for one in answers)
            while self._letters > _WAITING_MAX and self._answers:
                self._letters -= len(self._answers.popleft().text)
                lost += 1
        if lost:
            _log.error("answers_not_registered", count=lost)

    def _prune(self, db: "Connection") -> None:
        now_ms = self._clock.now_ms()
        store.prune(
            db,
            texts_before_ms=now_ms - self._settings.register_days * _DAY_MS,
            unlabelled_before_ms=now_ms - self._settings.unlabelled_days * _DAY_MS,
        )
        self._pruned_ms = now_ms
