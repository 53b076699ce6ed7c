"""Keeps collections as their sources are: what is new comes in, what changed is read again, what is gone goes."""

import re
from pathlib import Path

import structlog

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, CourtyardError, InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.documents import Documents
from courtyard.http import check_url
from courtyard.knowledge.intake import Intake
from courtyard.knowledge.model import Collection, DocumentId, KnowledgeSettings
from courtyard.knowledge.sources import store
from courtyard.knowledge.sources.bucket import BucketOrigin
from courtyard.knowledge.sources.folder import FolderOrigin
from courtyard.knowledge.sources.model import (
    ITEMS_MAX,
    Bucket,
    Folder,
    Gone,
    Item,
    Options,
    Origin,
    Pages,
    Source,
    SourceId,
    Unfetched,
)
from courtyard.knowledge.sources.pages import PagesOrigin
from courtyard.knowledge.store import read_fingerprints
from courtyard.storage import Database, Keyring

_log = structlog.get_logger("courtyard.knowledge")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_LOOK_MS_MAX = 3_600_000
"""A look that takes longer is taken for one that was cut off."""
_EVERY_S_MIN = 1


class Sources:
    """Sources of collections. Who may make one is asked before: they are made at the house's own machine alone."""

    def __init__(
        self, database: Database, keyring: Keyring, clock: Clock, settings: KnowledgeSettings, documents: Documents
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._settings = settings
        self._documents = documents
        self._intake = Intake(database, clock, bytes_max=documents.settings.bytes_max)

    def add(self, collection: Collection, name: str, options: Options, *, every_s: int, secret: str = "") -> Source:
        """Have a collection filled from a folder, from pages or from a bucket, and looked at every so often.

        Raises:
            InvalidRequest: it is nothing that can be looked at.
            Conflict: the collection has a source of that name.
        """
        if not _NAME.fullmatch(name):
            raise InvalidRequest("a source's name has small letters, digits and dashes, 40 at most", param="name")
        if every_s < _EVERY_S_MIN:
            raise InvalidRequest("a source is looked at every second at most", param="every")
        self._check(options, secret)
        source = Source(
            id=SourceId(new_id("src")), collection=collection.id, name=name, options=options, every_s=every_s
        )
        if secret:
            self._keyring.keep(_secret_of(source), secret)
        with self._database.transaction() as db:
            if any(one.name == name for one in store.read_sources(db, collection.id)):
                raise Conflict(f"{collection.name} has a source {name!r} already; choose another name", param="name")
            store.insert_source(db, source)
        return source

    def of(self, collection: Collection) -> list[Source]:
        """List a collection's sources."""
        with self._database.reading() as db:
            return store.read_sources(db, collection.id)

    def remove(self, collection: Collection, name: str) -> int:
        """Take a source away with all the documents that came from it, and say how many that were."""
        source = next((one for one in self.of(collection) if one.name == name), None)
        if source is None:
            raise NotFound(f"{collection.name} has no source {name!r}; `courtyard knowledge sources list` shows them")
        with self._database.transaction() as db:
            store.delete_source(db, source.id)
            known = read_fingerprints(db, collection.id, name)
        if isinstance(source.options, Bucket):
            self._keyring.keep(_secret_of(source), "")
        return sum(self._intake.drop(id) for id, _ in known.values())

    def turn(self) -> bool:
        """Look at the source that has been due longest, and say whether there was one."""
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            source = store.claim(db, now_ms=now_ms, until_ms=now_ms + _LOOK_MS_MAX)
        if source is None:
            return False
        try:
            problem = self._look(source)
        except Unfetched as error:
            problem = error.message
        except (CourtyardError, OSError, ValueError) as error:
            _log.warning("source_not_looked_at", source=source.id, reason=type(error).__name__)
            problem = getattr(error, "message", f"looking at it broke here ({type(error).__name__})")
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            store.looked(db, source.id, now_ms=now_ms, due_ms=now_ms + source.every_s * 1000, problem=problem)
        return True

    def _look(self, source: Source) -> str:
        """Bring a collection up to a source, and say in words what could not be had."""
        origin = self._origin(source)
        with self._database.reading() as db:
            known = read_fingerprints(db, source.collection, source.name)
        seen: set[str] = set()
        problems = []
        for item in origin.items():
            if len(seen) >= ITEMS_MAX:
                return f"only the first {ITEMS_MAX:,} documents were taken; make several sources of it"
            name = _named(source, item)
            seen.add(name)
            _, fingerprint = known.get(name, (DocumentId(""), ""))
            if not fingerprint or fingerprint != item.fingerprint:
                problems += self._take(source, origin, item, fingerprint)
        gone = [id for name, (id, _) in known.items() if name not in seen]
        if gone and not seen:
            return "nothing is there any more; what came from it stays until you remove the source"
        for id in gone:
            self._intake.drop(id)
        return problems[0] if problems else ""

    def _take(self, source: Source, origin: Origin, item: Item, fingerprint: str) -> list[str]:
        """Take one document in, or write down why it can't be had; what may be had later stays as it is."""
        name = _named(source, item)
        try:
            if item.refused:
                raise Gone(item.refused)
            fetched = origin.fetch(item, fingerprint)
            if fetched is not None:
                self._intake.put(
                    source.collection,
                    name,
                    fetched.content,
                    media_type=fetched.media_type,
                    source=source.name,
                    fingerprint=fetched.fingerprint,
                )
        except Gone as error:
            self._intake.fail(source.collection, name, error.message, source=source.name, fingerprint=item.fingerprint)
        except (Unfetched, Conflict, InvalidRequest) as error:
            if not fingerprint and isinstance(error, Unfetched):
                self._intake.fail(source.collection, name, error.message, source=source.name)
            return [f"{item.name}: {error.message}"]
        return []

    def _origin(self, source: Source) -> Origin:
        settings = self._settings
        match source.options:
            case Folder() as folder:
                return FolderOrigin(
                    folder, suffixes=self._documents.suffixes, bytes_max=self._documents.settings.bytes_max
                )
            case Pages() as pages:
                return PagesOrigin(
                    pages,
                    private_hosts=settings.private_hosts,
                    bytes_max=settings.fetch_bytes_max,
                    seconds=settings.fetch_s_max,
                )
            case Bucket() as bucket:
                secret = self._keyring.kept(_secret_of(source))
                if not secret:
                    raise Unfetched("the bucket's secret key is not on this machine; add the source again here")
                return BucketOrigin(
                    bucket,
                    secret,
                    self._clock,
                    suffixes=self._documents.suffixes,
                    private_hosts=settings.private_hosts,
                    bytes_max=settings.fetch_bytes_max,
                    seconds=settings.fetch_s_max,
                )

    def _check(self, options: Options, secret: str) -> None:
        match options:
            case Folder(path=path):
                if not Path(path).is_absolute() or not Path(path).is_dir():
                    raise InvalidRequest(f"{path} is no folder of this machine", param="path")
            case Pages(urls=urls):
                for url in urls:
                    check_url(url, private_hosts=self._settings.private_hosts)
            case Bucket(endpoint=endpoint, bucket=bucket, access_key=access_key):
                check_url(endpoint, private_hosts=self._settings.private_hosts)
                if not _BUCKET.fullmatch(bucket) or not secret or not access_key.isascii():
                    raise InvalidRequest("a bucket has a name, an access key and a secret key", param="bucket")


def _named(source: Source, item: Item) -> str:
    """Name a document: a page by its address, else by its source and its way from there."""
    return item.name if isinstance(source.options, Pages) else f"{source.name}/{item.name}"


def _secret_of(source: Source) -> str:
    return f"{source.id}.secret"
