"""What tests of providers start from: one with all its evidence, and the rooms that it touches."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from courtyard.approvals import Approval, Approvals
from courtyard.catalogue import (
    Cap,
    Caps,
    Catalogue,
    CatalogueSettings,
    Endpoint,
    EvidenceKind,
    Facts,
    Providers,
    Scope,
    Tier,
)
from courtyard.core.clock import Clock
from courtyard.core.ids import Region
from courtyard.storage import Database, Keyring

ANA, BEN = "ana@example.org", "ben@example.org"
DAY_MS = 24 * 3600 * 1000
PIN = "ab" * 32
ENOUGH = Caps(requests=Cap(count=1000), tokens=Cap(count=1_000_000), persons=3)
SCOPE = Scope(purposes=frozenset({"research"}))


def facts(**said: Any) -> Facts:
    """A foreign provider in another region."""
    return Facts(
        **{
            "name": "Acme AI",
            "entity": "DE HRB 12345",
            "jurisdiction": "DE",
            "tier": Tier.FOREIGN,
            "regions": frozenset({Region("eu")}),
            "endpoints": (Endpoint(url="https://api.acme.example/v1", pins=(PIN,)),),
            **said,
        }
    )


@dataclass
class Provided:
    """Providers, and what they stand on."""

    database: Database
    clock: Clock
    directory: Path
    limits: dict[tuple[str, str, str], int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keyring = Keyring(self.directory / "keys")
        self.catalogue = Catalogue(
            self.database, self.clock, settings=CatalogueSettings(directory=self.directory / "models")
        )
        self.approvals = Approvals(self.database, self.clock)
        self.providers = self.another()

    def another(self) -> Providers:
        """The same providers, as another process has them."""
        return Providers(
            self.database, self.keyring, self.clock, self.catalogue, approvals=self.approvals, limit=self._limit
        )

    def show_all(self, id: str, *, expires_days: int = 365) -> None:
        """Show every kind of evidence."""
        now_ms = self.clock.now_ms()
        for kind in filter(lambda kind: kind.is_needed, EvidenceKind):
            self.providers.show(
                id,
                kind,
                statement=f"its {kind}",
                digest=sha256(kind.encode()).hexdigest(),
                dated_ms=now_ms - DAY_MS,
                expires_ms=now_ms + expires_days * DAY_MS,
                by=ANA,
            )

    def admitted(
        self, id: str = "acme", *, said: Facts | None = None, caps: Caps = ENOUGH, scope: Scope = SCOPE
    ) -> None:
        """Bring a provider all the way, with the caps that two people gave it."""
        until_ms = self.clock.now_ms() + 200 * DAY_MS
        self.providers.propose(id, said or facts(), by=ANA, reason="students ask for it")
        self.show_all(id)
        self.providers.advance(id, by=ANA, reason="all there")
        self.cap(id, caps)
        self.providers.begin_trial(id, scope, until_ms=until_ms, by=ANA, reason="try it")
        self.providers.admit(id, scope, until_ms=until_ms, by=ANA, reason="it did well")

    def cap(self, id: str, caps: Caps) -> None:
        """Give a provider caps, by two people where it takes them."""
        asked = self.providers.set_caps(id, caps, by=ANA, reason="as agreed")
        if isinstance(asked, Approval):
            self.approvals.approve(asked.id, by=BEN)
            self.providers.set_caps(id, caps, by=ANA, reason="as agreed")

    def open_foreign(self) -> None:
        """Let foreign providers be asked, by two people."""
        self.restore(None)

    def restore(self, id: str | None) -> None:
        """Take a kill back, by two people."""
        asked = self.providers.restore(id, by=ANA, reason="the board agreed")
        assert asked is not None
        self.approvals.approve(asked.id, by=BEN)
        assert self.providers.restore(id, by=ANA, reason="the board agreed") is None

    def _limit(self, owner: str, unit: str, period: str, count: int | None) -> None:
        self.limits[owner, unit, period] = count
