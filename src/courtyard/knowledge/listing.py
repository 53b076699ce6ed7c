"""Which collections there are: from memory where a process follows what others change, else from the database."""

from courtyard.core.ids import OrganisationId
from courtyard.knowledge import store
from courtyard.knowledge.model import Collection
from courtyard.storage import Database


class Listing:
    """Every collection. In a process that follows changes nobody who asks waits for SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[OrganisationId, list[Collection]] | None = None

    def of(self, organisation: OrganisationId) -> list[Collection]:
        """List an organisation's collections, by name."""
        if self._known is not None:
            return self._known.get(organisation, [])
        with self._database.reading() as db:
            return store.read_collections(db, organisation)

    def follow(self) -> None:
        """Take up what changed; from the first time on this process is told of every change."""
        known: dict[OrganisationId, list[Collection]] = {}
        with self._database.reading() as db:
            for collection in store.read_collections(db):
                known.setdefault(collection.organisation, []).append(collection)
        self._known = known

    def follow_own(self) -> None:
        """Take up at once what this process changed itself."""
        if self._known is not None:
            self.follow()
