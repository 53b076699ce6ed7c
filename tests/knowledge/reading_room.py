"""Knowledge as the house has it, with somebody who reads what waits; and the people of two organisations."""

import asyncio
from collections.abc import Sequence

from courtyard.core.clock import Clock
from courtyard.core.ids import OrganisationId, PersonId, ProjectId, Region
from courtyard.core.principal import Principal, Role
from courtyard.documents import Documents
from courtyard.knowledge import Collection, Document, Found, Indexer, Knowledge, KnowledgeSettings
from courtyard.storage import Database

ORGANISATION = OrganisationId("org_1")


def person(
    name: str, *, role: Role = Role.MEMBER, project: str = "prj_1", organisation: OrganisationId = ORGANISATION
) -> Principal:
    """Somebody who is signed in."""
    return Principal(
        organisation=organisation,
        project=ProjectId(project),
        person=PersonId(f"per_{name}"),
        role=role,
        home=frozenset({Region("home")}),
    )


ADMIN = person("admin", role=Role.ADMIN)


class ReadingRoom:
    """Knowledge and an indexer over one database."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        documents: Documents,
        settings: KnowledgeSettings = KnowledgeSettings(),
    ) -> None:
        self.database = database
        self.clock = clock
        self.documents = documents
        self.settings = settings
        self.knowledge = Knowledge(database, clock, documents, settings)
        self.indexer = Indexer(database, clock, documents, settings)

    def collection(self, name: str = "handbook", *, readers: Sequence[str] = ()) -> Collection:
        return self.knowledge.create(ADMIN, name, name.capitalize(), readers)

    def add(self, name: str, text: str, *, collection: str = "handbook") -> Document:
        return self.knowledge.add(ADMIN, collection, name, text.encode())

    def read_all(self) -> list[Document]:
        """Read until nothing waits."""
        return list(iter(self.indexer.turn, None))

    def search(self, question: str, *collections: str, caller: Principal = ADMIN) -> Found:
        return asyncio.run(self.knowledge.search(caller, collections or ("handbook",), question))
