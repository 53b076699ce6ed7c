"""Keeps collections in memory for searching: each loaded when it is first asked for, and again when it moved."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock, Thread
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection

from courtyard.core.errors import NotFound
from courtyard.knowledge import learning, readings, store
from courtyard.knowledge.embedding import Embedder
from courtyard.knowledge.model import Collection, CollectionId, DocumentId
from courtyard.storage import Database

if TYPE_CHECKING:
    from courtyard.knowledge.snapshot import Shard, Snapshot


_log = structlog.get_logger("courtyard.knowledge")


class _Shelf:
    """One collection's place: who loads it holds it."""

    def __init__(self) -> None:
        self.loading = Lock()
        self.revision = -1
        self.shards: dict[DocumentId, tuple[int, Shard]] = {}
        self.snapshot: Snapshot | None = None


class Shelves:
    """Snapshots, at most so many bytes of them. Every method may be called by any thread, and blocks."""

    def __init__(self, database: Database, *, bytes_max: int) -> None:
        self._database = database
        self._bytes_max = bytes_max
        self._changing = Lock()
        self._shelves: OrderedDict[CollectionId, _Shelf] = OrderedDict()
        self._following: Thread | None = None

    def snapshot(self, collection: Collection) -> "Snapshot":
        """Return a collection as it is now; only documents that changed are loaded.

        Raises:
            NotFound: it was deleted.
        """
        with self._changing:
            shelf = self._shelves.setdefault(collection.id, _Shelf())
            self._shelves.move_to_end(collection.id)
        with shelf.loading:
            if shelf.snapshot is None or shelf.revision < collection.revision:
                self._load(shelf, collection)
            snapshot = shelf.snapshot
        assert snapshot is not None, "what was loaded is there"
        self._make_room()
        return snapshot

    def follow(self) -> None:
        """Begin to load what moved of the collections that are held; nobody waits for it but who searches there."""
        with self._changing:
            if self._following is None or not self._following.is_alive():
                self._following = Thread(target=self._catch_up, name="shelves", daemon=True)
                self._following.start()

    def close(self) -> None:
        """Wait until nothing is loaded any more."""
        with self._changing:
            following = self._following
        if following is not None:
            following.join()

    def _catch_up(self) -> None:
        """Load what moved, and let go of what was deleted; where that fails, who searches next tries again."""
        try:
            with self._database.reading() as db:
                now = {one.id: one for one in store.read_collections(db)}
            with self._changing:
                for id in [id for id in self._shelves if id not in now]:
                    del self._shelves[id]
                moved = [now[id] for id, shelf in self._shelves.items() if shelf.revision < now[id].revision]
            for collection in moved:
                self.snapshot(collection)
        except Exception as error:
            _log.warning("collections_not_followed", reason=type(error).__name__)

    @property
    def size_bytes(self) -> int:
        """How much memory what is held takes, about."""
        with self._changing:
            return sum(_size(shelf) for shelf in self._shelves.values())

    def _load(self, shelf: _Shelf, collection: Collection) -> None:
        from courtyard.knowledge.snapshot import Snapshot  # noqa: PLC0415 - Only who searches loads heavy libraries.

        with self._database.reading() as db:
            current = store.read_collection(db, collection.id)
            if current is None:
                raise NotFound(f"the collection {collection.name!r} was deleted")
            revisions = readings.read_revisions(db, current.id)
            kept = {id: held for id, held in shelf.shards.items() if revisions.get(id) == held[0]}
            changed = [id for id in revisions if id not in kept]
            loaded = _read(db, changed)
            ranker = learning.read_ranker(db, current.id)
        shelf.shards = kept | {id: (revisions[id], shard) for id, shard in loaded.items()}
        shelf.snapshot = Snapshot.of([shard for _, shard in shelf.shards.values()], ranker, collection=current.name)
        shelf.revision = current.revision

    def _make_room(self) -> None:
        """Let go of what was not searched for longest; the last one stays, however large."""
        with self._changing:
            total = sum(_size(shelf) for shelf in self._shelves.values())
            while total > self._bytes_max and len(self._shelves) > 1:
                _, shelf = self._shelves.popitem(last=False)
                total -= _size(shelf)


def _size(shelf: _Shelf) -> int:
    return 0 if shelf.snapshot is None else shelf.snapshot.size_bytes


def _read(db: Connection, ids: Sequence[DocumentId]) -> "dict[DocumentId, Shard]":
    """Make the shards of documents, each of the version that was read last."""
    from courtyard.knowledge.snapshot import Shard  # noqa: PLC0415

    shards = {}
    kept = readings.read_kept(db, ids, model=Embedder.name, dimensions=Embedder.dimensions)
    for document in store.read_read(db, ids):
        parts = kept[document.id]
        shards[document.id] = Shard.of(document, parts.passages, parts.vectors, names=parts.names)
    return shards
