"""What a caller's limits have left, in the headers of OpenAI's API."""

from collections.abc import Iterable

from courtyard.core.rates import Rate

_SECOND_MS = 1000
_MINUTE_S = 60
_HOUR_S = 3600


def rate_headers(rates: Iterable[Rate]) -> list[tuple[bytes, bytes]]:
    """Write `x-ratelimit-limit-requests`, `-remaining-` and `-reset-`, for each unit that is limited."""
    headers: list[tuple[bytes, bytes]] = []
    for rate in rates:
        unit = rate.unit.encode()
        headers += (
            (b"x-ratelimit-limit-%bs" % unit, b"%d" % rate.limit),
            (b"x-ratelimit-remaining-%bs" % unit, b"%d" % rate.remaining),
            (b"x-ratelimit-reset-%bs" % unit, _spell(rate.resets_ms)),
        )
    return headers


def _spell(ms: int) -> bytes:
    """Write a time as OpenAI does: `6m0s`, `250ms`."""
    if ms < _SECOND_MS:
        return b"%dms" % ms
    seconds = -(-ms // _SECOND_MS)
    hours, rest = divmod(seconds, _HOUR_S)
    minutes, seconds = divmod(rest, _MINUTE_S)
    if hours:
        return b"%dh%dm%ds" % (hours, minutes, seconds)
    return b"%dm%ds" % (minutes, seconds) if minutes else b"%ds" % seconds
