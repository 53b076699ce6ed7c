"""Says what the console has to say in the reader's language, and writes its numbers and dates."""

from courtyard.languages.model import Language
from courtyard.languages.service import Languages

__all__ = ["Language", "Languages"]
