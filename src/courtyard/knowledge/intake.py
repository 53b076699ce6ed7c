"""Takes documents in and out: what changed waits to be read, what stands there already is recognised."""

from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.knowledge import readings, store
from courtyard.knowledge.model import Collection, CollectionId, Document, DocumentId, State
from courtyard.storage import Database

_NAME_MAX = 500
_READ = (State.READY, State.WAITING, State.READING)
_MEDIA_TYPE_MAX = 200
_FINGERPRINT_MAX = 300


class Intake:
    """Writes documents down. Who may is asked before."""

    def __init__(self, database: Database, clock: Clock, *, bytes_max: int) -> None:
        self._database = database
        self._clock = clock
        self._bytes_max = bytes_max

    def put(
        self,
        collection: CollectionId,
        name: str,
        content: bytes,
        *,
        media_type: str = "",
        source: str = "",
        fingerprint: str = "",
    ) -> Document:
        """Take a document in, or its new version; the same content once more changes nothing.

        Raises:
            InvalidRequest: it has no name, or is too large.
            Conflict: a document of that name came from elsewhere.
        """
        check_name(name)
        if len(content) > self._bytes_max:
            raise InvalidRequest(
                f"{name} has {len(content):,} bytes, and may have {self._bytes_max:,}; split it, or raise "
                "[documents] bytes_max",
                param="content",
            )
        digest, now_ms = sha256(content).hexdigest(), self._clock.now_ms()
        with self._database.transaction() as db:
            _held(db, collection)
            before = _mine(db, collection, name, source)
            if before is not None and before.sha256 == digest and before.state is not State.FAILED:
                store.set_fingerprint(db, before.id, fingerprint[:_FINGERPRINT_MAX])
                return before
            document = Document(
                id=DocumentId(new_id("doc")) if before is None else before.id,
                collection=collection,
                name=name,
                title=name.rpartition("/")[2][:_NAME_MAX] or name,
                media_type=media_type[:_MEDIA_TYPE_MAX],
                sha256=digest,
                size=len(content),
                state=State.WAITING,
                source=source,
                added_ms=now_ms if before is None else before.added_ms,
                updated_ms=now_ms,
            )
            document = _recognised(db, document)
            store.keep_content(db, collection, digest, content)
            self._write(db, document, before, fingerprint)
            return document

    def fail(self, collection: CollectionId, name: str, reason: str, *, source: str, fingerprint: str = "") -> None:
        """Write down that a document could not be had, and why; what was found in it before is found no longer."""
        now_ms = self._clock.now_ms()
        name = name[:_NAME_MAX]
        with self._database.transaction() as db:
            _held(db, collection)
            before = _mine(db, collection, name, source)
            document = Document(
                id=DocumentId(new_id("doc")) if before is None else before.id,
                collection=collection,
                name=name,
                title=name,
                media_type="",
                sha256="",
                size=0,
                state=State.FAILED,
                reason=reason,
                source=source,
                added_ms=now_ms if before is None else before.added_ms,
                updated_ms=now_ms,
            )
            self._write(db, document, before, fingerprint)

    def check_room(self, own: CollectionId, size: int, bytes_max: int) -> None:
        """Refuse a file for which somebody has no room left.

        Raises:
            InvalidRequest: there is none.
        """
        with self._database.reading() as db:
            if store.count_bytes(db, own) + size > bytes_max:
                raise InvalidRequest(f"your own files may have {bytes_max:,} bytes; remove some first", param="content")

    def drop(self, id: DocumentId) -> bool:
        """Take a document out with all that was found in it, and say whether it was there."""
        with self._database.transaction() as db:
            document = store.read_document(db, id)
            if document is None:
                return False
            _held(db, document.collection)
            readings.remove(db, document)
            store.delete_document(db, id)
            self._leave(db, document)
            store.moved(db, document.collection)
            return True

    def _write(self, db: Connection, document: Document, before: Document | None, fingerprint: str) -> None:
        fingerprint = fingerprint[:_FINGERPRINT_MAX]
        if before is None:
            store.insert_document(db, document, fingerprint=fingerprint)
            return
        store.set_document(db, document, fingerprint=fingerprint)
        if document.state is not State.WAITING:
            readings.remove(db, document)
            store.set_read(db, document.id, sha256=None, revision=store.moved(db, document.collection))
        self._leave(db, before)

    def _leave(self, db: Connection, before: Document) -> None:
        """Let the next document of a content be read, now that this one no longer has it."""
        if before.state is not State.DUPLICATE and store.read_twin(db, before, *_READ) is None:
            twin = store.read_twin(db, before, State.DUPLICATE)
            if twin is not None:
                waiting = msgspec.structs.replace(twin, state=State.WAITING, reason="", updated_ms=self._clock.now_ms())
                store.set_document(db, waiting)
        store.drop_contents(db, before.collection)


def check_name(name: str) -> None:
    """Refuse what can't name a document: it is a path or an address, and is never opened by it."""
    if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise InvalidRequest(f"a document's name has 1 to {_NAME_MAX} characters that can be seen", param="name")


def _held(db: Connection, id: CollectionId) -> Collection:
    """Hold a collection against others: what stands in it is compared with what comes."""
    collection = store.read_collection(db, id, to_change=True)
    if collection is None:
        raise NotFound("there is no such collection; it may have been deleted")
    return collection


def _mine(db: Connection, collection: CollectionId, name: str, source: str) -> Document | None:
    before = store.read_named(db, collection, name)
    if before is not None and before.source != source:
        where = f"the source {before.source!r}" if before.source else "an upload"
        raise Conflict(f"{name} came from {where}; choose another name, or remove that one first")
    return before


def _recognised(db: Connection, document: Document) -> Document:
    """Mark a document as a duplicate where its content stands there under another name."""
    twin = store.read_twin(db, document, *_READ)
    if twin is None:
        return document
    return msgspec.structs.replace(document, state=State.DUPLICATE, reason=f"the same as {twin.name}")
