"""Russian."""

from courtyard.languages.model import Language
from courtyard.languages.ru.assistant import ASSISTANT
from courtyard.languages.ru.console import CONSOLE
from courtyard.languages.ru.knowledge import KNOWLEDGE


def plural(count: int) -> str:
    """Tell 1, 21, 31 from 2 to 4, 22 to 24 and from all others, as CLDR does; `other` is for parts of a whole."""
    if count % 10 == 1 and count % 100 != 11:
        return "one"
    return "few" if 2 <= count % 10 <= 4 and not 12 <= count % 100 <= 14 else "many"


RUSSIAN = Language(
    code="ru",
    name="Русский",
    strings={**CONSOLE, **ASSISTANT, **KNOWLEDGE},
    plural=plural,
    signs={"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩", "RUB": "₽"},
    group="\N{NO-BREAK SPACE}",
    point=",",
    money_pattern="{minus}{number}\N{NO-BREAK SPACE}{after}",
    day_pattern="{day:02}.{month:02}.{year}",
    moment_pattern="{day:02}.{month:02}.{year} {hour:02}:{minute:02}:{second:02} UTC",
)

__all__ = ["RUSSIAN"]
