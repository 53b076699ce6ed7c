"""Everything that is kept for the law, in one place."""

from collections.abc import Callable, Iterator, Sequence

from courtyard.core.clock import Clock
from courtyard.privacy.digests import Digests
from courtyard.privacy.register.breaches import Breaches
from courtyard.privacy.register.desk import Desk
from courtyard.privacy.register.exports import Exports
from courtyard.privacy.register.holders import HeldConsents, HeldValues
from courtyard.privacy.register.model import Ages, Due, Figures, Holder
from courtyard.privacy.register.proofs import Proofs
from courtyard.privacy.register.purposes import Purposes
from courtyard.privacy.register.retention import Retentions
from courtyard.privacy.vault import Vault
from courtyard.storage import Database, Keyring


class Register:
    """Purposes and consents, retention, cases, breaches, counted exports, and the proofs of what was deleted.

    `holders` are the rooms that hold personal data, in the order in which they are asked; `aging` those of them whose
    things are deleted when they are old.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        digests: Digests,
        vault: Vault,
        figures: Figures,
        holders: Sequence[Holder],
        aging: Sequence[Ages],
        organisations: Callable[[], Sequence[str]],
    ) -> None:
        values = HeldValues(database, vault)
        self.proofs = Proofs(database, keyring, clock)
        self.purposes = Purposes(database, clock, digests, (*holders, values))
        self.retentions = Retentions(
            database,
            clock,
            holders=(*aging, values),
            organisations=organisations,
            digests=digests,
            proofs=self.proofs,
            figures=figures,
        )
        self.desk = Desk(
            database,
            keyring,
            clock,
            holders=(*holders, values, HeldConsents(self.purposes)),
            digests=digests,
            proofs=self.proofs,
            figures=figures,
        )
        self.breaches = Breaches(database, clock, figures)
        self.exports = Exports(database, clock, figures)

    def due(self) -> Iterator[Due]:
        """Say of what somebody is to be reminded."""
        yield from self.desk.due()
        yield from self.breaches.due()
