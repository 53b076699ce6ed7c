"""Nouns of knowledge: collections of documents, their passages, and what a search finds in them."""

from enum import StrEnum
from typing import Annotated, NewType

import msgspec
from msgspec import Meta

from courtyard.core.ids import OrganisationId
from courtyard.core.principal import Principal
from courtyard.documents import Box

CollectionId = NewType("CollectionId", str)
DocumentId = NewType("DocumentId", str)


OWN = "own-"
"""How the names of collections begin that people's own files are in."""


class KnowledgeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Documents, and what is found in them."""

    index: bool = True
    """Whether this machine reads documents while it serves; where several do, they share the work."""
    memory_max: Annotated[int, Meta(ge=0)] = 1 << 30
    """Bytes that a serving process keeps collections in; the ones that were not searched for longest go."""
    quotes_below_bytes: Annotated[int, Meta(ge=0)] = 500_000_000
    """Models whose file is smaller quote documents instead of answering from them; 0 has all answer."""
    own_bytes_max: Annotated[int, Meta(ge=0)] = 1 << 30
    """Bytes of files that a person may keep for themselves."""
    names: bool = True
    """Whether a model looks for names in Chinese texts: 20 processor seconds a megabyte."""
    private_hosts: tuple[str, ...] = ()
    """Hosts of this network that web pages and buckets may be fetched from; HTTP without TLS is for these alone."""
    fetch_bytes_max: Annotated[int, Meta(ge=1)] = 50 * 1024 * 1024
    """A larger page or object is not fetched."""
    fetch_s_max: Annotated[float, Meta(gt=0)] = 60.0
    """How long fetching one may take."""


class State(StrEnum):
    """How far a document has come."""

    WAITING = "waiting"
    READING = "reading"
    READY = "ready"
    DUPLICATE = "duplicate"
    """Its content stands in the collection under another name already."""
    FAILED = "failed"


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that are searched together, and who may read them."""

    id: CollectionId
    organisation: OrganisationId
    name: str
    """Lower-case letters, digits and dashes; its own in the organisation."""
    title: str
    readers: tuple[str, ...] = ()
    """Ids of people and projects that may read it; nothing says everybody in the organisation."""
    revision: int = 0
    """Moves with every change of what is found in it."""
    created_ms: int = 0

    @property
    def is_own(self) -> bool:
        """Whether it is for one person's own files."""
        return self.name.startswith(OWN)


class Custodian(msgspec.Struct, frozen=True):
    """Whoever sits at the house's own machine: reads and changes every collection of an organisation."""

    organisation: OrganisationId


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One file, page or message in a collection."""

    id: DocumentId
    collection: CollectionId
    name: str
    """Its path or address, its own in the collection."""
    title: str
    media_type: str
    sha256: str
    """Of its content, in hex."""
    size: int
    """In bytes."""
    state: State
    pages: int = 0
    passages: int = 0
    reason: str = ""
    """Why it failed, or whose duplicate it is, in words for a person."""
    warnings: tuple[str, ...] = ()
    source: str = ""
    """Where it came from: the name of a watched source, or nothing."""
    added_ms: int = 0
    updated_ms: int = 0


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a document that is found and cited as one."""

    document: DocumentId
    number: int
    """From 1, in reading order."""
    text: str
    heading: str = ""
    """The headings it stands under, outermost first, joined by ` > `."""
    kind: str = "text"
    """`text` or `table`."""
    page: int = 1
    boxes: tuple[Box, ...] = ()
    by_ocr: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the way from a question to a passage."""

    kind: str
    """`question`, `entity`, `document` or `passage`."""
    name: str
    why: str = ""
    """How one came here from the step before: `names`, `title of`, `mentioned in`, `words`, `meaning`."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that was found."""

    passage: Passage
    collection: str
    """The collection's name."""
    title: str
    """The document's title."""
    name: str
    """The document's name."""
    score: float
    """By what the passages of one search are ordered; of no meaning across searches."""
    path: tuple[Step, ...]
    sha256: str = ""
    """The digest of the document's content: what records name it by."""

    @property
    def id(self) -> str:
        """Name the passage: `collection/document/number`."""
        return f"{self.collection}/{self.passage.document}/{self.passage.number}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, best first, and whether the graph took part."""

    question: str
    hits: tuple[Hit, ...]
    graph: bool
    """Whether the graph took part."""
    why: str = ""
    """Why it did not, in words for a person; nothing where it did."""
    supported: float = 0.0
    """How well the best passages cover the question, 0 to 1: below `SUPPORT_MIN` nothing was found."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How many documents of a collection are in which state."""

    waiting: int = 0
    reading: int = 0
    ready: int = 0
    failed: int = 0
    duplicate: int = 0

    @property
    def unread(self) -> int:
        """How many are still to be read."""
        return self.waiting + self.reading

    @property
    def read(self) -> int:
        """How many nothing is to be done with any more."""
        return self.ready + self.failed + self.duplicate


class DocumentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Documents, the newest first; `next` asks for the ones before them."""

    documents: tuple[Document, ...]
    next: str | None = None


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A name that documents mention."""

    name: str
    mentions: int
    """In how many passages."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A passage in which two names stand together."""

    document: DocumentId
    title: str
    number: int
    """The passage's in its document."""


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """A name that stands in the same passages as another one."""

    name: str
    weight: float
    """By what neighbours are ordered: more, the oftener they stand together and the rarer they are."""
    evidence: tuple[Evidence, ...]


class Neighbourhood(msgspec.Struct, frozen=True, kw_only=True):
    """A name with its neighbours, the nearest first."""

    entity: str
    neighbours: tuple[Neighbour, ...] = ()


Caller = Principal | Custodian
"""Who asks."""

SUPPORT_MIN = 0.35
"""Set by `benchmarks/knowledge.py`, from questions that the passages answer and questions that none does."""
