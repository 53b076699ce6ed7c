"""What notices decide: signatures, back-off and texts. No clock, no disk."""

import base64
import binascii
import hmac
import re
from hashlib import sha256

import msgspec

from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.notices.model import Failure, Notice, SmtpSettings

SECRET_PREFIX = "whsec_"  # noqa: S105 - The prefix of secrets is none.
_SECRET_BYTES = range(24, 65)

_SECOND_MS = 1000
_HOUR_MS = 3_600_000
BACKOFF_MS = (
    5 * _SECOND_MS,
    300 * _SECOND_MS,
    1800 * _SECOND_MS,
    2 * _HOUR_MS,
    5 * _HOUR_MS,
    10 * _HOUR_MS,
    14 * _HOUR_MS,
    20 * _HOUR_MS,
    24 * _HOUR_MS,
)
"""How long after each failed attempt the next is made: three days in all. After the last one there is none."""

CLAIM_MS = 180_000
"""How long a process that claimed deliveries may take for them before another one may."""

KEPT_MS = 30 * 24 * _HOUR_MS
"""How long what was delivered is kept."""

ONCE_MS = 400 * 24 * _HOUR_MS
"""How long it is known that something was told."""

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", re.ASCII)
_EMAIL_LENGTH_MAX = 254
_SUBJECT_LENGTH_MAX = 200
_SPREAD = 5
"""Of an interval, the part by which attempts are spread: a fifth, so that what failed together does not return so."""


def signing_secret(raw: bytes) -> str:
    """Write random bytes as a secret of Standard Webhooks."""
    assert len(raw) in _SECRET_BYTES, "a signing secret has 24 to 64 bytes"
    return SECRET_PREFIX + base64.b64encode(raw).decode()


def sign(secret: str, *, id: str, timestamp_s: int, body: bytes) -> str:
    """Sign a webhook as Standard Webhooks has it: HMAC-SHA256 over `id.timestamp.body`, version 1.

    Raises:
        InvalidRequest: the secret is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise InvalidRequest("a signing secret is whsec_ and base64") from error
    signed = hmac.digest(key, f"{id}.{timestamp_s}.".encode() + body, sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def body_of(notice: Notice) -> bytes:
    """Write a notice as the body of its webhook. It is the same bytes at every attempt."""
    at = date_time(notice.at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = {"organisation": notice.organisation, "subject": notice.subject, **notice.data}
    return msgspec.json.encode({"type": notice.kind, "timestamp": at, "data": data})


def next_attempt(failure: Failure, *, attempts: int, now_ms: int, chance: int) -> int | None:
    """Say when to try again after `attempts` failed ones, or nothing once it is enough.

    `chance` is any whole number: it spreads attempts over a fifth of the interval.
    """
    if failure.gone or attempts > len(BACKOFF_MS):
        return None
    wait_ms = max(BACKOFF_MS[attempts - 1], min(failure.retry_after_s * _SECOND_MS, BACKOFF_MS[-1]))
    return now_ms + wait_ms + chance % (wait_ms // _SPREAD + 1)


def check_email(address: str) -> str:
    """Take one e-mail address, without a name and without anything that ends a header.

    Raises:
        InvalidRequest: it is none.
    """
    if len(address) > _EMAIL_LENGTH_MAX or not _EMAIL.fullmatch(address):
        raise InvalidRequest(f"{address[:80]!r} is no e-mail address: write ada@example.org")
    return address


def check_smtp(settings: SmtpSettings) -> SmtpSettings:
    """Take settings that e-mail can be sent by.

    Raises:
        ValueError: they can't be.
    """
    if settings.security not in ("starttls", "tls", "none"):
        raise ValueError("settings: notices.smtp.security is starttls, tls or none")
    if settings.host and not _EMAIL.fullmatch(settings.sender):
        raise ValueError("settings: notices.smtp.sender must be the address that e-mail comes from")
    return settings


def check_fractions(fractions: tuple[int, ...]) -> tuple[int, ...]:
    """Take percentages at which to warn, the lowest first.

    Raises:
        ValueError: one is none.
    """
    if any(not 0 < fraction <= 100 for fraction in fractions):
        raise ValueError("settings: notices.fractions are percentages from 1 to 100")
    return tuple(sorted(set(fractions)))


def line(text: str) -> str:
    """Make a text one line that can't end a header, and not too long."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_SUBJECT_LENGTH_MAX]


def letter(notice: Notice) -> str:
    """Write a notice for people."""
    facts = "".join(f"{name.replace('_', ' ')}: {_shown(value)}\n" for name, value in notice.data.items())
    return (
        f"{line(notice.subject)}\n\n{facts}\n{notice.kind} {notice.id}, {date_time(notice.at_ms):%Y-%m-%d %H:%M} UTC\n"
    )


def _shown(value: object) -> str:
    return line(value if isinstance(value, str) else msgspec.json.encode(value).decode())
