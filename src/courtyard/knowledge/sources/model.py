"""What a source is, and what it hands over."""

from collections.abc import Iterator
from typing import Annotated, NewType, Protocol

import msgspec
from msgspec import Meta

from courtyard.core.errors import CourtyardError
from courtyard.knowledge.model import CollectionId

SourceId = NewType("SourceId", str)

ITEMS_MAX = 100_000
"""Documents of one source."""


class Unfetched(CourtyardError):
    """A source, or a document there, can't be had now; the message says why."""

    code = "source_failed"
    status = 502


class Gone(Unfetched):
    """A document will not be had again: who holds it says that it is not there, or not for us."""

    code = "source_gone"


class Folder(msgspec.Struct, frozen=True, kw_only=True, tag="folder"):
    """A folder of this machine, with all that is below it."""

    path: str


class Pages(msgspec.Struct, frozen=True, kw_only=True, tag="pages"):
    """Web pages, or files on the web, by their addresses."""

    urls: Annotated[tuple[str, ...], Meta(min_length=1, max_length=1000)]


class Bucket(msgspec.Struct, frozen=True, kw_only=True, tag="bucket"):
    """Objects of a store that speaks S3's protocol."""

    endpoint: str
    bucket: str
    access_key: str
    prefix: str = ""
    region: str = "us-east-1"


Options = Folder | Pages | Bucket


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a collection is filled from."""

    id: SourceId
    collection: CollectionId
    name: str
    options: Options
    every_s: int
    """How often it is looked at."""
    looked_ms: int = 0
    problem: str = ""
    """Why the last look did not end well, in words for a person."""


class Item(msgspec.Struct, frozen=True):
    """A document there."""

    name: str
    at: str
    """Where it is, as its source says it."""
    fingerprint: str
    """Moves when its content may have changed."""
    refused: str = ""
    """Why it is not to be had, where that shows from afar."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A document's content."""

    content: bytes
    media_type: str = ""
    fingerprint: str


class Origin(Protocol):
    """Where a source's documents are."""

    def items(self) -> Iterator[Item]:
        """Go through all documents there.

        Raises:
            Unfetched: they can't be listed now.
        """
        ...

    def fetch(self, item: Item, known: str) -> Fetched | None:
        """Return a document; nothing where it is as its fingerprint `known` says.

        Raises:
            Unfetched: it can't be had now.
            Gone: it can't be had at all.
        """
        ...
