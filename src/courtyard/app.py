"""Builds the house: settings to rooms. Nothing else but the server knows them all."""

import hmac
import re
from functools import partial
from pathlib import Path

from courtyard.approvals import Approvals
from courtyard.assistant import HeldConversations
from courtyard.assurance import Assurance, Sources
from courtyard.billing import Billing, Payments
from courtyard.catalogue import Catalogue, CatalogueSettings, Providers
from courtyard.core.amount import Unit
from courtyard.core.clock import Clock, SystemClock
from courtyard.documents import Documents
from courtyard.egress import Egress
from courtyard.engines import Way
from courtyard.evaluation import Evaluations
from courtyard.evidence import Evidence, HeldRecords, SealedReceipt
from courtyard.identity import HeldPeople, Identity
from courtyard.knowledge import HeldDocuments, Indexer, Knowledge, KnowledgeSources, Teacher, Told
from courtyard.labels import Labels
from courtyard.ledger import HeldReceipts, Ledger, Period
from courtyard.licensing import Licensing, LicensingSettings
from courtyard.notices import Deadlines, Notices
from courtyard.policy import Gate, Packs
from courtyard.pricing import Pricing
from courtyard.privacy import Detection, Digests, Masking, Register, Vault
from courtyard.settings import Settings
from courtyard.storage import Committer, Database, Keyring, Revisions, SharedSecrets

SHARED_SECRETS = ("operator", "pepper")
"""What all machines of a house must have: leases are signed with one, API keys and sessions digested with the other."""
_WORKERS_OWN = re.compile(r"(journal|evidence)-([1-9][0-9]{0,3})")


class House:
    """Every room, built from settings and not yet serving: what the command line works with.

    Each worker of a machine is a node: it has a journal, an evidence log and keys of its own.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, *, worker: int = 1, workers: int = 1) -> None:
        directory = settings.data_dir
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings = settings
        self.clock = clock or SystemClock()
        self.database = Database(settings.database_url) if settings.database_url else Database.in_directory(directory)
        self.database.upgrade()
        self.keyring = Keyring(directory / "keys")
        self.secrets = SharedSecrets(self.database, self.keyring, self.clock, SHARED_SECRETS)
        self._check_secrets()
        self.revisions = Revisions(self.database)
        self.committer = Committer()
        self.approvals = Approvals(self.database, self.clock)
        self.packs = Packs(self.database, self.keyring, self.approvals, self.clock)
        self.gate = Gate(self.database, self.approvals, self.clock)
        self.detection = Detection(settings.privacy)
        self.vault = Vault(self.database, self.keyring, self.clock)
        self.masking = Masking(self.detection, self.vault)
        self.digests = Digests(self.database, self.keyring, self.clock)
        self.evaluations = Evaluations(self.database, self.clock)
        self.labels = Labels(self.database, self.keyring, self.clock, settings.labels)
        self.notices = Notices(self.database, self.clock, settings.notices)
        self.identity = Identity(
            self.database, self.keyring, self.clock, home=settings.region, sign_on=settings.sign_on
        )
        self.catalogue = Catalogue(self.database, self.clock, settings=_catalogue_settings(settings, self.keyring))
        self.pricing = Pricing(self.database, self.clock)
        self.ledger = Ledger(
            self.database,
            self.keyring,
            self.committer,
            self.clock,
            directory=directory / of_worker("journal", worker),
            name=of_worker("node", worker),
            alone=workers == 1 and settings.database_url is None,
            nodes=workers,
            region=settings.region,
        )
        self.providers = Providers(
            self.database,
            self.keyring,
            self.clock,
            self.catalogue,
            approvals=self.approvals,
            limit=partial(_limit, self.ledger),
        )
        self.licensing = Licensing(
            self.ledger, self.pricing, self.database, self.clock, settings=_licensing_settings(settings)
        )
        self.billing = Billing(
            self.database,
            self.keyring,
            self.clock,
            identity=self.identity,
            ledger=self.ledger,
            pricing=self.pricing,
            licensing=self.licensing,
            settings=settings.billing,
        )
        self.payments = Payments(self.database, self.clock, self.ledger, settings.payments)
        self.evidence = Evidence(
            directory / of_worker("evidence", worker),
            self.keyring,
            self.committer,
            self.clock,
            name=of_worker("evidence", worker),
            others={
                of_worker("evidence", other): directory / of_worker("evidence", other)
                for other in sorted(workers_of(directory) | set(range(1, workers + 1)))
                if other != worker
            },
            settings=settings.evidence,
        )
        self.documents = Documents(settings.documents)
        self.knowledge = Knowledge(self.database, self.clock, self.documents, settings.knowledge)
        conversations = HeldConversations(self.database)
        held_documents = HeldDocuments(self.database, self.knowledge.intake)
        self.register = Register(
            self.database,
            self.keyring,
            self.clock,
            digests=self.digests,
            vault=self.vault,
            figures=self.gate,
            holders=(
                conversations,
                held_documents,
                HeldRecords(self.evidence, self.digests),
                HeldReceipts(self.ledger),
                HeldPeople(self.identity),
            ),
            aging=(conversations, held_documents),
            organisations=lambda: [one.id for one in self.identity.organisations()],
        )
        self.deadlines = Deadlines(self.database, self.clock, [self.register.due, self.gate.due])
        self.assurance = Assurance(
            directory / "packs",
            self.evidence,
            self.clock,
            _sources(self),
            receipts=partial(sealed_receipt, self.ledger),
        )

    def _check_secrets(self) -> None:
        try:
            self.secrets.check()
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        """Let go of files and connections."""
        self.documents.close()
        self.knowledge.close()
        self.committer.close()
        self.database.close()


class ReadingRoom:
    """What the process that reads documents knows of the house: the documents that wait, and where they come from."""

    def __init__(self, settings: Settings, clock: Clock | None = None, *, told: Told | None = None) -> None:
        clock = clock or SystemClock()
        url, directory = settings.database_url, settings.data_dir
        self.directory = directory
        self.database = Database(url) if url else Database.in_directory(directory)
        self.database.upgrade()
        self.documents = Documents(settings.documents)
        self.indexer = Indexer(self.database, clock, self.documents, settings.knowledge, told=told)
        self.sources = knowledge_sources(settings, self.database, self.documents, clock)
        self.teacher = Teacher(self.database, clock, settings.knowledge)

    def close(self) -> None:
        """Let go of what was begun, and of connections."""
        self.documents.close()
        self.database.close()


class Outpost:
    """What the process with a way out knows of the house: its models, its providers, and the books they stand in."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        clock = clock or SystemClock()
        url, directory = settings.database_url, settings.data_dir
        self.database = Database(url) if url else Database.in_directory(directory)
        self.database.upgrade()
        keyring = Keyring(directory / "keys")
        catalogue = Catalogue(self.database, clock, settings=_catalogue_settings(settings, keyring))
        approvals = Approvals(self.database, clock)
        providers = Providers(self.database, keyring, clock, catalogue, approvals=approvals, limit=_no_limit)
        self.key = egress_key(keyring)
        self.egress = Egress(catalogue, providers, Revisions(self.database), clock)

    def close(self) -> None:
        """Let go of connections."""
        self.database.close()


