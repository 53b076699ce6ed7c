"""Reads documents that wait: cuts them into passages, finds names, makes vectors, and writes all of one at once.

Who reads a document holds it for a while, and says again and again that it still does. Who is killed lets go of it by
that: another takes it, and what was half done was never written.
"""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from traceback import extract_tb
from typing import TYPE_CHECKING

import msgspec
import structlog

from courtyard.core.clock import Clock
from courtyard.core.errors import Busy
from courtyard.core.ids import new_id
from courtyard.documents import Documents, Unreadable
from courtyard.knowledge import readings, store
from courtyard.knowledge.chinese import ChineseNames
from courtyard.knowledge.embedding import Embedder
from courtyard.knowledge.model import Document, DocumentId, KnowledgeSettings, State
from courtyard.knowledge.passages import Cut, cut
from courtyard.knowledge.readings import Mention, Read
from courtyard.storage import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from courtyard.knowledge.shard import Shard

_log = structlog.get_logger("courtyard.knowledge")

_HELD_MS = 60_000
_RENEW_S = 15.0
_ATTEMPTS_MAX = 3
_BATCH = 32
_TITLE_MAX = 500

Told = Callable[[Document, str, int, int], None]
"""What is told how far one is: the document, what is done, how much of it, of how much."""


class Indexer:
    """Reads one document at a time. Several may work on one house, on one machine or on many."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        documents: Documents,
        settings: KnowledgeSettings = KnowledgeSettings(),
        *,
        holder: str = "",
        told: Told | None = None,
    ) -> None:
        self.holder = holder or new_id("idx")
        self._database = database
        self._clock = clock
        self._documents = documents
        self._embedder = Embedder()
        self._names = ChineseNames() if settings.names else None
        self._told = told or _tell_nobody

    def turn(self) -> Document | None:
        """Read the document that has waited longest, and return what became of it; nothing where none waits.

        Raises:
            Busy: other documents are read; it waits again.
        """
        claimed = self._claim()
        if claimed is None:
            return None
        document, attempts = claimed
        if attempts > _ATTEMPTS_MAX:
            return self._failed(document, f"reading it was cut off {_ATTEMPTS_MAX} times; split it, or read less of it")
        with self._renewing(document.id):
            try:
                reading, read = self._read(document)
            except Unreadable as error:
                return self._failed(document, error.message)
            except Busy:
                self.let_go()
                raise
            except Exception as error:  # What is wrong with one document stops no other; its words may hold content.
                _log.error("document_failed", document=document.id, reason=type(error).__name__, at=_place(error))
                return self._failed(document, f"reading it broke here ({type(error).__name__}); the log says where")
            return self._write(reading, read)

    def let_go(self) -> int:
        """Let what is held wait again for whoever comes next."""
        return self.free(self.holder)

    def free(self, holder: str) -> int:
        """Let what somebody held wait again who is known to be gone."""
        with self._database.transaction() as db:
            return store.free(db, holder)

    def _claim(self) -> tuple[Document, int] | None:
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            return store.claim(db, self.holder, now_ms=now_ms, until_ms=now_ms + _HELD_MS)

    def _read(self, document: Document) -> tuple[Document, Read]:
        with self._database.reading() as db:
            content = store.read_waiting_content(db, document)
        self._told(document, "reading", 0, 0)
        reading = self._documents.read(document.name, content, media_type=document.media_type)
        del content
        cuts = cut(reading, document.id)
        document = msgspec.structs.replace(
            document,
            state=State.READY,
            title=reading.title[:_TITLE_MAX] or document.title,
            media_type=reading.media_type,
            pages=reading.pages,
            passages=len(cuts),
            reason="",
            warnings=reading.warnings,
        )
        vectors = self._embedded(document, cuts)
        return document, _read_of(document, cuts, self._named(cuts), vectors)

    def _embedded(self, document: Document, cuts: Sequence[Cut]) -> "NDArray[np.int8] | None":
        """Make vectors, a few at a time, so that it shows how far one is."""
        if not cuts:
            return None
        import numpy as np  # noqa: PLC0415 - Loaded by the first document.

        texts = ["\n".join(filter(None, (document.title, one.passage.heading, one.passage.text))) for one in cuts]
        made = []
        for first in range(0, len(texts), _BATCH):
            self._told(document, "embedding", first, len(texts))
            made.append(self._embedder.embed_passages(texts[first : first + _BATCH]))
        return np.concatenate(made)

    def _named(self, cuts: Sequence[Cut]) -> list[list[str]]:
        """Return the names of each passage that its text alone does not tell."""
        if self._names is None:
            return [list(one.names) for one in cuts]
        texts = [one.passage.text if one.passage.kind == "text" else "" for one in cuts]
        found = self._names.names(texts)
        return [[*one.names, *names] for one, names in zip(cuts, found, strict=True)]

    def _write(self, document: Document, read: Read) -> Document:
        """Write all of a document, if it is still ours and still what was read."""
        document = msgspec.structs.replace(document, updated_ms=self._clock.now_ms())
        with self._database.transaction() as db:
            if store.read_collection(db, document.collection, to_change=True) is None:
                return document
            if not store.holds(db, document, self.holder):
                return document
            readings.write(db, document, read)
            store.set_document(db, document)
            store.set_read(db, document.id, sha256=document.sha256, revision=store.moved(db, document.collection))
            store.drop_contents(db, document.collection)
        return document

    def _failed(self, document: Document, reason: str) -> Document:
        """Say why a document is not found; what was found in an older version of it is gone too."""
        document = msgspec.structs.replace(
            document, state=State.FAILED, reason=reason, pages=0, passages=0, updated_ms=self._clock.now_ms()
        )
        with self._database.transaction() as db:
            if store.read_collection(db, document.collection, to_change=True) is None:
                return document
            if store.holds(db, document, self.holder):
                readings.remove(db, document)
                store.set_document(db, document)
                store.set_read(db, document.id, sha256=None, revision=store.moved(db, document.collection))
                store.drop_contents(db, document.collection)
        return document

    @contextmanager
    def _renewing(self, id: DocumentId) -> Iterator[None]:
        """Say that a document is still held, for as long as the block takes."""
        done = Event()
        saying = Thread(target=self._renew, args=(id, done), name="indexer", daemon=True)
        saying.start()
        try:
            yield
        finally:
            done.set()
            saying.join()

    def _renew(self, id: DocumentId, done: Event) -> None:
        while not done.wait(_RENEW_S):
            try:
                with self._database.transaction() as db:
                    store.renew(db, id, self.holder, until_ms=self._clock.now_ms() + _HELD_MS)
            except Exception as error:  # The database may be away; what is read then is somebody else's to write.
                _log.warning("document_not_renewed", document=id, reason=type(error).__name__)


def _place(error: Exception) -> str:
    """Say where it broke, without its words."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _tell_nobody(_document: Document, _label: str, _done: int, _total: int) -> None: ...


