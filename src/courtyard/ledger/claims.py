"""What stands under idempotency keys, in memory: requests that run, and the receipts of those that ran."""

from collections.abc import Iterable

import structlog
from msgspec.json import Decoder, Encoder

from courtyard.core.clock import Clock
from courtyard.core.errors import IdempotencyConflict, RequestInProgress
from courtyard.core.ids import RequestId
from courtyard.ledger import rules
from courtyard.ledger.model import Claim, Receipt
from courtyard.storage import Commit

_log = structlog.get_logger("courtyard.ledger")

CLAIMS_MAX = 50_000
"""Receipts kept for repeats. Those of seven days are, as long as they are no more than this."""

_encode = Encoder().encode
_decode = Decoder(Receipt).decode

_Key = tuple[str, str]


class _Entry:
    """One key: who has it, and in the end the receipt, as JSON because few are ever asked for again."""

    __slots__ = ("at_ms", "commit", "id", "receipt", "request_digest")

    def __init__(self, id: RequestId, request_digest: str, at_ms: int) -> None:
        self.id = id
        self.request_digest = request_digest
        self.at_ms = at_ms
        self.receipt: bytes | None = None
        self.commit: Commit | None = None

    @property
    def is_durable(self) -> bool:
        commit = self.commit
        return self.receipt is not None and (commit is None or (commit.done and not commit.failed))


class Claims:
    """Who may run under a key. Everything runs on one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[_Key, _Entry] = {}
        self._settled: dict[_Key, _Entry] = {}
        """Oldest first."""
        self._keys: dict[RequestId, _Key] = {}
        self._has_forgotten = False
        self.freed: list[tuple[_Key, RequestId]] = []
        """Keys that may be used again, for other nodes to hear of."""

    def claim(self, claim: Claim, id: RequestId) -> Receipt | None:
        """Let the request run, or find the receipt of the one that ran.

        Raises:
            IdempotencyConflict: the key belongs to a request with another body.
            RequestInProgress: the first request has not ended yet.
        """
        key = (claim.organisation, claim.key)
        self._forget_old()
        entry = self._settled.get(key) or self._running.get(key)
        if entry is None:
            self._running[key] = _Entry(id, claim.request_digest, self._clock.now_ms())
            self._keys[id] = key
            return None
        if entry.request_digest != claim.request_digest:
            raise IdempotencyConflict("this idempotency key was used with another body; use a new key")
        if not entry.is_durable:
            raise RequestInProgress(
                "the first request under this idempotency key has not ended yet; try again", retry_after_s=1
            )
        assert entry.receipt is not None
        return _decode(entry.receipt)

    def unclaim(self, claim: Claim) -> None:
        """Free the key of a request that was refused before it ran."""
        entry = self._running.pop((claim.organisation, claim.key), None)
        if entry is not None:
            del self._keys[entry.id]
            self.freed.append(((claim.organisation, claim.key), entry.id))

    def free(self, id: RequestId) -> None:
        """Free the key of a request that left nothing to give to a repeat."""
        key = self._keys.pop(id, None)
        if key is not None:
            self._running.pop(key, None)
            self._settled.pop(key, None)
            self.freed.append((key, id))

    def take_freed(self) -> list[tuple[_Key, RequestId]]:
        """Take the keys that other nodes are to hear of."""
        freed, self.freed = self.freed, []
        return freed

    def settle(self, receipt: Receipt, commit: Commit | None = None) -> None:
        """Keep the receipt for repeats, which get it once its commit is done."""
        if receipt.idempotency_key is None:
            return
        if not rules.answers_repeats(receipt):
            self.free(receipt.id)
            return
        key = (receipt.organisation, receipt.idempotency_key)
        entry = self._running.pop(key, None) or _Entry(receipt.id, receipt.request_digest, receipt.at_ms)
        entry.receipt = _encode(receipt)
        entry.commit = commit
        self._settled[key] = entry
        self._keys[receipt.id] = key

    def load(self, receipts: Iterable[Receipt]) -> None:
        """Know what ran before this process began, oldest first."""
        for receipt in receipts:
            self.settle(receipt)

    def _forget_old(self) -> None:
        too_old_ms = self._clock.now_ms() - rules.IDEMPOTENCY_MS
        while self._settled:
            key, entry = next(iter(self._settled.items()))
            if entry.at_ms > too_old_ms and len(self._settled) <= CLAIMS_MAX:
                return
            if entry.at_ms > too_old_ms and not self._has_forgotten:
                self._has_forgotten = True
                _log.warning("idempotency_keys_forgotten", kept=CLAIMS_MAX)
            del self._settled[key]
            self._keys.pop(entry.id, None)
