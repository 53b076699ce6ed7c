"""Tells people and their systems what happened to their money, once, by webhook and e-mail."""

from courtyard.notices.deadlines import Deadlines
from courtyard.notices.model import (
    EVERYBODY,
    Channel,
    Delivery,
    Endpoint,
    Kind,
    NewEndpoint,
    Notice,
    NoticesSettings,
    SmtpSettings,
    State,
)
from courtyard.notices.service import Notices
from courtyard.notices.telling import tell

__all__ = [
    "EVERYBODY",
    "Channel",
    "Deadlines",
    "Delivery",
    "Endpoint",
    "Kind",
    "NewEndpoint",
    "Notice",
    "Notices",
    "NoticesSettings",
    "SmtpSettings",
    "State",
    "tell",
]
