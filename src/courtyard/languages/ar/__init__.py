"""Arabic, with the digits 0 to 9, as in the Gulf and the Maghreb."""

from courtyard.languages.ar.assistant import ASSISTANT
from courtyard.languages.ar.console import CONSOLE
from courtyard.languages.ar.knowledge import KNOWLEDGE
from courtyard.languages.model import Language


def plural(count: int) -> str:
    """Tell the six forms of Arabic apart, as CLDR does."""
    if 0 <= count <= 2:
        return ("zero", "one", "two")[count]
    if 3 <= count % 100 <= 10:
        return "few"
    return "many" if count % 100 >= 11 else "other"


_RIGHT = "\N{RIGHT-TO-LEFT MARK}"

ARABIC = Language(
    code="ar",
    name="العربية",
    direction="rtl",
    strings={**CONSOLE, **ASSISTANT, **KNOWLEDGE},
    plural=plural,
    signs={"USD": "US$", "EUR": "€", "GBP": "£", "JPY": "JP¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩"},
    # Amounts read from the left as one piece, as on invoices.
    money_pattern="\u2066{minus}{number}\N{NO-BREAK SPACE}{after}\u2069",
    # The marks keep the day at the right, where a reader begins.
    day_pattern=f"{{day:02}}{_RIGHT}/{{month:02}}{_RIGHT}/{{year}}",
    moment_pattern=f"{{day:02}}{_RIGHT}/{{month:02}}{_RIGHT}/{{year}} {{hour:02}}:{{minute:02}}:{{second:02}} UTC",
)

__all__ = ["ARABIC"]
