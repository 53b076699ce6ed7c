"""Knowledge's face: collections of documents, who may read them, and what is found in them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from courtyard.core.ids import new_id
from courtyard.core.principal import Principal
from courtyard.documents import Documents, Unreadable
from courtyard.knowledge import access, learning, readings, store
from courtyard.knowledge.embedding import Embedder
from courtyard.knowledge.intake import Intake
from courtyard.knowledge.listing import Listing
from courtyard.knowledge.model import (
    OWN,
    Caller,
    Collection,
    CollectionId,
    Document,
    DocumentId,
    DocumentPage,
    Entity,
    Found,
    KnowledgeSettings,
    Neighbourhood,
    Passage,
    Progress,
    State,
)
from courtyard.knowledge.shelves import Shelves
from courtyard.storage import Database

if TYPE_CHECKING:
    from courtyard.knowledge.snapshot import Snapshot

T = TypeVar("T")

_OWN_TITLE = "My files"
_PAGE_MAX = 1000
_PASSAGES_MAX = 50
_COLLECTIONS_MAX = 32
_HITS_MAX = 100
_LINGER_S = 60.0
"""How long who reads documents stays without work."""


class Knowledge:
    """Collections, their documents and their passages. All but searching runs SQL: from an event loop, in a thread."""

    def __init__(
        self, database: Database, clock: Clock, documents: Documents, settings: KnowledgeSettings = KnowledgeSettings()
    ) -> None:
        self.settings = settings
        self.intake = Intake(database, clock, bytes_max=documents.settings.bytes_max)
        self._database = database
        self._clock = clock
        self._documents = documents
        self._listing = Listing(database)
        self._shelves = Shelves(database, bytes_max=settings.memory_max)
        self._embedder = Embedder()
        self._is_awaited = False
        self._awaited_until_s = 0.0

    def collections(self, caller: Caller) -> list[Collection]:
        """List what somebody may read, by name."""
        return access.readable(caller, self._listing.of(caller.organisation))

    def collection(self, caller: Caller, name: str) -> Collection:
        """Find a collection by its name or id.

        Raises:
            NotFound: there is none that the caller may read.
        """
        return access.named(caller, self.collections(caller), name)

    def may_manage(self, caller: Caller) -> bool:
        """Whether somebody may make collections and say who reads them."""
        return access.may_manage(caller)

    def create(self, caller: Caller, name: str, title: str = "", readers: Sequence[str] = ()) -> Collection:
        """Make a collection that these people and projects read; everybody in the organisation where none is named.

        Who makes it reads it.

        Raises:
            NotAllowed: the caller is no administrator.
            Conflict: the name is taken.
        """
        access.check_manages(caller)
        if access.clean_name(name).startswith(OWN):
            raise InvalidRequest(f"names that begin with {OWN} are for people's own files", param="name")
        if readers and isinstance(caller, Principal) and caller.person is not None:
            readers = (*readers, caller.person)
        return self._create(caller, name, access.clean_title(title, name), access.clean_readers(readers))

    def personal(self, principal: Principal) -> Collection:
        """Return a person's own collection, which nobody else reads; it is made when it is first asked for.

        Raises:
            NotAllowed: the key is no person's.
        """
        if principal.person is None:
            raise NotAllowed("this key is no person's, so it has no files of its own; name a collection")
        name = f"{OWN}{principal.person.rpartition('_')[2][-40:].lower()}"
        for collection in self.collections(principal):
            if collection.name == name:
                return collection
        try:
            return self._create(principal, name, _OWN_TITLE, (principal.person,))
        except Conflict:  # Somebody of the same name at the same moment: themselves.
            return self.collection(principal, name)

    def change(self, caller: Caller, name: str, *, title: str, readers: Sequence[str]) -> Collection:
        """Give a collection another title and other readers.

        Raises:
            NotAllowed: the caller is no administrator.
        """
        access.check_manages(caller)
        collection = self.collection(caller, name)
        title, readers = access.clean_title(title, collection.name), access.clean_readers(readers)
        with self._database.transaction() as db:
            store.set_collection(db, collection.id, title=title, readers=readers)
        self._listing.follow_own()
        return msgspec.structs.replace(collection, title=title, readers=readers)

    def delete(self, caller: Caller, name: str) -> None:
        """Delete a collection with all its documents."""
        collection = self._changeable(caller, name)
        with self._database.transaction() as db:
            store.delete_collection(db, collection.id)
        self._listing.follow_own()

    def add(self, caller: Caller, collection: str, name: str, content: bytes, media_type: str = "") -> Document:
        """Take a document in; it waits to be read, or is a duplicate. One of the same name gets a new version.

        Raises:
            InvalidRequest: it is empty, too large, or has no name.
            NotAllowed: the caller may read the collection, and not change it.
            Conflict: a document of that name came from a source.
        """
        into = self._changeable(caller, collection)
        if not content:
            raise InvalidRequest(f"{name} is empty; there is nothing to read in it", param="content")
        if into.is_own:
            self.intake.check_room(into.id, len(content), self.settings.own_bytes_max)
        return self.intake.put(into.id, name, content, media_type=media_type)

    def documents(
        self,
        caller: Caller,
        collection: str,
        *,
        state: State | None = None,
        search: str = "",
        before: str | None = None,
        limit: int = 50,
    ) -> DocumentPage:
        """List a collection's documents, the newest first."""
        of, limit = self.collection(caller, collection), min(max(limit, 1), _PAGE_MAX)
        if before is not None and not (before.isascii() and before.isprintable()):
            raise InvalidRequest("`before` is what a page names as its next one", param="before")
        with self._database.reading() as db:
            found = store.read_documents(db, of.id, state=state, search=search, before=before, limit=limit + 1)
        return DocumentPage(documents=tuple(found[:limit]), next=found[limit - 1].id if len(found) > limit else None)

    def document(self, caller: Caller, id: DocumentId) -> Document:
        """Find a document.

        Raises:
            NotFound: there is none that the caller may read.
        """
        return self._document(caller, id)[0]

    def content(self, caller: Caller, id: DocumentId) -> bytes:
        """Return a document as it was taken in: the version that its passages are of."""
        document, _ = self._document(caller, id)
        with self._database.reading() as db:
            content = store.read_content(db, document.id)
        if content is None:
            raise NotFound(f"{document.name} could not be fetched, so there is nothing of it here: {document.reason}")
        return content

    def page_image(self, caller: Caller, id: DocumentId, page: int, width: int) -> bytes:
        """Draw a page as PNG.

        Raises:
            NotFound: the document has no such page, or is of a format without pages.
        """
        content = self.content(caller, id)
        try:
            return self._documents.page_image(content, page=page, width=width)
        except Unreadable as error:
            raise NotFound(error.message) from error

    def remove(self, caller: Caller, id: DocumentId) -> None:
        """Take a document out, with all that was found in it."""
        self._check_changes(caller, id)
        self.intake.drop(id)
        self._listing.follow_own()

    def retry(self, caller: Caller, id: DocumentId) -> Document:
        """Have a document read again that failed.

        Raises:
            Conflict: it did not fail, or there is nothing of it here to read.
        """
        document = self._check_changes(caller, id)
        if not document.sha256:
            raise Conflict(f"{document.name} was never fetched; its source looks again by itself")
        with self._database.transaction() as db:
            if not store.retry(db, id, now_ms=self._clock.now_ms()):
                raise Conflict(f"{document.name} did not fail: it is {document.state}")
        return self.document(caller, id)

    def progress(self, caller: Caller, collection: str) -> Progress:
        """Count documents by their state."""
        of = self.collection(caller, collection)
        with self._database.reading() as db:
            return store.read_progress(db, of.id)

    def passage(self, caller: Caller, document: DocumentId, number: int) -> Passage:
        """Find a passage.

        Raises:
            NotFound: there is none that the caller may read.
        """
        found = self.passages(caller, document, number, number)
        if not found:
            raise NotFound(f"the document has no passage {number}; it may have been read again since")
        return found[0]

    def passages(self, caller: Caller, document: DocumentId, first: int, last: int) -> tuple[Passage, ...]:
        """Return passages of a document by their numbers, 50 at most."""
        self._document(caller, document)
        last = min(last, first + _PASSAGES_MAX - 1)
        with self._database.reading() as db:
            return tuple(readings.read_passages(db, document, first, last))

    async def search(self, caller: Caller, collections: Sequence[str], question: str, limit: int = 5) -> Found:
        """Find the passages that answer a question best.

        Raises:
            NotFound: there is no such collection that the caller may read.
            InvalidRequest: nothing is asked, or too much.
        """
        wanted = list(dict.fromkeys(collections))
        access.check_question(question)
        if not 0 < len(wanted) <= _COLLECTIONS_MAX:
            raise InvalidRequest(f"1 to {_COLLECTIONS_MAX} collections are searched at once", param="collections")
        return await asyncio.to_thread(self._search, caller, wanted, question, min(max(limit, 1), _HITS_MAX))

    async def entities(self, caller: Caller, name: str, search: str, limit: int) -> tuple[Entity, ...]:
        """List the names that a collection's documents mention, those of most passages first."""
        return await self._explore(caller, name, lambda snapshot: snapshot.explorer.entities(search, limit))

    async def neighbours(self, caller: Caller, name: str, entity: str, limit: int) -> Neighbourhood | None:
        """List what stands beside a name; nothing where no document mentions it."""
        return await self._explore(caller, name, lambda snapshot: snapshot.explorer.neighbours(entity, limit))

    def feedback(
        self, caller: Caller, collection: str, question: str, document: DocumentId, number: int, *, good: bool
    ) -> None:
        """Keep whether a passage answers a question: enough of it makes a ranker of the collection's own.

        Raises:
            NotFound: there is no such passage in the collection.
        """
        of = self.collection(caller, collection)
        access.check_question(question)
        passage = self.passage(caller, document, number)
        if self.document(caller, document).collection != of.id:
            raise NotFound(f"the document is not in the collection {of.name!r}")
        said = learning.Said(question=question, document=document, number=passage.number, good=good)
        person = caller.person if isinstance(caller, Principal) else None
        with self._database.transaction() as db:
            learning.write_feedback(db, of.id, said, person=person, at_ms=self._clock.now_ms())

    def reload(self) -> None:
        """Take up what other processes changed, in the collections that are held in memory and in what waits."""
        self._listing.follow()
        with self._database.reading() as db:
            is_awaited = store.is_awaited(db) or learning.read_untaught(db) is not None
        if is_awaited or self._is_awaited:
            self._awaited_until_s = self._clock.monotonic() + _LINGER_S
        self._is_awaited = is_awaited
        self._shelves.follow()

    def close(self) -> None:
        """Wait until nothing is loaded any more."""
        self._shelves.close()

    @property
    def is_awaited(self) -> bool:
        """Whether somebody should read documents, or was needed for that a moment ago."""
        return self._is_awaited or self._clock.monotonic() < self._awaited_until_s

    @property
    def size_bytes(self) -> int:
        """How much memory the collections take that are held, about."""
        return self._shelves.size_bytes

    def _create(self, caller: Caller, name: str, title: str, readers: tuple[str, ...]) -> Collection:
        collection = Collection(
            id=CollectionId(new_id("col")),
            organisation=caller.organisation,
            name=name,
            title=title,
            readers=readers,
            created_ms=self._clock.now_ms(),
        )
        with self._database.transaction() as db:
            if any(one.name == name for one in store.read_collections(db, caller.organisation)):
                raise Conflict(f"there is a collection {name!r} already; choose another name", param="name")
            store.insert_collection(db, collection)
        self._listing.follow_own()
        return collection

    def _changeable(self, caller: Caller, name: str) -> Collection:
        collection = self.collection(caller, name)
        access.check_changes(caller, collection)
        return collection

    def _document(self, caller: Caller, id: DocumentId) -> tuple[Document, Collection]:
        with self._database.reading() as db:
            document = store.read_document(db, id)
            of = None if document is None else store.read_collection(db, document.collection)
        if document is None or of is None or not access.may_read(caller, of):
            raise NotFound("there is no such document that you may read; it may have been removed")
        return document, of

    def _check_changes(self, caller: Caller, id: DocumentId) -> Document:
        document, collection = self._document(caller, id)
        access.check_changes(caller, collection)
        return document

    def _search(self, caller: Caller, names: Sequence[str], question: str, limit: int) -> Found:
        from courtyard.knowledge.retrieval import merge  # noqa: PLC0415 - Only who searches loads heavy libraries.

        readable = self.collections(caller)
        snapshots = [self._shelves.snapshot(access.named(caller, readable, name)) for name in names]
        vector = self._embedder.embed_question(question)
        return merge([snapshot.search(question, vector=vector, limit=limit) for snapshot in snapshots], limit)

    async def _explore(self, caller: Caller, name: str, look: "Callable[[Snapshot], T]") -> T:
        return await asyncio.to_thread(lambda: look(self._shelves.snapshot(self.collection(caller, name))))
