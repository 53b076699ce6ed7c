"""The face of notices: who hears of what, and the courier who brings it. All of it runs SQL: call it from a thread."""

import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from msgspec.structs import replace

from courtyard.core.clock import Clock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.http import check_url
from courtyard.notices import channels, rules, store
from courtyard.notices.model import (
    EVERYBODY,
    Channel,
    Claimed,
    Delivery,
    Endpoint,
    Failure,
    Kind,
    NewEndpoint,
    Notice,
    NoticesSettings,
    State,
)
from courtyard.notices.telling import tell
from courtyard.storage import Database

_log = structlog.get_logger("courtyard.notices")

_AT_ONCE = 4
_BATCH = 8
"""Deliveries claimed at a time: four at once, twice, end well within their lease."""
_ADDRESS_LENGTH_MAX = 2000
_ENDPOINTS_MAX = 50
"""Of one organisation: each notice goes to all of them."""
_PRUNE_MS = 3_600_000


class Notices:
    """Notices, their addresses and their deliveries."""

    def __init__(self, database: Database, clock: Clock, settings: NoticesSettings = NoticesSettings()) -> None:
        rules.check_smtp(settings.smtp)
        self.settings = replace(settings, fractions=rules.check_fractions(settings.fractions))
        self._database = database
        self._clock = clock
        self._pruned_ms = 0
        self._stopping = False

    def tell(
        self, kind: Kind, *, organisation: str, subject: str, once: str, data: Mapping[str, Any] | None = None
    ) -> Notice | None:
        """Put a notice on its way in a transaction of its own, or return nothing where `once` was told before."""
        with self._database.transaction() as db:
            return tell(
                db, kind, organisation=organisation, subject=subject, once=once, data=data, at_ms=self._clock.now_ms()
            )

    def add(
        self, channel: Channel, address: str, *, organisation: str = EVERYBODY, kinds: Iterable[Kind] = ()
    ) -> NewEndpoint:
        """Have notices sent to an address, of one organisation or, for the operator, of all.

        Raises:
            InvalidRequest: it is no address, or one that may not be called.
            Conflict: there are too many already.
        """
        address = address.strip()
        if len(address) > _ADDRESS_LENGTH_MAX:
            raise InvalidRequest(f"an address has at most {_ADDRESS_LENGTH_MAX} characters")
        secret = ""
        if channel is Channel.WEBHOOK:
            address = check_url(address, private_hosts=self.settings.private_hosts)
            secret = rules.signing_secret(secrets.token_bytes(32))
        else:
            rules.check_email(address)
        endpoint = Endpoint(
            id=new_id("ep"),
            organisation=organisation,
            channel=channel,
            address=address,
            kinds=tuple(sorted(set(kinds))),
            created_at_ms=self._clock.now_ms(),
        )
        with self._database.transaction() as db:
            if len(store.read_open_endpoints(db, [organisation])) >= _ENDPOINTS_MAX:
                raise Conflict(f"there are {_ENDPOINTS_MAX} addresses already; remove one first")
            store.write_endpoint(db, endpoint, secret=secret)
        return NewEndpoint(endpoint=endpoint, secret=secret or None)

    def remove(self, id: str) -> Endpoint:
        """Send nothing more to an address.

        Raises:
            NotFound: there is no such address.
        """
        with self._database.transaction() as db:
            endpoint = _only(store.read_endpoints(db, id=id), id)
            if endpoint.closed_at_ms is None:
                store.close_endpoint(db, id, at_ms=self._clock.now_ms(), reason="removed")
            return _only(store.read_endpoints(db, id=id), id)

    def endpoints(self, *, organisation: str | None = None) -> tuple[Endpoint, ...]:
        """List addresses, closed ones too, of one organisation or of all."""
        with self._database.reading() as db:
            return tuple(e for e in store.read_endpoints(db) if organisation in (None, e.organisation))

    def list(
        self, *, organisation: str | None = None, before: str | None = None, limit: int = 50
    ) -> tuple[Notice, ...]:
        """List notices, the newest first; `before` is the id of the last one of the page before."""
        with self._database.reading() as db:
            return tuple(store.read_notices(db, organisation=organisation, before=before, limit=limit))

    def deliveries(
        self,
        *,
        state: State | None = None,
        organisation: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> tuple[Delivery, ...]:
        """List deliveries, those of the newest notice first."""
        with self._database.reading() as db:
            found = store.read_deliveries(db, state=state, organisation=organisation, before=before, limit=limit)
            return tuple(found)

    def retry(self, *, notice: str | None = None, endpoint: str | None = None) -> int:
        """Try dead deliveries again from the first attempt; says how many that are."""
        with self._database.transaction() as db:
            return store.revive(db, notice=notice, endpoint=endpoint, at_ms=self._clock.now_ms())

    def test(self, id: str) -> Notice:
        """Send something to one address, so that its owner sees whether it arrives.

        Raises:
            NotFound: there is no such address, or nothing is sent there any more.
        """
        now_ms = self._clock.now_ms()
        with self._database.transaction() as db:
            endpoint = _only(store.read_endpoints(db, id=id), id)
            if endpoint.closed_at_ms is not None:
                raise NotFound(f"nothing is sent to {endpoint.address} any more: {endpoint.reason}")
            notice = Notice(
                id=new_id("msg"),
                organisation=endpoint.organisation,
                kind=Kind.TEST,
                at_ms=now_ms,
                subject="A test of where notices go",
            )
            store.write_notice(db, notice)
            store.write_deliveries(db, notice, [endpoint], at_ms=now_ms)
        return notice

    def deliver(self) -> int:
        """Attempt what is due, each delivery by one process only; says how many were attempted."""
        now_ms = self._clock.now_ms()
        with self._database.reading() as db:
            if now_ms - self._pruned_ms < _PRUNE_MS and not store.is_due(db, now_ms=now_ms):
                return 0
        with self._database.transaction() as db:
            if now_ms - self._pruned_ms >= _PRUNE_MS:
                store.prune(db, now_ms=now_ms)
                self._pruned_ms = now_ms
            held = store.claim(db, new_id("claim"), now_ms=now_ms, limit=_BATCH)
        if not held:
            return 0
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
            list(threads.map(self._bring, held))
        return len(held)

    def stop(self) -> None:
        """Begin no further attempt: what is claimed and not attempted goes to another process, or to the next run."""
        self._stopping = True

    def _bring(self, claimed: Claimed) -> None:
        if not self._stopping:
            self._note(claimed, self._attempt(claimed))

    def _attempt(self, claimed: Claimed) -> Failure | None:
        try:
            return channels.send(claimed, self.settings, now_ms=self._clock.now_ms())
        except Exception as error:  # One address must not keep the others from hearing.
            _log.exception("notice_not_sent", notice=claimed.delivery.notice.id)
            return Failure(reason=f"{type(error).__name__}; see the server's log")

    def _note(self, claimed: Claimed, failure: Failure | None) -> None:
        now_ms, was = self._clock.now_ms(), claimed.delivery
        attempts = was.attempts + 1
        if failure is None:
            done = replace(was, state=State.DELIVERED, attempts=attempts, reason="", delivered_at_ms=now_ms)
        else:
            again_ms = rules.next_attempt(failure, attempts=attempts, now_ms=now_ms, chance=secrets.randbits(62))
            state = State.DEAD if again_ms is None else State.WAITING
            done = replace(
                was, state=state, attempts=attempts, next_at_ms=again_ms or was.next_at_ms, reason=failure.reason
            )
            _log.warning("notice_not_delivered", notice=was.notice.id, endpoint=was.endpoint.id, reason=failure.reason)
        with self._database.transaction() as db:
            kept = store.write_attempt(db, done, claim=claimed.claim)
            if kept and failure is not None and failure.gone:
                store.close_endpoint(db, was.endpoint.id, at_ms=now_ms, reason="it answered that it is gone")


def _only(found: list[Endpoint], id: str) -> Endpoint:
    if not found:
        raise NotFound(f"there is no address {id!r}; see `courtyard notices endpoints`")
    return found[0]
