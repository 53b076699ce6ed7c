"""Teaches collections their own rankers, from what people said of hits, beside the reading of documents."""

import structlog

from courtyard.core.clock import Clock
from courtyard.knowledge import learning, store
from courtyard.knowledge.embedding import Embedder
from courtyard.knowledge.model import KnowledgeSettings
from courtyard.knowledge.shelves import Shelves
from courtyard.storage import Database

_log = structlog.get_logger("courtyard.knowledge")


class Teacher:
    """Trains one ranker at a time; it takes processor seconds."""

    def __init__(self, database: Database, clock: Clock, settings: KnowledgeSettings = KnowledgeSettings()) -> None:
        self._database = database
        self._clock = clock
        self._shelves = Shelves(database, bytes_max=settings.memory_max)
        self._embedder = Embedder()

    def turn(self) -> str:
        """Teach a collection of which enough was said, and say in words what came of it; nothing where there is none.

        The ranker is taken only if it is better on questions that it had not seen.
        """
        with self._database.reading() as db:
            id = learning.read_untaught(db)
            collection = None if id is None else store.read_collection(db, id)
            said = [] if id is None else learning.read_feedback(db, id)
        if collection is None:
            return ""
        from courtyard.knowledge.feedback import Feedback, learn  # noqa: PLC0415 - Loaded when there is enough to learn.
        from courtyard.knowledge.ranker import shipped  # noqa: PLC0415

        vectors = {one.question: self._embedder.embed_question(one.question) for one in said}
        heard = [
            Feedback(
                question=one.question,
                document=one.document,
                number=one.number,
                good=one.good,
                vector=vectors[one.question],
            )
            for one in said
        ]
        learned = learn(self._shelves.snapshot(collection), heard, shipped())
        content = None if learned.ranker is None else learned.ranker.content
        with self._database.transaction() as db:
            if store.read_collection(db, collection.id, to_change=True) is not None:
                learning.write_ranker(
                    db, collection.id, content, heard=len(said), told=learned.why, at_ms=self._clock.now_ms()
                )
                store.moved(db, collection.id)
        _log.info("ranker_taught", collection=collection.id, taken=content is not None, questions=learned.questions)
        return learned.why
