"""What the law wants kept: purposes and consents, retention, cases, breaches, counted exports, and proofs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import OrganisationId, Region
from courtyard.identity import HeldPeople, Identity, subject_of
from courtyard.notices import Deadlines, Notices, NoticesSettings
from courtyard.privacy import (
    CONTENTS,
    Basis,
    CaseState,
    Digests,
    Erased,
    Found,
    Limit,
    Purpose,
    Register,
    Right,
    Separate,
    Spared,
    Subject,
    Vault,
    Whom,
    check,
)
from courtyard.storage import Database, Keyring

ADA = "ada@example.org"
BY = "operator@localhost"
DAY_S = 24 * 3600


class Notes:
    """A room that holds notes of people, in memory: what `Holder` and `Ages` ask for, and nothing else."""

    name = "notes"

    def __init__(self, clock: FrozenClock) -> None:
        self._clock = clock
        self.notes: list[tuple[str, str, int]] = []

    def add(self, person: str, note: str) -> None:
        self.notes.append((person, note, self._clock.now_ms()))

    def find(self, subject: Subject) -> Found:
        return Found(holder=self.name, count=len(self.export(subject)), what="notes")

    def export(self, subject: Subject) -> Any:
        return [note for person, note, _ in self.notes if person in subject.values("person")]

    def correct(self, subject: Subject, changes: dict[str, str]) -> int:
        return 0

    def erase(self, subject: Subject) -> Erased:
        before = len(self.notes)
        self.notes = [one for one in self.notes if one[0] not in subject.values("person")]
        return Erased(holder=self.name, erased=before - len(self.notes))

    def withdraw(self, subject: Subject, purpose: Purpose) -> int:
        return self.erase(subject).erased

    def expire(self, organisation: str, before_ms: int, *, spared: Spared) -> int:
        before = len(self.notes)
        self.notes = [one for one in self.notes if one[2] >= before_ms or spared("person", one[0])]
        return before - len(self.notes)

    def older(self, organisation: str, before_ms: int) -> int:
        return sum(one[2] < before_ms for one in self.notes)


class Pack:
    """The figures of a pack."""

    def __init__(self, **figures: int) -> None:
        self._figures = {
            name: Limit(name=name, value=value, source="a law", article="art. 1", checked_on="2026-11-23")
            for name, value in figures.items()
        }

    def parameter(self, name: str, /) -> Limit | None:
        return self._figures.get(name)

    def parameters(self) -> tuple[Limit, ...]:
        return tuple(self._figures.values())


PACK = Pack(
    subject_answer_days=30,
    subject_extension_days=60,
    breach_hours_authority=72,
    retention_days_notes=7,
    export_people_exempt_max=100_000,
    export_sensitive_contract_max=10_000,
)


class Room:
    """A register over a real database and identity."""

    def __init__(self, database: Database, keyring: Keyring, clock: FrozenClock, pack: Pack = PACK) -> None:
        self.database, self.clock = database, clock
        self.identity = Identity(database, keyring, clock, home=Region("home"))
        self.organisation = self.identity.setup().organisation.id
        self.ada = self.identity.add_person(self.organisation, email=ADA, name="Ada Lovelace")
        self.notes = Notes(clock)
        self.digests = Digests(database, keyring, clock)
        self.vault = Vault(database, keyring, clock)
        self.register = Register(
            database,
            keyring,
            clock,
            digests=self.digests,
            vault=self.vault,
            figures=pack,
            holders=(self.notes, HeldPeople(self.identity)),
            aging=(self.notes,),
            organisations=lambda: [OrganisationId(self.organisation)],
        )

    @property
    def subject(self) -> Subject:
        return subject_of(self.identity, self.organisation, email=ADA)


@pytest.fixture
def room(database: Database, tmp_path: Path, clock: FrozenClock) -> Room:
    return Room(database, Keyring(tmp_path / "keys"), clock)


def test_somebody_is_found_exported_corrected_and_erased_with_a_proof(room: Room) -> None:
    """Everywhere, and the case says so without saying whose it was."""
    desk = room.register.desk
    room.notes.add(room.ada.id, "likes engines")
    room.notes.add("somebody else", "likes tea")
    room.vault.remember(room.organisation, {"Velmora Tandrik": "Ada Lovelace", "Kelvast": "Bob"})
    digest = room.digests.digest(room.organisation, "person", room.ada.id)
    case = desk.open(Right.ERASURE, room.subject, by=BY, checked="called back")

    found = {one.holder: one.count for one in desk.find(case.id, by=BY)}
    assert found == {"notes": 1, "people": 1, "vault": 1, "consents": 0, "digests": 1}

    archive = msgspec.json.decode(desk.export(case.id, by=BY))
    assert archive["held"]["notes"] == ["likes engines"]
    assert archive["held"]["people"]["people"][0]["email"] == ADA
    assert archive["held"]["vault"] == ["Ada Lovelace"]
    assert archive["digests"] == [digest]

    assert desk.correct(case.id, {"name": "Ada King"}, by=BY) == {"notes": 0, "people": 1, "vault": 0, "consents": 0}
    assert room.identity.person(room.ada.id).name == "Ada King"

    proof = desk.erase(case.id, by=BY)
    assert [note for _, note, _ in room.notes.notes] == ["likes tea"]
    assert room.vault.tokens(room.organisation) == {"Kelvast": "Bob"}
    with pytest.raises(NotFound):
        room.identity.person(room.ada.id)
    assert room.digests.digest(room.organisation, "person", room.ada.id) != digest
    assert check(proof, key=room.register.proofs.key) == ""

    closed = desk.case(case.id)
    assert [step.what for step in closed.steps] == ["opened", "found", "exported", "corrected", "erased"]
    assert closed.state is CaseState.DONE
    with room.database.reading() as db:
        kept = str(
            [
                db.execute(text(f"SELECT * FROM {name}")).all()
                for name in ("privacy_cases", "privacy_case_steps", "privacy_proofs")
            ]
        )
    assert not [name for name in ("ada@", "Lovelace", "King", room.ada.id) if name in kept]
    with pytest.raises(Conflict, match="closed"):
        desk.erase(case.id, by=BY)


def test_a_case_has_the_packs_clock_and_reminds_of_it(room: Room, clock: FrozenClock) -> None:
    """Half way, near the end, and when it is over: once each, whoever asks."""
    desk = room.register.desk
    case = desk.open(Right.ACCESS, room.subject, by=BY)
    assert case.due_at_ms == clock.now_ms() + 30 * DAY_S * 1000
    assert case.due_by == PACK.parameter("subject_answer_days")

    stages = []
    for _ in range(4):
        stages += [one.data["stage"] for one in room.register.due()]
        clock.advance(8 * DAY_S)
    assert stages == ["half", "soon"]
    told = [Deadlines(room.database, clock, [room.register.due]).turn() for _ in range(2)]
    assert told == [1, 1]
    assert [one.subject for one in Notices(room.database, clock, NoticesSettings()).list()] == [
        f"access case {case.id} was due on 2026-01-31 00:00 UTC"
    ]

    extended = desk.extend(case.id, reason="many archives", by=BY)
    assert extended.due_at_ms == case.due_at_ms + 60 * DAY_S * 1000
    assert not list(room.register.due())
    with pytest.raises(Conflict, match="once"):
        desk.extend(case.id, reason="again", by=BY)
    assert desk.refuse(case.id, reason="it is not theirs", by=BY).steps[-1].detail == {"reason": "it is not theirs"}


def test_without_a_pack_no_clock_is_made_up(database: Database, tmp_path: Path, clock: FrozenClock) -> None:
    """Figures of the law come from packs alone."""
    room = Room(database, Keyring(tmp_path / "keys"), clock, Pack())
    case = room.register.desk.open(Right.ACCESS, room.subject, by=BY)

    assert case.due_at_ms is None
    with pytest.raises(InvalidRequest, match="no pack"):
        room.register.desk.extend(case.id, reason="long", by=BY)
    assert room.register.breaches.record("a laptop is gone", by=BY).deadlines == ()
    assert room.register.exports.counted().counters == ()


def test_what_is_restricted_is_kept_until_it_is_lifted(room: Room, clock: FrozenClock) -> None:
    """Neither a deletion run nor an erasure touches it."""
    room.notes.add(room.ada.id, "evidence")
    room.notes.add("somebody else", "old")
    case = room.register.desk.open(Right.RESTRICTION, room.subject, by=BY)
    room.register.desk.restrict(case.id, by=BY)
    room.register.retentions.set("notes", 7, reason="house rule")
    clock.advance(8 * DAY_S)

    [done] = room.register.retentions.run()
    assert (done.deleted, done.left) == (1, 1)
    with pytest.raises(Conflict, match="restricted"):
        room.register.desk.erase(case.id, by=BY)
    room.register.desk.lift(case.id, by=BY)
    assert not room.register.desk.is_restricted(room.subject)
    assert [one.deleted for one in room.register.retentions.run()] == [1]


def test_what_is_old_is_deleted_and_each_deletion_proved(room: Room, clock: FrozenClock) -> None:
    """The proofs are a chain: one that is changed or left out is named."""
    retentions = room.register.retentions
    with pytest.raises(InvalidRequest, match="7 days at least"):
        retentions.set("notes", 1, reason="short")
    with pytest.raises(InvalidRequest, match="does not age"):
        retentions.set("people", 1, reason="no")
    retentions.set("notes", 7, reason="house rule")
    for _ in range(3):
        room.notes.add(room.ada.id, "a note")
        clock.advance(8 * DAY_S)
        assert [(one.deleted, one.left) for one in retentions.run(rehearse=True)] == [(0, 1)]
        assert [(one.deleted, one.left) for one in retentions.run()] == [(1, 0)]
    first, second, third = room.register.proofs.all()
    assert room.register.proofs.verify() == ()
    assert msgspec.json.decode(second.document)["body"]["deleted"] == 1

    with room.database.transaction() as db:
        db.execute(text("DELETE FROM privacy_proofs WHERE digest = :digest"), {"digest": second.digest})
        changed = first.document.replace('"deleted":1', '"deleted":9')
        db.execute(
            text("UPDATE privacy_proofs SET document = :it WHERE digest = :one"), {"it": changed, "one": first.digest}
        )
    assert room.register.proofs.verify() == (
        f"{first.digest}: it was changed",
        f"{third.digest}: the one before it is missing",
    )


def test_a_consent_is_to_a_version_and_its_withdrawal_drops_what_it_was_for(room: Room) -> None:
    """And a new version of the purpose asks again."""
    purposes = room.register.purposes
    room.notes.add(room.ada.id, "for advice")
    purposes.put("advice", title="Advice", basis=Basis.CONSENT, data=["notes"], days=9, sensitive=True, notice="We …")
    with pytest.raises(InvalidRequest, match="article 29"):
        purposes.consent(room.subject, "advice", how="web")
    receipt = purposes.consent(room.subject, "advice", how="web", separate=[Separate.SENSITIVE])
    assert purposes.agrees(room.subject, "advice")
    assert [rule.days for rule in room.register.retentions.rules()] == [9]

    second = purposes.put("advice", title="Advice", basis=Basis.CONSENT, data=["notes"], days=9)
    assert second.version == 2
    assert not purposes.agrees(room.subject, "advice")

    withdrawal = purposes.withdraw(receipt.id, subject=room.subject, how="web")
    assert withdrawal.dropped == {"notes": 1}
    assert room.notes.notes == []
    with pytest.raises(Conflict, match="already"):
        purposes.withdraw(receipt.id, subject=room.subject, how="web")
    purposes.put("billing", title="Invoices", basis=Basis.CONTRACT)
    with pytest.raises(InvalidRequest, match="asks for no consent"):
        purposes.consent(room.subject, "billing", how="web")
    assert purposes.close("billing").closed


def test_a_breach_has_its_clock_its_contents_and_an_end(room: Room, clock: FrozenClock) -> None:
    """It is closed when all was told, or with the reason why not."""
    breaches = room.register.breaches
    breach = breaches.record("a laptop is gone", by=BY, noticed_at_ms=clock.now_ms() - 3_600_000)
    [deadline] = breach.deadlines
    assert deadline.due_at_ms == clock.now_ms() + 71 * 3_600_000
    assert [one.data["stage"] for one in breaches.due()] == ["begun"]
    clock.advance(2 * DAY_S)
    assert [one.data["stage"] for one in breaches.due()] == ["half"]
    with pytest.raises(Conflict, match="authority was not told, nature"):
        breaches.close(breach.id, by=BY)
    with pytest.raises(InvalidRequest, match="no 'colour'"):
        breaches.describe(breach.id, {"colour": "red"}, by=BY)

    breaches.describe(breach.id, dict.fromkeys(CONTENTS, "said"), by=BY)
    breaches.tell(breach.id, Whom.AUTHORITY, by=BY)
    assert not list(breaches.due())
    assert breaches.close(breach.id, by=BY).closed_at_ms == clock.now_ms()
    with pytest.raises(Conflict, match="closed"):
        breaches.tell(breach.id, Whom.PEOPLE, by=BY)
    with pytest.raises(InvalidRequest, match="breach_hours_authority"):
        breaches.record("another", by=BY, clocks=["breach_hours_moon"])


def test_exported_people_are_counted_once_a_year(room: Room, clock: FrozenClock) -> None:
    """However often something of theirs went, and sensitive ones apart, beside the law's figure and its source."""
    exports = room.register.exports
    for who, sensitive in (("a", False), ("a", True), ("a", False), ("b", False)):
        exports.note(room.organisation, "Acme Inc", who, sensitive=sensitive)
    exports.note(room.organisation, "Other Inc", "a", sensitive=False)
    exports.note("another", "Other Inc", "c", sensitive=False)
    assert exports.knows(room.organisation, "Acme Inc", "a", sensitive=False)
    assert not exports.knows(room.organisation, "Acme Inc", "b", sensitive=True)

    counted = exports.counted(organisation=room.organisation)
    assert (counted.people, counted.sensitive, counted.entities) == (2, 1, {"Acme Inc": 2, "Other Inc": 1})
    assert [(one.limit.name, one.used, one.limit.value) for one in counted.counters] == [
        ("export_people_exempt_max", 2, 100_000),
        ("export_sensitive_contract_max", 1, 10_000),
    ]
    assert exports.counted().people == 3
    clock.advance(366 * DAY_S)
    assert exports.counted().people == 0
    assert not exports.knows(room.organisation, "Acme Inc", "a", sensitive=False)
    assert datetime.fromtimestamp(clock.now_ms() / 1000, tz=UTC).year == exports.counted().year
