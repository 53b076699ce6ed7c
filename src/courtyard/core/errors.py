"""Everything that can be refused, in one tree.

    CourtyardError
      InvalidRequest 400 · ContextOverflow 400 · UnknownModel 404 · RequestTimeout 408 · BodyTooLarge 413
      NotAuthenticated 401 · KeyExpired 401
      BudgetExhausted 402 · ContractEnded 402
      PolicyDenied 403 · GateFailed 503 · DetectorFailed 503
      NotAllowed 403 · SeatRequired 403 · LicenceRefused 403
      NotFound 404 · MethodNotAllowed 405
      Conflict 409 · IdempotencyConflict 409 · RequestInProgress 409
      TooManyRequests 429 · RateLimited 429 · Busy 429
      EngineFailed 502 · EngineTimeout 504
      Unavailable 503 · NoRoute 503 · Draining 503 · JournalUnavailable 503 · BookUnavailable 503

Each has a `code` that clients can match on, an HTTP `status`, and a message that says what to do next. The doors render
them in the caller's dialect. A bug is an `AssertionError`.
"""

from typing import ClassVar

from courtyard.core.rates import Rate


class CourtyardError(Exception):
    """A fact that somebody can act on."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, retry_after_s: int | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s
        self.param = param


class InvalidRequest(CourtyardError):
    """The request can't be read or makes no sense; sending it again will not help."""

    code = "invalid_request"
    status = 400


class ContextOverflow(InvalidRequest):
    """The prompt and the answer asked for do not fit the model's context."""

    code = "context_length_exceeded"


class UnknownModel(InvalidRequest):
    """No model of this name is served to this caller."""

    code = "model_not_found"
    status = 404


class BodyTooLarge(InvalidRequest):
    """The body is larger than the door takes."""

    code = "body_too_large"
    status = 413


class RequestTimeout(InvalidRequest):
    """The body came too slowly."""

    code = "request_timeout"
    status = 408


class NotAuthenticated(CourtyardError):
    """No credential, or one that is unknown or revoked."""

    code = "invalid_api_key"
    status = 401


class KeyExpired(NotAuthenticated):
    """The key was good until its expiry."""

    code = "key_expired"


class BudgetExhausted(CourtyardError):
    """An account can't cover the request."""

    code = "insufficient_quota"
    status = 402


class ContractEnded(BudgetExhausted):
    """The organisation's contract has ended, or has not begun."""

    code = "contract_ended"


class PolicyDenied(CourtyardError):
    """A rule refused the request."""

    code = "policy_denied"
    status = 403

    def __init__(
        self,
        message: str,
        *,
        rule: str,
        articles: tuple[str, ...] = (),
        facts: tuple[str, ...] = (),
        decisions: tuple[str, ...] = (),
        pack: str = "",
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.articles = articles
        self.facts = facts
        """Digests of what the pack's rules judged."""
        self.decisions = decisions
        """The pack's rules that decided."""
        self.pack = pack


class GateFailed(PolicyDenied):
    """A pack's rules could not be asked. What they have not judged never runs."""

    code = "gate_failed"
    status = 503


class DetectorFailed(PolicyDenied):
    """Personal data could not be looked for. What was not looked through never runs."""

    code = "detector_failed"
    status = 503


class NotAllowed(CourtyardError):
    """The caller's role does not permit this."""

    code = "not_allowed"
    status = 403


class SeatRequired(NotAllowed):
    """The plan is sold by the seat, and the caller holds none."""

    code = "seat_required"


class LicenceRefused(NotAllowed):
    """The licence of this installation does not permit it, has expired, or is not genuine."""

    code = "licence_refused"


class NotFound(CourtyardError):
    """Nothing of this name, or nothing of the caller's."""

    code = "not_found"
    status = 404


class MethodNotAllowed(NotFound):
    """The address exists, and takes other methods."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class Conflict(CourtyardError):
    """The request contradicts what stands."""

    code = "conflict"
    status = 409


class IdempotencyConflict(Conflict):
    """The idempotency key was used with another body."""

    code = "idempotency_conflict"


class RequestInProgress(Conflict):
    """The first request under this idempotency key has not ended yet."""

    code = "request_in_progress"


class TooManyRequests(CourtyardError):
    """Come back later."""

    code = "too_many_requests"
    status = 429


class RateLimited(TooManyRequests):
    """A requests- or tokens-a-minute account is used up for now."""

    code = "rate_limit_exceeded"
    rates: tuple[Rate, ...] = ()
    """What the caller's limits have left."""


class Busy(TooManyRequests):
    """Every place is taken; nothing is queued without bound."""

    code = "busy"


class EngineFailed(CourtyardError):
    """The engine answered with an error or not in its protocol."""

    code = "engine_failed"
    status = 502


class EngineTimeout(EngineFailed):
    """The engine said nothing for too long."""

    code = "engine_timeout"
    status = 504


class Unavailable(CourtyardError):
    """The house can't serve this just now."""

    code = "unavailable"
    status = 503


class NoRoute(Unavailable):
    """No healthy engine serves the model in the regions where the request may run."""

    code = "no_route"


class Draining(Unavailable):
    """The server is shutting down and takes no new work."""

    code = "draining"


class JournalUnavailable(Unavailable):
    """Receipts can't be written, so no work is taken that would need one."""

    code = "journal_unavailable"


class BookUnavailable(Unavailable):
    """The book can't be reached and the leases at hand don't cover the request."""

    code = "book_unavailable"
