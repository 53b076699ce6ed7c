"""Keeps requests away from an engine that fails, and finds out when it is well again."""


class CircuitBreaker:
    """Closed while an engine works, open after some failures in a row, half open when it is time for a probe.

    Each probe that fails doubles the pause before the next one. Whoever sends a request says so by `tried`: one
    request to a half-open engine is the probe, and the others keep away until it has ended. A probe that ends without
    a word, as when its client hangs up, gives way to another one after the pause. Times are monotonic seconds.
    """

    def __init__(self, *, failures_max: int = 3, pause_s: float = 1.0, pause_s_max: float = 60.0) -> None:
        assert failures_max > 0, "a breaker opens after one failure at the earliest"
        assert 0 < pause_s <= pause_s_max, "a pause is positive and no longer than the longest one"
        self._failures_max = failures_max
        self._pause_s_min = pause_s
        self._pause_s_max = pause_s_max
        self._pause_s = pause_s
        self._failures = 0
        self._open_until_s: float | None = None
        self._probing = False

    def allows(self, now_s: float) -> bool:
        """Say whether a request may be sent now. Asking changes nothing."""
        return self._open_until_s is None or now_s >= self._open_until_s

    def tried(self, now_s: float) -> None:
        """Note that a request is sent now: the probe, where the breaker is half open."""
        if self._open_until_s is not None and now_s >= self._open_until_s:
            self._open_until_s = now_s + self._pause_s
            self._probing = True

    def succeeded(self) -> None:
        """Close: the engine answered."""
        self._failures = 0
        self._pause_s = self._pause_s_min
        self._open_until_s = None
        self._probing = False

    def failed(self, now_s: float) -> None:
        """Open after enough failures in a row, or after a failed probe for twice as long as before.

        What fails otherwise while the breaker is open was sent before it opened, and says nothing new.
        """
        if self._open_until_s is None:
            self._failures += 1
            if self._failures >= self._failures_max:
                self._open_until_s = now_s + self._pause_s
        elif self._probing or now_s >= self._open_until_s:
            self._pause_s = min(2 * self._pause_s, self._pause_s_max)
            self._open_until_s = now_s + self._pause_s
            self._probing = False
