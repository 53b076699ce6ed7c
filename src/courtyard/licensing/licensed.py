"""The licence of this installation: where its file lies, and what it lets pass. Without one everything passes."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from courtyard.core.clock import Clock
from courtyard.core.errors import CourtyardError, InvalidRequest, LicenceRefused
from courtyard.core.ids import ModelName, new_id
from courtyard.ledger import Ledger, UsageFilter
from courtyard.licensing import licence as files
from courtyard.licensing import plans
from courtyard.licensing.licence import GRACE_DAYS, Licence
from courtyard.licensing.memory import ROOM
from courtyard.licensing.model import Bound
from courtyard.storage import Database, bump

_log = structlog.get_logger("courtyard.licensing")

_NAME_LENGTH_MAX = 100
_GRACE_DAYS_MAX = 366
_COUNT_MAX = 1 << 60
_CLOCK_SET_BACK_MS = 3_600_000
"""Clocks of several machines differ by less than this."""


class LicensingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the licence of this installation lies."""

    file: Path | None = None
    key: Path | None = None
    """The public key of who issued it."""
    required: bool = False
    """Whether nothing is served without one."""


class Licensed:
    """What the licence says, read once and then from memory."""

    def __init__(self, settings: LicensingSettings, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._licence: Licence | None = None
        self._refusal: CourtyardError | None = None
        self._seen_ms = 0
        """The latest moment that any receipt tells of."""

    def reload(self) -> None:
        """Read the file again. One that is not genuine is said in the log, and then every request is refused."""
        self._licence, self._refusal = None, None
        file, key = self._settings.file, self._settings.key
        if file is None or key is None or not (file.exists() or self._settings.required):
            return
        try:
            self._licence = files.read(_text(file), files.read_key(_text(key)))
        except CourtyardError as error:
            self._refusal = LicenceRefused(error.message)
            _log.error("licence_refused", file=str(file), reason=error.message)
            return
        newest = self._ledger.receipts(UsageFilter(), limit=1).receipts
        self._seen_ms = max((self._seen_ms, *(receipt.at_ms for receipt in newest)))

    @property
    def licence(self) -> Licence | None:
        """The genuine licence that is installed, expired or not; nothing where there is none."""
        return self._licence

    @property
    def problem(self) -> str | None:
        """Why the licence that is there can't be used, and so nothing is served; nothing where all is well."""
        return None if self._refusal is None else self._refusal.message

    @property
    def owner(self) -> str | None:
        """Who owns the accounts that bound the whole installation."""
        return None if self._licence is None else self._licence.id

    @property
    def seats(self) -> int | None:
        """How many seats may be held in the whole installation; `None` is as many as it likes."""
        return None if self._licence is None else self._licence.seats

    def check(self, model: ModelName) -> None:
        """Let a request for a model pass.

        Raises:
            LicenceRefused: the licence is not genuine, has expired, the clock was set back, or the model is not in it.
        """
        if self._refusal is not None:
            raise self._refusal
        licence = self._licence
        if licence is None:
            return
        now_ms = self._clock.now_ms()
        if now_ms < self._seen_ms - _CLOCK_SET_BACK_MS:
            raise LicenceRefused(
                "this machine's clock is set to a time before the last receipt, so the licence can't be checked; "
                "set the clock right"
            )
        self._seen_ms = max(self._seen_ms, now_ms)
        files.check_time(licence, self._seen_ms)
        if licence.models is not None and model not in licence.models:
            raise LicenceRefused(
                f"the licence of this installation does not include model {model!r}, but {', '.join(licence.models)}; "
                "ask who sold it"
            )

    def carry_out(self) -> None:
        """Bound the installation by what the licence says, and by nothing that an earlier one said."""
        if self._licence is None:
            return
        licence = self._licence
        for bound in licence.limits:
            self._ledger.set_limit(
                licence.id,
                unit=bound.unit,
                period=bound.period,
                count=bound.count,
                name=f"the licence of {licence.customer}",
            )

    def install(self, text: str, key: str) -> Licence:
        """Keep a licence and its key where this installation looks for them.

        Raises:
            LicenceRefused: it is not genuine, or has expired.
            InvalidRequest: the key is none, or the settings name another place, which is not ours to write.
        """
        file, kept = self._settings.file, self._settings.key
        if file is None or kept is None or self._settings.required:
            raise InvalidRequest("the settings say where this installation's licence lies; put the file there instead")
        read = files.read(text, files.read_key(key))
        files.check_time(read, self._clock.now_ms())
        kept.write_text(key)
        file.write_text(text)
        with self._database.transaction() as db:
            bump(db, ROOM)
        self.reload()
        self.carry_out()
        return read


def issue(
    customer: str,
    key: Ed25519PrivateKey,
    *,
    now_ms: int,
    seats: int | None = None,
    models: Iterable[ModelName] = (),
    limits: Iterable[Bound] = (),
    expires_ms: int | None = None,
    grace_days: int = GRACE_DAYS,
) -> Licence:
    """Make a licence for a customer, signed.

    Raises:
        InvalidRequest: nobody could use it.
    """
    if not 0 < len(customer.strip()) <= _NAME_LENGTH_MAX or not customer.isprintable():
        raise InvalidRequest(f"a licence names its customer, in one line of up to {_NAME_LENGTH_MAX} characters")
    if not 0 <= (seats or 0) <= plans.SEATS_MAX or not 0 <= grace_days <= _GRACE_DAYS_MAX:
        raise InvalidRequest(
            f"seats and days are counted from zero, up to {plans.SEATS_MAX:,} seats and {_GRACE_DAYS_MAX} days"
        )
    limits = tuple(limits)
    if any(not 0 <= limit.count <= _COUNT_MAX for limit in limits):
        raise InvalidRequest("a limit is no more than an account can hold")
    if expires_ms is not None and expires_ms <= now_ms:
        raise InvalidRequest("a licence expires in the future")
    made = Licence(
        id=new_id("licence"),
        customer=customer,
        seats=seats,
        models=tuple(models) or None,
        limits=tuple(limits),
        issued_ms=now_ms,
        expires_ms=expires_ms,
        grace_days=grace_days,
        issuer="",
    )
    return files.issue(made, key)


def verify(text: str, key: Ed25519PublicKey | str) -> Licence:
    """Read a licence that a key signed; whether it has expired is another question.

    Raises:
        LicenceRefused: it is not genuine.
        InvalidRequest: the key is none.
    """
    return files.read(text, files.read_key(key) if isinstance(key, str) else key)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise LicenceRefused(
            f"the licence of this installation can't be read: {path}: {error}; install one with "
            "`courtyard licence install`"
        ) from error
