"""What privacy itself holds of people: receipts of consents, and values in the vault."""

from typing import Any

import msgspec

from courtyard.privacy import store as vault_store
from courtyard.privacy.register.model import Erased, Found, Purpose, Spared, Subject
from courtyard.privacy.register.purposes import Purposes
from courtyard.privacy.vault import Vault
from courtyard.storage import Database


class HeldConsents:
    """Receipts. They name people by digest: erasing a person leaves receipts that name nobody."""

    name = "consents"

    def __init__(self, purposes: Purposes) -> None:
        self._purposes = purposes

    def find(self, subject: Subject) -> Found:
        return Found(holder=self.name, count=len(self._purposes.consents(subject)), what="receipts of consents")

    def export(self, subject: Subject) -> Any:
        return msgspec.to_builtins(self._purposes.consents(subject))

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        return 0

    def erase(self, subject: Subject) -> Erased:
        kept = len(self._purposes.consents(subject))
        why = "receipts stay to show that a consent was given (GDPR article 7(1)); they name nobody any more"
        return Erased(holder=self.name, erased=0, kept=kept, why=why if kept else "")

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        return 0


class HeldValues:
    """What tokens stand for, where it was kept: found by somebody's names in it."""

    name = "vault"

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def find(self, subject: Subject) -> Found:
        return Found(holder=self.name, count=len(self._of(subject)), what="masked values that can be restored")

    def export(self, subject: Subject) -> Any:
        return sorted(self._of(subject).values())

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        return 0

    def erase(self, subject: Subject) -> Erased:
        theirs = self._of(subject)
        return Erased(holder=self.name, erased=self._vault.forget(subject.organisation, theirs) if theirs else 0)

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        return self.erase(subject).erased

    def expire(self, organisation: str, before_ms: int, *, spared: Spared) -> int:
        """Delete old entries, nobody's spared: whose they are is sealed."""
        with self._database.transaction() as db:
            return vault_store.expire_entries(db, organisation, before_ms=before_ms)

    def older(self, organisation: str, before_ms: int) -> int:
        with self._database.reading() as db:
            return vault_store.count_entries(db, organisation, before_ms=before_ms)

    def _of(self, subject: Subject) -> dict[str, str]:
        theirs = {value.casefold() for value in subject.values("email", "name", "subject")}
        tokens = self._vault.tokens(subject.organisation)
        return {token: value for token, value in tokens.items() if value.casefold() in theirs}
