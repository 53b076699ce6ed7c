"""Collections in memory, searched by the house's own snapshots: what a door's tests ask, without indexing."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from courtyard.core.errors import NotFound
from courtyard.core.ids import OrganisationId
from courtyard.core.principal import Principal
from courtyard.knowledge import Collection, Document, Found, Passage, State
from courtyard.knowledge.model import CollectionId, DocumentId
from courtyard.knowledge.snapshot import Shard, Snapshot


class Shelf:
    """Holds collections, each a title and its documents: a name, and a text a passage."""

    def __init__(
        self, organisation: OrganisationId, collections: Mapping[str, tuple[str, Mapping[str, Sequence[str]]]]
    ):
        self.readers: dict[str, tuple[str, ...]] = {}
        self._organisation = organisation
        self._titles = {name: title for name, (title, _) in collections.items()}
        self._snapshots = {
            name: Snapshot.of([_shard(name, *document) for document in documents.items()], collection=name)
            for name, (_, documents) in collections.items()
        }
        self._passages = {
            (passage.document, passage.number): passage
            for _, documents in collections.values()
            for document in documents.items()
            for passage in _passages(*document)
        }
        self.searched: list[str] = []

    def collections(self, principal: Principal) -> list[Collection]:
        return [
            Collection(id=CollectionId(f"col_{name}"), organisation=self._organisation, name=name, title=title)
            for name, title in self._titles.items()
            if principal.organisation == self._organisation
            and (not self.readers.get(name) or principal.project in self.readers[name])
        ]

    async def search(self, principal: Principal, collections: Sequence[str], question: str, limit: int = 5) -> Found:
        self.searched.append(question)
        founds = [self._snapshots[name].search(question, limit=limit) for name in collections]
        return max(founds, key=lambda found: found.supported)

    def passage(self, principal: Principal, document: str, number: int) -> Passage:
        found = self._passages.get((DocumentId(document), number))
        if found is None:
            raise NotFound("there is no passage of this id that you may read")
        return found


def _passages(name: str, texts: Sequence[str]) -> list[Passage]:
    id = DocumentId(f"doc_{name.partition('.')[0]}")
    return [Passage(document=id, number=number, text=text, page=number) for number, text in enumerate(texts, 1)]


def _shard(collection: str, name: str, texts: Sequence[str]) -> Shard:
    content = "\n".join(texts).encode()
    document = Document(
        id=DocumentId(f"doc_{name.partition('.')[0]}"),
        collection=CollectionId(f"col_{collection}"),
        name=name,
        title=name.partition(".")[0].capitalize(),
        media_type="text/markdown",
        sha256=sha256(content).hexdigest(),
        size=len(content),
        state=State.READY,
    )
    return Shard.of(document, _passages(name, texts))
