"""The face of labels: what an answer says about itself, files labelled and looked at, the register, agreements."""

from msgspec.structs import replace

from courtyard.core.clock import Clock
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.labels import rules, store, words
from courtyard.labels.credentials import Authority, Signer
from courtyard.labels.model import (
    Agreement,
    Aigc,
    Checked,
    Labelled,
    LabelsSettings,
    Match,
    Origin,
    Profile,
    Stated,
    Unlabelled,
    Verdict,
    Visible,
)
from courtyard.labels.register import Register
from courtyard.storage import Database, Keyring, bump

_TEXTS = ("text", "markdown")
_DOCUMENT_LENGTH_MAX = 500
_PROFILES = {profile.value: profile for profile in Profile}


class Labels:
    """Marks what models made, and keeps account of it. Files and SQL: call those from a thread.

    Raises:
        ValueError: the settings name a producer that no label may carry.
    """

    def __init__(
        self, database: Database, keyring: Keyring, clock: Clock, settings: LabelsSettings = LabelsSettings()
    ) -> None:
        rules.code(settings.producer, what="settings: labels.producer")
        if settings.unlabelled_days < 1 or settings.register_days < 1:
            raise ValueError("settings: labels.register_days and labels.unlabelled_days are one or more")
        self.settings = settings
        self._database = database
        self._clock = clock
        self._signer = Signer(keyring, clock, name=settings.name)
        self._register = Register(database, clock, settings, keyring.secret("pepper"))
        self._agreements: dict[str, tuple[Agreement, ...]] = {}

    def load(self) -> None:
        """Read the agreements that `agreed` answers from; again whenever the revision `labels` moves."""
        held: dict[str, tuple[Agreement, ...]] = {}
        for agreement in self.agreements():
            held[agreement.organisation] = (*held.get(agreement.organisation, ()), agreement)
        self._agreements = held

    def stated(
        self,
        profile: str = "",
        *,
        model: str,
        request: str,
        organisation: str = "",
        language: str = "",
        unlabelled: bool = False,
    ) -> Stated:
        """Write what an answer says about itself, from memory: for the header `x-courtyard-label` and the body's field.

        A profile that nobody knows is taken for `neutral`, which states everything. `unlabelled` leaves the visible
        notice out where the organisation's agreement holds; what machines read is never left out.
        """
        named = _PROFILES.get(profile, Profile.NEUTRAL) if profile else self.settings.profile
        agreement = self.agreed(organisation) if unlabelled else None
        return rules.state(
            named,
            aigc=self._aigc(request),
            model=model,
            notice=words.notice(language or self.settings.language, named),
            agreement=agreement.id if agreement else "",
        )

    def agreed(self, organisation: str) -> Agreement | None:
        """Find, in memory, the agreement by which an organisation may have answers without a visible label now."""
        now_ms = self._clock.now_ms()
        return next((a for a in self._agreements.get(organisation, ()) if a.holds(now_ms)), None)

    def note_unlabelled(self, organisation: str, *, request: str, model: str) -> None:
        """Have a delivery without a visible label kept, as article 9 of the Labelling Measures asks."""
        agreement = self.agreed(organisation) or next(iter(self._agreements.get(organisation, ())), None)
        if agreement is None:
            return
        self._register.note_unlabelled(
            Unlabelled(
                request=request,
                organisation=organisation,
                agreement=agreement.id,
                model=model,
                at_ms=self._clock.now_ms(),
            )
        )

    def register(self, text: str, *, request: str, organisation: str, model: str, receipt: str = "") -> None:
        """Have an answer entered in the register: in memory now, in the database with the next `flush`."""
        self._register.note(text, request=request, organisation=organisation, model=model, receipt=receipt)

    def enter(self, text: str, *, request: str, model: str) -> None:
        """Enter a text of the operator's own in the register now."""
        self.register(text, request=request, organisation="", model=model)
        self.flush()

    def flush(self) -> int:
        """Enter in the database what waits, and forget what was kept long enough."""
        return self._register.flush()

    def find(self, text: str) -> tuple[Match, ...]:
        """Find the answers that a text is, or quotes at length."""
        return self._register.find(text)

    def check(self, data: bytes, name: str = "", *, profile: Profile | None = None) -> Checked:
        """Look at a file or a text; there is an answer whatever is in it."""
        from courtyard.labels import marking  # noqa: PLC0415 - A server starts without what reads files.

        checked = marking.check(data, name, self._signer, profile or self.settings.profile)
        if checked.format not in _TEXTS or checked.verdict is Verdict.INCONCLUSIVE:
            return checked
        return _of_text(checked, self.find(data.decode("utf-8-sig")))

    def add(
        self,
        data: bytes,
        name: str = "",
        *,
        id: str = "",
        origin: Origin = Origin.GENERATED,
        model: str = "",
        language: str = "",
        profile: Profile | None = None,
        visible: bool = True,
        credentials: bool = True,
        replaced: bool = False,
    ) -> Labelled:
        """Label a file, visibly and in metadata. The same label again leaves every byte as it is.

        A label of somebody else stays, and says that we pass the file on; there is one copy of it.

        Raises:
            InvalidRequest: the file can't be labelled, or the id has characters that no label may carry.
            Conflict: it carries a label that is wrong, or several that differ.
        """
        from courtyard.labels import marking  # noqa: PLC0415 - A server starts without what writes files.

        try:
            number = rules.code(id or new_id("content"), what="the id")
        except ValueError as error:
            raise InvalidRequest(str(error), param="id") from error
        wanted = marking.Wanted(
            origin=origin,
            provider=self.settings.producer,
            id=number,
            is_given=bool(id),
            profile=profile or self.settings.profile,
            language=language or self.settings.language,
            model=model,
            visible=visible,
            credentials=credentials,
            replace=replaced,
        )
        return marking.add(data, name, self._signer, wanted)

    def authority(self) -> Authority:
        """Return the authority that content credentials are signed under; it is made the first time."""
        return self._signer.authority()

    def agree(self, organisation: str, *, document: str, by: str, from_ms: int, until_ms: int) -> Agreement:
        """Put an agreement on unlabelled delivery on file.

        Raises:
            InvalidRequest: it names no document or nobody, or ends before it begins.
        """
        document, by = document.strip(), by.strip()
        if not document or not by or max(len(document), len(by)) > _DOCUMENT_LENGTH_MAX:
            raise InvalidRequest("name the signed document, and who puts it on file, in up to 500 characters each")
        if from_ms >= until_ms:
            raise InvalidRequest("an agreement ends after it begins")
        agreement = Agreement(
            id=new_id("agr"), organisation=organisation, document=document, by=by, from_ms=from_ms, until_ms=until_ms
        )
        with self._database.transaction() as db:
            store.write_agreement(db, agreement)
            bump(db, "labels")
        self.load()
        return agreement

    def end(self, id: str) -> Agreement:
        """End an agreement now; deliveries are labelled again within a second.

        Raises:
            NotFound: there is no such agreement.
        """
        with self._database.transaction() as db:
            if not any(agreement.id == id for agreement in store.read_agreements(db)):
                raise NotFound(f"there is no agreement {id!r}; see `courtyard labels agreements list`")
            store.end_agreement(db, id, at_ms=self._clock.now_ms())
            bump(db, "labels")
            ended = next(agreement for agreement in store.read_agreements(db) if agreement.id == id)
        self.load()
        return ended

    def agreements(self) -> tuple[Agreement, ...]:
        """List every agreement, the newest first."""
        with self._database.reading() as db:
            return tuple(store.read_agreements(db))

    def unlabelled(self, *, organisation: str | None = None, limit: int = 100) -> tuple[Unlabelled, ...]:
        """List deliveries that had no visible label, the newest first."""
        return self._register.unlabelled(organisation=organisation, limit=limit)

    def registered(self) -> int:
        """Say how many texts are in the register."""
        return self._register.count()

    def _aigc(self, request: str) -> Aigc:
        us = self.settings.producer
        return Aigc(producer=us, produce_id=request, propagator=us, propagate_id=request)


def _of_text(checked: Checked, matches: tuple[Match, ...]) -> Checked:
    """Add to what a text says of itself what the register says of it."""
    is_seen = checked.visible is Visible.FOUND
    if checked.verdict is Verdict.NON_COMPLIANT or (checked.verdict is Verdict.COMPLIANT and is_seen):
        return replace(checked, matches=matches)
    if matches:
        best = matches[0]
        what = "it was generated here" if best.share >= 1 else f"{best.share:.0%} of it was generated here"
        verdict = Verdict.COMPLIANT if is_seen or checked.labels else Verdict.NON_COMPLIANT
        told = "and says so" if verdict is Verdict.COMPLIANT else "and doesn't say so"
        return replace(checked, verdict=verdict, reason=f"{what} (request {best.request}) {told}", matches=matches)
    if is_seen and not checked.labels:
        return replace(checked, verdict=Verdict.COMPLIANT, reason="a line of it says so; it is not in the register")
    return checked
