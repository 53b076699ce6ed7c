"""Builds the house: settings to rooms. Nothing else but the server knows them all."""

from courtyard.catalogue import Catalogue, CatalogueSettings
from courtyard.core.clock import Clock, SystemClock
from courtyard.evidence import Evidence
from courtyard.identity import Identity
from courtyard.ledger import Ledger
from courtyard.licensing import Licensing
from courtyard.pricing import Pricing
from courtyard.settings import Settings
from courtyard.storage import Committer, Database, Keyring, Revisions


class House:
    """Every room, built from settings and not yet serving: what the command line works with."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        directory = settings.data_dir
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings = settings
        self.clock = clock or SystemClock()
        self.database = Database(settings.database_url) if settings.database_url else Database.in_directory(directory)
        self.database.upgrade()
        self.keyring = Keyring(directory / "keys")
        self.revisions = Revisions(self.database)
        self.committer = Committer()
        self.identity = Identity(self.database, self.keyring, self.clock, home=settings.region)
        self.catalogue = Catalogue(self.database, self.clock, settings=_catalogue_settings(settings))
        self.pricing = Pricing(self.database, self.clock)
        self.ledger = Ledger(self.database, self.keyring, self.committer, self.clock, directory=directory / "journal")
        self.licensing = Licensing(self.ledger, self.pricing)
        self.evidence = Evidence(directory / "evidence", self.keyring, self.committer, self.clock)

    def close(self) -> None:
        """Let go of files and connections."""
        self.committer.close()
        self.database.close()


def _catalogue_settings(settings: Settings) -> CatalogueSettings:
    return CatalogueSettings(
        directory=settings.models_dir,
        hub_url=settings.models.hub_url,
        wheels=settings.models.wheels,
        region=settings.region,
        threads=settings.engine.threads,
        slots=settings.engine.slots,
        context_tokens=settings.engine.context_tokens,
    )
