"""What personal data is used for, and who agreed to it."""

from collections.abc import Sequence
from hashlib import sha256

from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.privacy.digests import Digests
from courtyard.privacy.model import Name
from courtyard.privacy.register import rules, store
from courtyard.privacy.register.model import Basis, Consent, Holder, Purpose, Retention, Separate, Subject, Withdrawal
from courtyard.storage import Database


class Purposes:
    """Purposes in versions, and receipts of the consents that were given to them."""

    def __init__(self, database: Database, clock: Clock, digests: Digests, holders: Sequence[Holder]) -> None:
        self._database = database
        self._clock = clock
        self._digests = digests
        self._holders = holders

    def put(
        self,
        name: str,
        *,
        title: str,
        basis: Basis,
        organisation: str = "",
        classes: Sequence[str] = (),
        data: Sequence[str] = (),
        days: int | None = None,
        sensitive: bool = False,
        automated: bool = False,
        notice: str = "",
    ) -> Purpose:
        """Write a purpose, or a new version of it. Where it says how long its data is kept, that holds from now on.

        Raises:
            InvalidRequest: its data has no holder here, or there is a time without data.
        """
        names = {holder.name for holder in self._holders}
        if unknown := sorted(set(data) - names):
            raise InvalidRequest(f"nothing here holds {unknown[0]!r}; there are {', '.join(sorted(names))}")
        if days is not None and not data:
            raise InvalidRequest("say with --data which data is kept so long", param="data")
        last = self._last(organisation, name)
        purpose = Purpose(
            organisation=organisation,
            name=rules.clean(name, of="name"),
            version=1 if last is None else last.version + 1,
            title=rules.clean(title, of="title"),
            basis=basis,
            classes=tuple(classes),
            data=tuple(data),
            days=days,
            sensitive=sensitive,
            automated=automated,
            notice=sha256(notice.encode()).hexdigest() if notice else "",
            at_ms=self._clock.now_ms(),
        )
        self._write(purpose)
        return purpose

    def close(self, name: str, *, organisation: str = "") -> Purpose:
        """End a purpose: nothing is used for it any more."""
        closed = replace(self.one(name, organisation=organisation), closed=True, at_ms=self._clock.now_ms())
        self._write(replace(closed, version=closed.version + 1))
        return self.one(name, organisation=organisation)

    def one(self, name: str, *, organisation: str = "") -> Purpose:
        """Return a purpose as it is now: the organisation's own, else the one of all.

        Raises:
            NotFound: there is none.
        """
        found = self._last(organisation, name) or self._last("", name)
        if found is None:
            raise NotFound(f"there is no purpose {name!r}; `courtyard privacy purposes` lists them")
        return found

    def list(self, *, organisation: str | None = None) -> tuple[Purpose, ...]:
        """List purposes as they are now."""
        with self._database.reading() as db:
            versions = store.read_purposes(db, organisation)
        return tuple({(one.organisation, one.name): one for one in versions}.values())

    def consent(
        self,
        subject: Subject,
        purpose: str,
        *,
        how: str,
        separate: Sequence[Separate] = (),
        guardian: bool = False,
    ) -> Consent:
        """Write a receipt: who agreed to which version of a purpose, when, and how.

        Raises:
            InvalidRequest: the purpose is not based on consent, or is sensitive and the consent not a separate one.
        """
        agreed = self.one(purpose, organisation=subject.organisation)
        if agreed.closed or agreed.basis is not Basis.CONSENT:
            state = "has ended" if agreed.closed else f"rests on {agreed.basis}, and asks for no consent"
            raise InvalidRequest(f"{agreed.name} {state}", param="purpose")
        if agreed.sensitive and Separate.SENSITIVE not in separate:
            raise InvalidRequest(
                f"{agreed.name} uses sensitive data, and needs a consent of its own (PIPL article 29): say --separate "
                "sensitive if it was one"
            )
        receipt = Consent(
            id=new_id("consent"),
            organisation=subject.organisation,
            who=self._digests.digest(subject.organisation, *_first(subject)),
            purpose=agreed.name,
            version=agreed.version,
            notice=agreed.notice,
            given_at_ms=self._clock.now_ms(),
            how=rules.clean(how, of="how"),
            separate=tuple(separate),
            guardian=guardian,
        )
        with self._database.transaction() as db:
            store.write_consent(db, receipt)
        return receipt

    def withdraw(self, id: str, *, subject: Subject, how: str) -> Withdrawal:
        """Take a consent back, and have every holder drop what was kept for it alone.

        Raises:
            NotFound: there is no such receipt of this person.
            Conflict: it was taken back before.
        """
        consent = next((one for one in self.consents(subject) if one.id == id), None)
        if consent is None:
            raise NotFound(f"there is no receipt {id!r} of theirs")
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            if not store.withdraw_consent(db, id, at_ms=now_ms, how=rules.clean(how, of="how")):
                raise Conflict(f"{id} was taken back already")
        purpose = self.one(consent.purpose, organisation=consent.organisation)
        dropped = {one.name: one.withdraw(subject, purpose) for one in self._holders if one.name in purpose.data}
        return Withdrawal(consent=replace(consent, withdrawn_at_ms=now_ms), dropped=dropped)

    def consents(self, subject: Subject) -> tuple[Consent, ...]:
        """List somebody's receipts, newest first."""
        found = self._digests.find(subject.organisation, subject.names)
        with self._database.reading() as db:
            receipts = [
                one
                for who in sorted(set(found.values()))
                for one in store.read_consents(db, organisation=subject.organisation, who=who)
            ]
        return tuple(sorted(receipts, key=lambda one: one.given_at_ms, reverse=True))

    def agrees(self, subject: Subject, purpose: str) -> bool:
        """Whether somebody agrees now to the version of a purpose that is in force."""
        current = self.one(purpose, organisation=subject.organisation)
        return not current.closed and any(
            one.withdrawn_at_ms is None and (one.purpose, one.version) == (current.name, current.version)
            for one in self.consents(subject)
        )

    def _last(self, organisation: str, name: str) -> Purpose | None:
        with self._database.reading() as db:
            versions = store.read_purposes(db, organisation, name=name)
        return next((one for one in reversed(versions) if one.organisation == organisation), None)

    def _write(self, purpose: Purpose) -> None:
        try:
            with self._database.transaction() as db:
                store.write_purpose(db, purpose)
                for data in purpose.data if purpose.days is not None and not purpose.closed else ():
                    kept = Retention(
                        organisation=purpose.organisation,
                        data=data,
                        days=purpose.days or 0,
                        reason=f"purpose {purpose.name} version {purpose.version}",
                    )
                    store.write_retention(db, kept, at_ms=purpose.at_ms)
        except IntegrityError as error:
            raise Conflict(f"{purpose.name} was changed by somebody else a moment ago; look again") from error


def _first(subject: Subject) -> tuple[str, str]:
    """The name by which somebody is digested: as a person of the house before all else."""
    name: Name = min(subject.names, key=lambda one: one.kind != "person")
    return name.kind, name.value
