"""Swahili."""

from courtyard.languages.model import Language
from courtyard.languages.sw.assistant import ASSISTANT
from courtyard.languages.sw.console import CONSOLE
from courtyard.languages.sw.knowledge import KNOWLEDGE

SWAHILI = Language(
    code="sw",
    name="Kiswahili",
    strings={**CONSOLE, **ASSISTANT, **KNOWLEDGE},
    signs={"USD": "US$", "EUR": "€", "GBP": "£", "JPY": "JP¥", "CNY": "CN¥", "INR": "₹", "KES": "Ksh", "TZS": "TSh"},
    money_pattern="{minus}{after}\N{NO-BREAK SPACE}{number}",
    day_pattern="{day:02}/{month:02}/{year}",
    moment_pattern="{day:02}/{month:02}/{year} {hour:02}:{minute:02}:{second:02} UTC",
)

__all__ = ["SWAHILI"]
