"""French."""

from courtyard.languages.fr.assistant import ASSISTANT
from courtyard.languages.fr.console import CONSOLE
from courtyard.languages.fr.knowledge import KNOWLEDGE
from courtyard.languages.model import Language


def plural(count: int) -> str:
    """Count nothing as one, and whole millions with `de`, as CLDR does."""
    if count in (0, 1):
        return "one"
    return "many" if count % 1_000_000 == 0 else "other"


FRENCH = Language(
    code="fr",
    name="Français",
    strings={**CONSOLE, **ASSISTANT, **KNOWLEDGE},
    plural=plural,
    signs={"USD": "$US", "EUR": "€", "GBP": "£GB", "INR": "₹", "KRW": "₩"},
    group="\N{NARROW NO-BREAK SPACE}",
    point=",",
    money_pattern="{minus}{number}\N{NO-BREAK SPACE}{after}",
    day_pattern="{day:02}/{month:02}/{year}",
    moment_pattern="{day:02}/{month:02}/{year} {hour:02}:{minute:02}:{second:02} UTC",
)

__all__ = ["FRENCH"]
