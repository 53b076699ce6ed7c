"""A collection's own ranker, learned from what people said of its answers, and taken only if it is better."""

from collections.abc import Sequence

import msgspec
import numpy as np

from courtyard.knowledge import asked as questions
from courtyard.knowledge.features import View, view
from courtyard.knowledge.model import DocumentId
from courtyard.knowledge.ranker import Example, Ranker, improve
from courtyard.knowledge.shard import Array
from courtyard.knowledge.snapshot import Snapshot

QUESTIONS_MIN = 30
"""Fewer questions than this prove nothing."""
_FOLDS = 5
_RESAMPLES = 2_000
_SURE = 0.95
_LOOKED_AT = 5


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of a passage that was, or should have been, cited for a question."""

    question: str
    document: DocumentId
    number: int
    """The passage's."""
    good: bool
    """Whether it answers the question: a thumb up, or the source that somebody put in the place of a wrong one."""
    vector: Array | None = None
    """The question's."""


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What came of learning: a ranker where it is better on feedback that it had not seen, and the figures."""

    ranker: Ranker | None
    questions: int
    """Questions for which a good passage is known."""
    before: float
    """How high the good passages stand today, from 0 to 1: the mean of one over their place, 0 beyond the fifth."""
    after: float
    """The same for questions that the new ranker had not seen."""
    why: str
    """In words for a person, why the ranker was taken or was not."""


def learn(snapshot: Snapshot, feedback: Sequence[Feedback], base: Ranker) -> Learned:
    """Train a ranker that begins as `base`, and take it if it orders unseen questions better than today's order.

    Every question is once among those that are held out, so that all feedback both teaches and tests. The new ranker
    has to be better with 95 % of the resampled sets of questions; then it learns from all of them.
    """
    judged = _judged(snapshot, feedback)
    if len(judged) < QUESTIONS_MIN:
        return _refused(len(judged), 0.0, 0.0, f"{QUESTIONS_MIN} questions with a good source are needed")
    examples = [Example(seen.features, np.isin(seen.rows, good)) for seen, good, _ in judged]
    before = np.array([_height(order, good) for _, good, order in judged])
    after = np.zeros(len(judged))
    for fold in range(_FOLDS):
        taught = [example for at, example in enumerate(examples) if at % _FOLDS != fold]
        ranker = improve(base, taught)
        for at in range(fold, len(judged), _FOLDS):
            seen, good, _ = judged[at]
            after[at] = _height(seen.rows[np.argsort(-ranker.scores(seen.features), kind="stable")], good)
    means = float(before.mean()), float(after.mean())
    if not _is_better(after - before):
        return _refused(len(judged), *means, "it is not surely better on questions that it had not seen")
    better = f"it is better on questions that it had not seen: {means[1]:.3f} instead of {means[0]:.3f}"
    return Learned(ranker=improve(base, examples), questions=len(judged), before=means[0], after=means[1], why=better)


def _judged(snapshot: Snapshot, feedback: Sequence[Feedback]) -> list[tuple[View, Array, Array]]:
    """Return of each question how it looks, the passages that answer it, and today's order; in the questions' order."""
    rows = {
        (shard.document.id, passage.number): int(first) + at
        for first, shard in zip(snapshot.index.firsts, snapshot.shards, strict=True)
        for at, passage in enumerate(shard.passages)
    }
    known: dict[str, list[Feedback]] = {}
    for each in feedback:
        known.setdefault(each.question, []).append(each)
    judged = []
    for question, said in sorted(known.items()):
        last = {(each.document, each.number): each.good for each in said}
        good = [rows[place] for place, is_good in last.items() if is_good and place in rows]
        if good:
            asked = questions.read(question, snapshot.index.graph.entities)
            seen = view(snapshot.index, asked, said[-1].vector)
            judged.append((seen, np.array(good), snapshot.ordered(seen, graph=not snapshot.closed(asked))[0]))
    return judged


def _height(order: Array, good: Array) -> float:
    """Return one over the place of the first good passage, and nothing beyond the fifth."""
    places = np.flatnonzero(np.isin(order[:_LOOKED_AT], good))
    return float(1 / (1 + places[0])) if len(places) else 0.0


def _is_better(differences: Array) -> bool:
    """Whether the mean is above nothing in nearly all resampled sets."""
    chance = np.random.default_rng(0)
    drawn = chance.integers(0, len(differences), (_RESAMPLES, len(differences)))
    return float((differences[drawn].mean(axis=1) > 0).mean()) >= _SURE


def _refused(count: int, before: float, after: float, why: str) -> Learned:
    return Learned(ranker=None, questions=count, before=before, after=after, why=why)