def knowledge_sources(settings: Settings, database: Database, documents: Documents, clock: Clock) -> KnowledgeSources:
    """Make what knows where documents come from; buckets' keys lie beside the house's own."""
    return KnowledgeSources(database, Keyring(settings.data_dir / "keys"), clock, settings.knowledge, documents)


def _sources(house: "House") -> Sources:
    """Say which rooms tell what evidence packs say."""
    return Sources(
        figures=house.gate,
        recipients=house.providers,
        purposes=house.register.purposes,
        retentions=house.register.retentions,
        breaches=house.register.breaches,
        exports=house.register.exports,
        labelling=house.labels,
        safety=house.evaluations,
    )


def sealed_receipt(ledger: Ledger, id: str) -> SealedReceipt | None:
    """Find a receipt as it was sealed, for packs."""
    found = ledger.posted_of(id)
    return None if found is None else SealedReceipt(found.entry, found.previous, found.digest)


def egress_key(keyring: Keyring) -> str:
    """What serving processes show to the egress: the same on every machine of the house, and made of what it shares."""
    return hmac.digest(keyring.secret("pepper"), b"courtyard-egress/1", "sha256").hex()


def of_worker(name: str, worker: int) -> str:
    """Name what is a worker's own: `journal` is the first one's, `journal-2` the second one's."""
    return name if worker == 1 else f"{name}-{worker}"


def workers_of(directory: Path) -> set[int]:
    """Say which workers have left a journal or an evidence log in a data directory."""
    names = [path.name for path in directory.iterdir() if path.is_dir()] if directory.is_dir() else []
    return {1} | {int(found[2]) for name in names if (found := _WORKERS_OWN.fullmatch(name))}


def _licensing_settings(settings: Settings) -> LicensingSettings:
    licence = settings.licence
    return LicensingSettings(
        file=licence.file or settings.data_dir / "licence.json",
        key=licence.key or settings.data_dir / "licence.pub",
        required=licence.file is not None or licence.key is not None,
    )


def _limit(ledger: Ledger, owner: str, unit: Unit, period: str, count: int | None) -> None:
    ledger.set_limit(owner, unit=unit, period=Period(period), count=count)


def _no_limit(*_: object) -> None:
    raise AssertionError("the egress changes no caps")


def _catalogue_settings(settings: Settings, keyring: Keyring) -> CatalogueSettings:
    return CatalogueSettings(
        egress=Way(path=str(settings.egress_socket.absolute()), key=egress_key(keyring)),
        directory=settings.models_dir,
        hub_url=settings.models.hub_url,
        wheels=settings.models.wheels,
        region=settings.region,
        threads=settings.engine.threads,
        slots=settings.engine.slots,
        context_tokens=settings.engine.context_tokens,
    )
