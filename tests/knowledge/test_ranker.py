"""The ranker, and how a collection gets one of its own."""

import numpy as np
import pytest

from courtyard.knowledge import asked as questions
from courtyard.knowledge.features import NAMES, view
from courtyard.knowledge.feedback import QUESTIONS_MIN, Feedback, learn
from courtyard.knowledge.ranker import Example, Ranker, shipped, train
from courtyard.knowledge.snapshot import Snapshot
from tests.knowledge.library import document, library, shard

_COUNT = 40


def _examples() -> list[Example]:
    """Questions whose answer is the passage with the best walk."""
    chance = np.random.default_rng(2)
    features = [chance.random((12, len(NAMES))).astype(np.float32) for _ in range(60)]
    at = NAMES.index("walk_both")
    return [Example(each, each[:, at] == each[:, at].max()) for each in features]


def _orders() -> tuple[Snapshot, list[Feedback]]:
    """Forms and their answers: what people call right is always the short passage, never the one with more words."""
    told = [
        shard(f"Form {at}", [f"Form {at} asks for a stamp. Form {at}, stamp, stamp, stamp.", f"Stamp {at}: blue."])
        for at in range(_COUNT)
    ]
    said = [
        Feedback(question=f"Which stamp for Form {at}?", document=document(f"Form {at}").id, number=2, good=True)
        for at in range(_COUNT)
    ]
    return Snapshot.of(told), said


def test_the_shipped_ranker_fits_the_features() -> None:
    """It is small, it is asked by the names that it learned, and it needs no vectors."""
    snapshot = Snapshot.of(library())
    seen = view(snapshot.index, questions.read("Who directed The Silent Valley?", snapshot.index.graph.entities), None)

    assert seen.features.shape == (len(seen.rows), len(NAMES))
    assert np.isfinite(shipped().scores(seen.features)).all()
    assert len(shipped().content) < 500_000
    assert not shipped().own


def test_the_same_examples_make_the_same_ranker() -> None:
    """Training has no chance in it, and what is trained survives being kept."""
    ranker = train(_examples())

    assert train(_examples()).content == ranker.content
    example = _examples()[0]
    kept = Ranker(ranker.content).scores(example.features)
    assert kept.tolist() == ranker.scores(example.features).tolist()
    assert example.relevant[np.argmax(kept)]


def test_feedback_that_is_right_makes_a_better_ranker() -> None:
    """What people say again and again is learned, and holds for questions that the ranker has not seen."""
    snapshot, said = _orders()

    learned = learn(snapshot, said, shipped())
    assert learned.questions == _COUNT
    assert learned.after > learned.before
    assert learned.ranker is not None
    assert learned.ranker.own
    own = Snapshot.of(snapshot.shards, learned.ranker)
    assert own.search("Which stamp for Form 3?", limit=1).hits[0].passage.number == 2


def test_feedback_that_says_nothing_is_not_learned() -> None:
    """Where people call any passage right, no ranker is surely better, and the old one stays."""
    snapshot, said = _orders()
    chance = np.random.default_rng(4)
    noise = [
        Feedback(question=each.question, document=document(f"Form {chance.integers(_COUNT)}").id, number=1, good=True)
        for each in said
    ]

    learned = learn(snapshot, noise, shipped())
    assert learned.ranker is None
    assert "not surely better" in learned.why


def test_a_few_words_prove_nothing() -> None:
    """Too little feedback, a thumb down alone, and passages that are gone teach nothing."""
    snapshot, said = _orders()

    assert learn(snapshot, said[: QUESTIONS_MIN - 1], shipped()).questions == QUESTIONS_MIN - 1
    gone = [Feedback(question=each.question, document=each.document, number=9, good=True) for each in said]
    down = [Feedback(question=each.question, document=each.document, number=2, good=False) for each in said]
    assert learn(snapshot, [*gone, *said, *down], shipped()).questions == 0
    assert f"{QUESTIONS_MIN} questions" in learn(snapshot, gone, shipped()).why


def test_a_ranker_of_other_features_is_refused() -> None:
    """A ranker that was trained on something else does not rank."""
    content = shipped().content.replace(b"walk_both", b"walk_bath")

    with pytest.raises(ValueError, match="trained on other features"):
        Ranker(content)
