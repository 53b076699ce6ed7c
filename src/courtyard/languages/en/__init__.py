"""English."""

from courtyard.languages.en.assistant import ASSISTANT
from courtyard.languages.en.console import CONSOLE
from courtyard.languages.en.knowledge import KNOWLEDGE
from courtyard.languages.model import Language

ENGLISH = Language(code="en", name="English", strings={**CONSOLE, **ASSISTANT, **KNOWLEDGE})

__all__ = ["ENGLISH"]
