"""Builds the house: settings to rooms. Nothing else but the server knows them all."""

import re
from pathlib import Path

from courtyard.billing import Billing, Payments
from courtyard.catalogue import Catalogue, CatalogueSettings
from courtyard.core.clock import Clock, SystemClock
from courtyard.evidence import Evidence
from courtyard.identity import Identity
from courtyard.ledger import Ledger
from courtyard.licensing import Licensing, LicensingSettings
from courtyard.notices import Notices
from courtyard.pricing import Pricing
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
        self.notices = Notices(self.database, self.clock, settings.notices)
        self.identity = Identity(self.database, self.keyring, self.clock, home=settings.region)
        self.catalogue = Catalogue(self.database, self.clock, settings=_catalogue_settings(settings))
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
        )

    def _check_secrets(self) -> None:
        try:
            self.secrets.check()
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        """Let go of files and connections."""
        self.committer.close()
        self.database.close()


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