@contextmanager
def alone(directory: Path, holder: str, free: Callable[[str], int]) -> Iterator[bool]:
    """Be the only one on this machine that reads; say whether one is.

    What the last one held is let go at once: who has its place knows that it is gone.
    """
    with (directory / "indexing.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        lock.seek(0)
        if last := lock.read().strip():
            free(last)
        lock.truncate(0)
        lock.write(holder)
        lock.flush()
        yield True


def _read_of(
    document: Document, cuts: Sequence[Cut], names: Sequence[Sequence[str]], vectors: "NDArray[np.int8] | None"
) -> Read:
    """Put together what is written of a document: passages, vectors, and the graph's part of it."""
    from courtyard.knowledge.entities import key  # noqa: PLC0415
    from courtyard.knowledge.shard import Shard  # noqa: PLC0415 - Loaded by the first document.

    passages = tuple(one.passage for one in cuts)
    shard = Shard.of(document, passages, None, names=names)
    given = [{key(name) for name in each} for each in names]
    mentions = tuple(
        Mention(passage.number, key(name), name, key(name) in told)
        for passage, found, told in zip(passages, shard.names, given, strict=True)
        for name in found
    )
    edges = tuple(
        (one.passage.number, key(one.about), key(name))
        for one in cuts
        for name in one.names
        if one.about and key(name) and key(name) != key(one.about)
    )
    return Read(
        passages=passages,
        vectors=vectors,
        model=Embedder.name,
        mentions=mentions,
        aliases=tuple(_aliases(shard)),
        edges=tuple(dict.fromkeys(edges)),
    )


def _aliases(shard: "Shard") -> Iterator[Mention]:
    from courtyard.knowledge.entities import key  # noqa: PLC0415

    for name in shard.titles:
        yield Mention(0, key(name), name)
    for passage, headings in zip(shard.passages, shard.headings, strict=True):
        for name in headings:
            yield Mention(passage.number, key(name), name)
